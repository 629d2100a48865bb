// Locks through pgz.h: what a deadlock says, and a large batch.
#include <cstring>
#include <string>

#include "capi/abi_test.h"

namespace {

class AbiLocks : public Abi {};

TEST_F(AbiLocks, ADeadlockSaysWhoWaitsForWhom) {
  pgz_txn* txns[3];
  for (uint64_t i = 0; i < 3; i++) {
    pgz_txn_options options{};
    options.struct_size = sizeof(options);
    options.owner = i + 1;
    ASSERT_EQ(pgz_txn_begin(db_, &options, &txns[i], &err_), PGZ_OK);
  }
  const std::string locks[] = {lock_entry(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1, "row"),
                               lock_entry(PGZ_LOCK_TABLE, PGZ_TABLE_EXCLUSIVE, 1, "table"),
                               lock_entry(PGZ_LOCK_ADVISORY, PGZ_TABLE_SHARE, 1, "advice"),
                               lock_entry(PGZ_LOCK_ADVISORY, PGZ_TABLE_EXCLUSIVE, 1, "advice")};
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.deadlock_timeout_us = 60'000'000;
  size_t taken = 0;
  for (int i = 0; i < 3; i++) {
    ASSERT_EQ(pgz_txn_lock(txns[i], locks[i].data(), locks[i].size(), &wait, &taken, &err_),
              PGZ_OK);
  }
  // The first looks, after the others wait.
  wait.tag = 2;
  EXPECT_EQ(pgz_txn_lock(txns[1], locks[3].data(), locks[3].size(), &wait, &taken, &err_),
            PGZ_PENDING);
  wait.tag = 3;
  EXPECT_EQ(pgz_txn_lock(txns[2], locks[0].data(), locks[0].size(), &wait, &taken, &err_),
            PGZ_PENDING);
  wait.tag = 1;
  wait.deadlock_timeout_us = 1000;
  EXPECT_EQ(pgz_txn_lock(txns[0], locks[1].data(), locks[1].size(), &wait, &taken, &err_),
            PGZ_PENDING);
  pgz_lock_info cycle[3];
  char names[16];
  size_t count = 7;
  size_t used = 7;
  EXPECT_EQ(pgz_txn_deadlock(txns[1], cycle, 3, &count, names, 16, &used, &err_), PGZ_MISUSE);
  const pgz_completion ended = reap_one();
  EXPECT_EQ(ended.tag, 1u);
  EXPECT_EQ(ended.status, PGZ_DEADLOCK);
  EXPECT_EQ(pgz_txn_deadlock(txns[0], cycle, 2, &count, names, 16, &used, &err_),
            PGZ_BUFFER_TOO_SMALL);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(used, 14u);
  ASSERT_EQ(pgz_txn_deadlock(txns[0], cycle, 3, &count, names, 16, &used, &err_), PGZ_OK);
  const char* const waited_for[] = {"table", "advice", "row"};
  const int modes[] = {PGZ_TABLE_EXCLUSIVE, PGZ_TABLE_EXCLUSIVE, PGZ_ROW_UPDATE};
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ(cycle[i].owner, i + 1);
    EXPECT_EQ(cycle[i].mode, modes[i]);
    EXPECT_EQ(cycle[i].granted, 0);
    EXPECT_EQ(std::string(names + cycle[i].name_offset, cycle[i].name_len), waited_for[i]);
  }
  for (pgz_txn* txn : txns) EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
}

TEST_F(AbiLocks, AHundredThousandLocksInOneBatch) {
  constexpr uint32_t kKeys = 100'000;
  std::string batch;
  for (uint32_t i = 0; i < kKeys; i++) {
    batch += lock_entry(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1 + i, "key" + std::to_string(i));
  }
  pgz_stats stats{};
  const auto held = [&] {
    stats.struct_size = sizeof(stats);
    EXPECT_EQ(pgz_stats_get(db_, &stats, &err_), PGZ_OK);
    return stats.locks_held;
  };
  pgz_txn* txn = begin();
  size_t taken = 0;
  for (int again = 0; again < 2; again++) {  // held already: nothing more
    EXPECT_EQ(pgz_txn_lock(txn, batch.data(), batch.size(), nullptr, &taken, &err_), PGZ_OK);
    EXPECT_EQ(taken, kKeys);
    EXPECT_EQ(held(), kKeys);
  }
  EXPECT_LT(stats.lock_memory_bytes, 200u * kKeys);
  // A second one gets as far as the first taken key, and nothing is queued behind a wait it may not
  // have.
  pgz_txn* other = begin();
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.try_only = 1;
  const std::string mixed = lock_entry(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1, "free") + batch;
  EXPECT_EQ(pgz_txn_lock(other, mixed.data(), mixed.size(), &wait, &taken, &err_), PGZ_BUSY);
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(pgz_txn_rollback_to(txn, 1 + kKeys / 2, &err_), PGZ_OK);
  EXPECT_EQ(held(), 1 + kKeys / 2);
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_lock(other, mixed.data(), mixed.size(), &wait, &taken, &err_), PGZ_OK);
  EXPECT_EQ(taken, 1 + kKeys);
  EXPECT_EQ(pgz_txn_free(other, &err_), PGZ_OK);
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(stats.lock_memory_bytes, 0u);
}

TEST_F(AbiLocks, OneLockIsGivenBackUnlessItsRowWasWritten) {
  pgz_txn* txn = begin();
  pgz_txn* other = begin();
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.try_only = 1;
  size_t taken = 0;
  const auto lock = [&](pgz_txn* t, uint8_t mode, uint32_t op) {
    const std::string entry = lock_entry(PGZ_LOCK_ROW, mode, op, "k");
    return pgz_txn_lock(t, entry.data(), entry.size(), &wait, &taken, &err_);
  };
  const auto unlock = [&](uint32_t space, uint32_t mode, uint32_t op) {
    return pgz_txn_unlock(txn, space, mode, op, "k", 1, &err_);
  };
  EXPECT_EQ(unlock(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1), PGZ_NOT_FOUND);
  EXPECT_EQ(lock(txn, PGZ_ROW_UPDATE, 1), PGZ_OK);
  EXPECT_EQ(lock(txn, PGZ_ROW_UPDATE, 2), PGZ_OK);
  EXPECT_EQ(unlock(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 2), PGZ_NOT_FOUND);
  EXPECT_EQ(lock(other, PGZ_ROW_UPDATE, 1), PGZ_BUSY);
  EXPECT_EQ(unlock(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1), PGZ_OK);
  EXPECT_EQ(lock(other, PGZ_ROW_UPDATE, 1), PGZ_OK);
  EXPECT_EQ(pgz_txn_rollback_to(other, 0, &err_), PGZ_OK);

  EXPECT_EQ(lock(txn, PGZ_ROW_UPDATE, 3), PGZ_OK);
  std::string batch;
  append_write(&batch, PGZ_WRITE_PUT, 3, "k", "v");
  EXPECT_EQ(pgz_txn_write(txn, batch.data(), batch.size(), &err_), PGZ_OK);
  EXPECT_EQ(unlock(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 3), PGZ_INVALID_ARG);
  EXPECT_EQ(lock(other, PGZ_ROW_UNWRITTEN, 1), PGZ_BUSY);
  EXPECT_EQ(pgz_txn_rollback_to(txn, 3, &err_), PGZ_OK);
  EXPECT_EQ(lock(other, PGZ_ROW_UNWRITTEN, 1), PGZ_OK);

  EXPECT_EQ(unlock(PGZ_LOCK_READ, PGZ_READ_KEY, 1), PGZ_INVALID_ARG);
  EXPECT_EQ(unlock(PGZ_LOCK_ROW, PGZ_ROW_UNWRITTEN + 1, 1), PGZ_INVALID_ARG);
  EXPECT_EQ(unlock(PGZ_LOCK_ROW + 256, PGZ_ROW_UPDATE, 1), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_unlock(txn, PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1, nullptr, 1, &err_),
            PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_unlock(nullptr, PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1, "k", 1, &err_),
            PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(other, &err_), PGZ_OK);
}

TEST_F(AbiLocks, ReadsOfSerializableTransactionsAreListed) {
  pgz_txn_options options{};
  options.struct_size = sizeof(options);
  options.owner = 77;
  options.isolation = PGZ_SERIALIZABLE;
  pgz_txn* txn = nullptr;
  ASSERT_EQ(pgz_txn_begin(db_, &options, &txn, &err_), PGZ_OK);
  void* value = nullptr;
  size_t n = 0;
  EXPECT_EQ(pgz_txn_get(txn, "abc", 3, &value, &n, &err_), PGZ_NOT_FOUND);
  pgz_iter* iter = nullptr;
  for (const char* upper : {"q", ""}) {
    const char* lower = *upper == '\0' ? "x" : "p";
    ASSERT_EQ(pgz_txn_scan(txn, lower, 1, upper, strlen(upper), &iter, &err_), PGZ_OK);
    const void* key = nullptr;
    const void* found = nullptr;
    EXPECT_EQ(pgz_iter_next(iter, &key, &n, &found, &n, &err_), PGZ_NOT_FOUND);
    EXPECT_EQ(pgz_iter_close(iter, &err_), PGZ_OK);
  }
  pgz_lock_info reads[4];
  char names[64];
  size_t count = 0;
  size_t used = 0;
  EXPECT_EQ(pgz_lock_list(db_, PGZ_LIST_AWAITED | PGZ_LIST_READS, reads, 4, &count, names, 64,
                          &used, &err_),
            PGZ_INVALID_ARG);
  ASSERT_EQ(pgz_lock_list(db_, PGZ_LIST_AWAITED, reads, 4, &count, names, 64, &used, &err_),
            PGZ_OK);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(pgz_lock_list(db_, PGZ_LIST_AWAITED << 1, reads, 4, &count, names, 64, &used, &err_),
            PGZ_INVALID_ARG);
  ASSERT_EQ(pgz_lock_list(db_, 0, reads, 4, &count, names, 64, &used, &err_), PGZ_OK);
  EXPECT_EQ(count, 0u);
  ASSERT_EQ(pgz_lock_list(db_, PGZ_LIST_READS, reads, 4, &count, names, 64, &used, &err_), PGZ_OK);
  ASSERT_EQ(count, 3u);
  const std::string expected[] = {std::string("\3\0\0\0abc", 7), std::string("\1\0\0\0pq", 6),
                                  std::string("\1\0\0\0x", 5)};
  const int modes[] = {PGZ_READ_KEY, PGZ_READ_RANGE, PGZ_READ_FROM};
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ(reads[i].owner, 77u);
    EXPECT_EQ(reads[i].space, PGZ_LOCK_READ);
    EXPECT_EQ(reads[i].mode, modes[i]);
    EXPECT_EQ(std::string(names + reads[i].name_offset, reads[i].name_len), expected[i]);
  }
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  ASSERT_EQ(pgz_lock_list(db_, PGZ_LIST_READS, reads, 4, &count, names, 64, &used, &err_), PGZ_OK);
  EXPECT_EQ(count, 0u);
}

}  // namespace
