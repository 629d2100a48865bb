// Null, stale and foreign handles, wrong arguments: a status, never a crash.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "pgz.h"

namespace {

class Misuse : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "pgz-misuse-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    dir_ = path;
    ASSERT_EQ(pgz_open(db_path().c_str(), nullptr, &db_, nullptr), PGZ_OK);
  }
  void TearDown() override {
    pgz_close(db_, nullptr);
    std::filesystem::remove_all(dir_);
  }
  std::string db_path() const { return dir_ + "/db"; }

  std::string dir_;
  pgz_db* db_ = nullptr;
};

// Every call that takes a database, with one; the answers must all be `want`.
void every_db_call(pgz_db* db, pgz_status want) {
  void* value = nullptr;
  size_t n = 0;
  uint64_t u = 0;
  int fd = 0;
  pgz_iter* iter = nullptr;
  pgz_txn* txn = nullptr;
  pgz_cursor* cursor = nullptr;
  pgz_completion completion;
  pgz_row row;
  char buffer[8];
  pgz_stats stats{};
  stats.struct_size = sizeof(stats);
  pgz_fetch fetch{};
  fetch.struct_size = sizeof(fetch);
  pgz_error err{};
  EXPECT_EQ(pgz_flush(db, &err), want);
  EXPECT_EQ(err.code, want);
  EXPECT_NE(err.message[0], '\0');
  EXPECT_EQ(pgz_stats_get(db, &stats, nullptr), want);
  pgz_latency latency{};
  latency.struct_size = sizeof(latency);
  EXPECT_EQ(pgz_latency_get(db, PGZ_OPERATION_READ, &latency, nullptr), want);
  EXPECT_EQ(pgz_snapshot_list(db, nullptr, 0, &n, nullptr), want);
  EXPECT_EQ(pgz_snapshot_pins(db, nullptr, 0, &n, nullptr), want);
  EXPECT_EQ(pgz_put(db, "k", 1, "v", 1, nullptr), want);
  EXPECT_EQ(pgz_delete(db, "k", 1, nullptr), want);
  EXPECT_EQ(pgz_get(db, "k", 1, &value, &n, nullptr), want);
  EXPECT_EQ(pgz_scan(db, "", 0, "", 0, &iter, nullptr), want);
  EXPECT_EQ(pgz_txn_begin(db, nullptr, &txn, nullptr), want);
  EXPECT_EQ(pgz_event_fd(db, &fd, nullptr), want);
  EXPECT_EQ(pgz_reap(db, &completion, 1, &n, nullptr), want);
  EXPECT_EQ(pgz_snapshot_acquire(db, &u, nullptr), want);
  EXPECT_EQ(pgz_snapshot_release(db, 1, nullptr), want);
  EXPECT_EQ(pgz_snapshot_share(db, 1, nullptr), want);
  EXPECT_EQ(pgz_read(db, nullptr, 1, 0, "k", 1, buffer, 8, &row, nullptr), want);
  EXPECT_EQ(pgz_multi_get(db, nullptr, 1, 0, nullptr, 0, &fetch, nullptr), want);
  EXPECT_EQ(pgz_cursor_open(db, nullptr, nullptr, "", 0, "", 0, &cursor, nullptr), want);
  EXPECT_EQ(pgz_approximate_bytes(db, "", 0, "", 0, &u, nullptr), want);
  EXPECT_EQ(pgz_blocked_by(db, 1, &u, 1, &n, nullptr), want);
  EXPECT_EQ(pgz_lock_list(db, 0, nullptr, 0, &n, nullptr, 0, &n, nullptr), want);
  EXPECT_EQ(pgz_safe_blocked_by(db, 1, &u, 1, &n, nullptr), want);
  EXPECT_EQ(pgz_counter_reserve(db, "c", 1, 1, 0, &u, nullptr), want);
  EXPECT_EQ(pgz_counter_get(db, "c", 1, &u, nullptr), want);
  EXPECT_EQ(pgz_close(db, nullptr), want);
}

void every_txn_call(pgz_db* db, pgz_txn* txn, pgz_status want) {
  void* value = nullptr;
  size_t n = 0;
  uint64_t u = 0;
  pgz_iter* iter = nullptr;
  pgz_row row;
  char buffer[8];
  EXPECT_EQ(pgz_txn_put(txn, "k", 1, "v", 1, nullptr), want);
  EXPECT_EQ(pgz_txn_delete(txn, "k", 1, nullptr), want);
  EXPECT_EQ(pgz_txn_get(txn, "k", 1, &value, &n, nullptr), want);
  EXPECT_EQ(pgz_txn_scan(txn, "", 0, "", 0, &iter, nullptr), want);
  EXPECT_EQ(pgz_txn_write(txn, nullptr, 0, nullptr), want);
  EXPECT_EQ(pgz_txn_serialize(txn, 0, nullptr, &u, nullptr), want);
  EXPECT_EQ(pgz_txn_wait_safe(txn, 0, nullptr), want);
  EXPECT_EQ(pgz_txn_rollback_to(txn, 1, nullptr), want);
  EXPECT_EQ(pgz_txn_commit_submit(txn, nullptr, 0, 0, 0, &u, nullptr), want);
  EXPECT_EQ(pgz_txn_commit(txn, nullptr), want);
  EXPECT_EQ(pgz_txn_lock(txn, nullptr, 0, nullptr, &n, nullptr), want);
  EXPECT_EQ(pgz_txn_deadlock(txn, nullptr, 0, &n, nullptr, 0, &n, nullptr), want);
  EXPECT_EQ(pgz_txn_lock_read(txn, PGZ_ROW_UPDATE, 1, nullptr, "k", 1, buffer, 8, &row, nullptr),
            want);
  if (txn != nullptr) {
    EXPECT_EQ(pgz_read(db, txn, 1, 0, "k", 1, buffer, 8, &row, nullptr), want);
  }
  EXPECT_EQ(pgz_txn_abort(txn, nullptr), want);
}

TEST_F(Misuse, NullHandles) {
  every_db_call(nullptr, PGZ_INVALID_ARG);
  every_txn_call(db_, nullptr, PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_free(nullptr, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_cancel(nullptr, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_cursor_close(nullptr, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_iter_close(nullptr, nullptr), PGZ_INVALID_ARG);
  pgz_free(nullptr);
  pgz_options_init(nullptr);
}

TEST_F(Misuse, ForeignHandles) {
  pgz_txn* txn = nullptr;
  ASSERT_EQ(pgz_txn_begin(db_, nullptr, &txn, nullptr), PGZ_OK);
  every_db_call(reinterpret_cast<pgz_db*>(txn), PGZ_INVALID_ARG);
  every_db_call(reinterpret_cast<pgz_db*>(0xdeadbeef0001), PGZ_INVALID_ARG);
  every_txn_call(db_, reinterpret_cast<pgz_txn*>(db_), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_free(txn, nullptr), PGZ_OK);
}

TEST_F(Misuse, AfterClose) {
  pgz_txn* txn = nullptr;
  pgz_cursor* cursor = nullptr;
  pgz_cursor* own = nullptr;
  pgz_iter* iter = nullptr;
  ASSERT_EQ(pgz_txn_begin(db_, nullptr, &txn, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_txn_put(txn, "k", 1, "v", 1, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_cursor_open(db_, nullptr, nullptr, "", 0, "", 0, &cursor, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_cursor_open(db_, txn, nullptr, "", 0, "", 0, &own, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_scan(db_, "", 0, "", 0, &iter, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_close(db_, nullptr), PGZ_OK);
  every_db_call(db_, PGZ_CLOSED);
  every_txn_call(db_, txn, PGZ_CLOSED);
  EXPECT_EQ(pgz_txn_free(txn, nullptr), PGZ_CLOSED);
  pgz_fetch fetch{};
  fetch.struct_size = sizeof(fetch);
  EXPECT_EQ(pgz_cursor_fetch(cursor, &fetch, nullptr), PGZ_CLOSED);
  EXPECT_EQ(pgz_cursor_close(cursor, nullptr), PGZ_CLOSED);
  EXPECT_EQ(pgz_cursor_close(own, nullptr), PGZ_CLOSED);
  EXPECT_EQ(pgz_iter_close(iter, nullptr), PGZ_CLOSED);
  // What was not committed is gone, and the directory can be opened again.
  pgz_db* again = nullptr;
  ASSERT_EQ(pgz_open(db_path().c_str(), nullptr, &again, nullptr), PGZ_OK);
  void* value = nullptr;
  size_t n = 0;
  EXPECT_EQ(pgz_get(again, "k", 1, &value, &n, nullptr), PGZ_NOT_FOUND);
  // The slots are used again; old tokens stay dead.
  every_db_call(db_, PGZ_CLOSED);
  EXPECT_EQ(pgz_close(again, nullptr), PGZ_OK);
}

TEST_F(Misuse, FreedTransactionClosesItsCursors) {
  pgz_txn* txn = nullptr;
  pgz_cursor* cursor = nullptr;
  ASSERT_EQ(pgz_txn_begin(db_, nullptr, &txn, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_cursor_open(db_, txn, nullptr, "", 0, "", 0, &cursor, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_txn_abort(txn, nullptr), PGZ_OK);
  every_txn_call(db_, txn, PGZ_TXN_OVER);
  EXPECT_EQ(pgz_txn_free(txn, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_cursor_close(cursor, nullptr), PGZ_CLOSED);
}

TEST_F(Misuse, WrongArguments) {
  pgz_txn* txn = nullptr;
  ASSERT_EQ(pgz_txn_begin(db_, nullptr, &txn, nullptr), PGZ_OK);
  const std::string long_key(PGZ_KEY_MAX + 1, 'k');
  EXPECT_EQ(pgz_put(db_, "", 0, "v", 1, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_put(db_, nullptr, 3, "v", 1, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_put(db_, "k", 1, nullptr, 1, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_put(db_, long_key.data(), long_key.size(), "v", 1, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_put(db_, "k", 1, "v", size_t{1} << 30, nullptr), PGZ_INVALID_ARG);
  pgz_db* none = nullptr;
  EXPECT_EQ(pgz_open("", nullptr, &none, nullptr), PGZ_INVALID_ARG);

  // Batches: every strict prefix of a good one is malformed and leaves nothing behind.
  const char good[] = "\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0kv";
  for (size_t n = 1; n < 18; n++) {
    EXPECT_EQ(pgz_txn_write(txn, good, n, nullptr), PGZ_INVALID_ARG) << n;
  }
  for (size_t at : {0, 1, 2, 4, 8}) {
    std::string bad(good, 18);
    bad[at] = at == 4 ? '\0' : '\x7f';
    EXPECT_EQ(pgz_txn_write(txn, bad.data(), bad.size(), nullptr), PGZ_INVALID_ARG) << at;
  }
  char buffer[8];
  pgz_row row;
  EXPECT_EQ(pgz_read(db_, txn, PGZ_SNAPSHOT_NEWEST, PGZ_OP_ALL, "k", 1, buffer, 8, &row, nullptr),
            PGZ_NOT_FOUND);
  EXPECT_EQ(pgz_txn_write(txn, good, 18, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_read(db_, txn, PGZ_SNAPSHOT_NEWEST, PGZ_OP_ALL, "k", 1, buffer, 8, &row, nullptr),
            PGZ_OK);
  size_t taken = 0;
  const char lock[] = "\1\4\0\0\1\0\0\0\1\0\0\0k";
  for (size_t n = 1; n < 13; n++) {
    EXPECT_EQ(pgz_txn_lock(txn, lock, n, nullptr, &taken, nullptr), PGZ_INVALID_ARG) << n;
  }
  EXPECT_EQ(pgz_txn_lock(txn, "\1\10\0\0\1\0\0\0\1\0\0\0k", 13, nullptr, &taken, nullptr),
            PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_lock(txn, "\x9\1\0\0\1\0\0\0\1\0\0\0k", 13, nullptr, &taken, nullptr),
            PGZ_INVALID_ARG);
  pgz_txn_options small{};
  small.struct_size = 4;
  pgz_txn* other = nullptr;
  EXPECT_EQ(pgz_txn_begin(db_, &small, &other, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_free(txn, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(txn, nullptr), PGZ_CLOSED);
}

// Threads use and close one database at the same time.
TEST_F(Misuse, CloseUnderLoad) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      const std::string key = "key" + std::to_string(t % 2);
      for (pgz_status s = PGZ_OK; s != PGZ_CLOSED;) {
        s = pgz_put(db_, key.data(), key.size(), "v", 1, nullptr);
        ASSERT_TRUE(s == PGZ_OK || s == PGZ_CLOSED) << s;
        pgz_txn* txn = nullptr;
        if (pgz_txn_begin(db_, nullptr, &txn, nullptr) != PGZ_OK) continue;
        s = pgz_txn_put(txn, key.data(), key.size(), "w", 1, nullptr);
        ASSERT_TRUE(s == PGZ_OK || s == PGZ_CLOSED || s == PGZ_CONFLICT) << s;
        pgz_txn_free(txn, nullptr);
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(pgz_close(db_, nullptr), PGZ_OK);
  for (auto& thread : threads) thread.join();
}

// While others read figures and lists, which look at everything that goes away.
TEST_F(Misuse, CloseUnderFigures) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&, t] {
      pgz_stats stats{};
      pgz_latency latency{};
      pgz_snapshot_pin pins[4];
      pgz_lock_info locks[16];
      char names[256];
      size_t count = 0;
      size_t used = 0;
      uint64_t snapshot = 0;
      for (pgz_status s = PGZ_OK; s != PGZ_CLOSED;) {
        stats.struct_size = sizeof(stats);
        latency.struct_size = sizeof(latency);
        const bool is_held = pgz_snapshot_acquire(db_, &snapshot, nullptr) == PGZ_OK;
        s = t == 0   ? pgz_stats_get(db_, &stats, nullptr)
            : t == 1 ? pgz_snapshot_pins(db_, pins, 4, &count, nullptr)
                     : pgz_latency_get(db_, PGZ_OPERATION_COMMIT, &latency, nullptr);
        ASSERT_TRUE(s == PGZ_OK || s == PGZ_CLOSED) << s;
        s = pgz_lock_list(db_, PGZ_LIST_HELD_ROWS, locks, 16, &count, names, 256, &used, nullptr);
        ASSERT_TRUE(s == PGZ_OK || s == PGZ_CLOSED || s == PGZ_BUFFER_TOO_SMALL) << s;
        if (is_held) (void)pgz_snapshot_release(db_, snapshot, nullptr);
      }
    });
  }
  const std::string value(20'000, 'v');
  for (int i = 0; i < 50; i++) {
    const std::string key = "key" + std::to_string(i % 7);
    EXPECT_EQ(pgz_put(db_, key.data(), key.size(), value.data(), value.size(), nullptr), PGZ_OK);
  }
  EXPECT_EQ(pgz_flush(db_, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_close(db_, nullptr), PGZ_OK);
  for (auto& thread : threads) thread.join();
}

// Waits that nobody would ever end, begun before the close and during it.
TEST_F(Misuse, CloseEndsWaitsForASafeSnapshot) {
  pgz_txn_options options{};
  options.struct_size = sizeof(options);
  options.isolation = PGZ_SERIALIZABLE;
  pgz_txn* writer = nullptr;
  ASSERT_EQ(pgz_txn_begin(db_, &options, &writer, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_txn_put(writer, "k", 1, "v", 1, nullptr), PGZ_OK);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; t++) {
    threads.emplace_back([&, t] {
      std::this_thread::sleep_for(std::chrono::milliseconds(4 * t));
      pgz_txn_options reads = options;
      reads.read_only = 1;
      pgz_txn* reader = nullptr;
      if (pgz_txn_begin(db_, &reads, &reader, nullptr) != PGZ_OK) return;
      EXPECT_EQ(pgz_txn_wait_safe(reader, 0, nullptr), PGZ_CLOSED);
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(15));
  EXPECT_EQ(pgz_close(db_, nullptr), PGZ_OK);
  for (auto& thread : threads) thread.join();
}

// A program that is older or newer than the library: what lies behind its struct_size, and behind
// what the library knows of, is left alone.
TEST_F(Misuse, StructsOfOtherAges) {
  constexpr uint32_t kMore = 64;
  alignas(8) unsigned char bytes[sizeof(pgz_stats) + kMore];
  auto* stats = reinterpret_cast<pgz_stats*>(bytes);
  for (uint32_t size = 0; size <= sizeof(bytes); size += 4) {
    std::memset(bytes, 0xaa, sizeof(bytes));
    stats->struct_size = size;
    const pgz_status want = size < 8 ? PGZ_INVALID_ARG : PGZ_OK;
    ASSERT_EQ(pgz_stats_get(db_, stats, nullptr), want) << size;
    ASSERT_EQ(stats->struct_size, size);
    const size_t written = size < 8 ? 4 : std::min<size_t>(size, sizeof(pgz_stats));
    for (size_t i = written; i < sizeof(bytes); i++) ASSERT_EQ(bytes[i], 0xaa) << size << " " << i;
  }
}

}  // namespace
