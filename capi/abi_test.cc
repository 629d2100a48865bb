// What pgz.h promises, through pgz.h alone.
#include "capi/abi_test.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pgz.h"

namespace {

TEST_F(Abi, HowFilesAreUsedIsSaidAndCanBeAskedFor) {
  char text[256];
  ASSERT_EQ(pgz_io_describe(db_, text, sizeof(text), &err_), PGZ_OK) << err_.message;
  EXPECT_NE(std::string(text).find("durable writes by "), std::string::npos) << text;
  char cut[6];
  ASSERT_EQ(pgz_io_describe(db_, cut, sizeof(cut), &err_), PGZ_OK);
  EXPECT_EQ(std::string(cut), std::string(text).substr(0, 5));
  EXPECT_EQ(pgz_io_describe(db_, text, 0, &err_), PGZ_INVALID_ARG);

  pgz_options options;
  pgz_options_init(&options);
  options.io_backend = PGZ_IO_POSIX;
  options.durable_writes = PGZ_DURABLE_SYNC;
  pgz_db* other = nullptr;
  const std::string path = dir_ + "/other";
  ASSERT_EQ(pgz_open(path.c_str(), &options, &other, &err_), PGZ_OK) << err_.message;
  ASSERT_EQ(pgz_io_describe(other, text, sizeof(text), &err_), PGZ_OK) << err_.message;
  EXPECT_TRUE(std::string(text).starts_with("posix, durable writes by write and sync")) << text;
  ASSERT_EQ(pgz_close(other, &err_), PGZ_OK);
  options.io_backend = 9;
  EXPECT_EQ(pgz_open(path.c_str(), &options, &other, &err_), PGZ_INVALID_ARG);
  options.io_backend = PGZ_IO_AUTO;
  options.table_io = PGZ_TABLES_DIRECT + 1;
  EXPECT_EQ(pgz_open(path.c_str(), &options, &other, &err_), PGZ_INVALID_ARG);
}

TEST_F(Abi, SimpleCallsSurviveReopening) {
  EXPECT_EQ(get("k"), "<1>");
  EXPECT_EQ(put("k", "v"), PGZ_OK);
  EXPECT_EQ(put("empty", ""), PGZ_OK);
  EXPECT_EQ(put("gone", "x"), PGZ_OK);
  EXPECT_EQ(pgz_delete(db_, "gone", 4, &err_), PGZ_OK);
  const std::string big(3 << 20, 'b');
  EXPECT_EQ(put("big", big), PGZ_OK);
  reopen();
  EXPECT_EQ(get("k"), "v");
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(get("gone"), "<1>");
  EXPECT_TRUE(get("big") == big);
  EXPECT_EQ(pgz_flush(db_, &err_), PGZ_OK) << err_.message;
  reopen();
  EXPECT_TRUE(get("big") == big);
}

TEST_F(Abi, ScanWalksInOrder) {
  for (int i = 0; i < 1000; i++) {
    char key[16];
    std::snprintf(key, sizeof(key), "%04d", i * 7 % 1000);
    ASSERT_EQ(put(key, std::string(static_cast<size_t>(i % 200), 'v')), PGZ_OK);
  }
  pgz_iter* iter = nullptr;
  ASSERT_EQ(pgz_scan(db_, "0100", 4, "0900", 4, &iter, &err_), PGZ_OK);
  const void* key = nullptr;
  const void* value = nullptr;
  size_t key_len = 0;
  size_t value_len = 0;
  int expected = 100;
  pgz_status s = PGZ_OK;
  while ((s = pgz_iter_next(iter, &key, &key_len, &value, &value_len, &err_)) == PGZ_OK) {
    EXPECT_EQ(std::stoi(std::string(static_cast<const char*>(key), key_len)), expected++);
  }
  EXPECT_EQ(s, PGZ_NOT_FOUND);
  EXPECT_EQ(expected, 900);
  EXPECT_EQ(pgz_iter_close(iter, &err_), PGZ_OK);
  EXPECT_EQ(pgz_iter_close(iter, &err_), PGZ_CLOSED);
}

TEST_F(Abi, FirstCommitterWins) {
  ASSERT_EQ(put("k", "0"), PGZ_OK);
  pgz_txn* a = begin();
  pgz_txn* b = begin();
  void* value = nullptr;
  size_t n = 0;
  ASSERT_EQ(pgz_txn_get(b, "k", 1, &value, &n, &err_), PGZ_OK);
  pgz_free(value);
  EXPECT_EQ(pgz_txn_put(a, "k", 1, "a", 1, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_commit(a, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_commit(a, &err_), PGZ_TXN_OVER);
  EXPECT_EQ(pgz_txn_put(b, "k", 1, "b", 1, &err_), PGZ_CONFLICT);
  EXPECT_EQ(pgz_txn_abort(b, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(a, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(b, &err_), PGZ_OK);
  pgz_txn* c = begin(PGZ_READ_COMMITTED);
  EXPECT_EQ(pgz_txn_put(c, "k", 1, "c", 1, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_commit(c, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(c, &err_), PGZ_OK);
  EXPECT_EQ(get("k"), "c");
}

TEST_F(Abi, CommitsAndLocksReportThroughTheRing) {
  pgz_txn* a = begin();
  pgz_txn* b = begin();
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.tag = 77;
  size_t taken = 0;
  const std::string lock = lock_entry(PGZ_LOCK_ROW, PGZ_ROW_UPDATE, 1, "k");
  EXPECT_EQ(pgz_txn_lock(a, lock.data(), lock.size(), &wait, &taken, &err_), PGZ_OK);
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(pgz_txn_lock(b, lock.data(), lock.size(), &wait, &taken, &err_), PGZ_PENDING);
  EXPECT_EQ(taken, 0u);
  pgz_lock_info locks[2];
  char names[2];
  size_t count = 0, used = 0;
  EXPECT_EQ(pgz_lock_list(db_, 0, locks, 0, &count, names, 2, &used, &err_), PGZ_BUFFER_TOO_SMALL);
  EXPECT_EQ(pgz_lock_list(db_, 0, locks, 2, &count, names, 2, &used, &err_), PGZ_OK);
  EXPECT_EQ(count, 1u);
  EXPECT_TRUE(locks[0].granted == 0 && locks[0].mode == PGZ_ROW_UPDATE && names[0] == 'k');
  EXPECT_EQ(pgz_lock_list(db_, 1, locks, 2, &count, names, 2, &used, &err_), PGZ_OK);
  EXPECT_EQ(count, 2u);
  // A transaction that waits can only be cancelled or freed.
  EXPECT_EQ(pgz_txn_write(b, nullptr, 0, &err_), PGZ_MISUSE);
  std::string batch;
  append_write(&batch, PGZ_WRITE_PUT, 1, "k", "v");
  append_write(&batch, PGZ_WRITE_MOVE, 1, "old", "new");
  uint64_t ts = 0;
  EXPECT_EQ(pgz_txn_commit_submit(a, batch.data(), batch.size(), 0, 78, &ts, &err_), PGZ_PENDING);
  pgz_completion first = reap_one();
  pgz_completion second = reap_one();
  if (first.tag == 77) std::swap(first, second);
  EXPECT_EQ(first.tag, 78u);
  EXPECT_EQ(first.status, PGZ_OK);
  EXPECT_GT(first.value, 0u);
  EXPECT_EQ(second.tag, 77u);
  EXPECT_EQ(second.status, PGZ_OK);
  // Whoever waited sees the outcome.
  char buffer[8];
  pgz_row row{};
  EXPECT_EQ(
      pgz_txn_lock_read(b, PGZ_ROW_UPDATE, 1, &wait, "k", 1, buffer, sizeof(buffer), &row, &err_),
      PGZ_OK);
  EXPECT_EQ(row.timestamp, first.value);
  EXPECT_EQ(std::string(buffer, row.value_len), "v");
  EXPECT_EQ(pgz_read(db_, nullptr, PGZ_SNAPSHOT_NEWEST, 0, "old", 3, buffer, 8, &row, &err_),
            PGZ_NOT_FOUND);
  EXPECT_EQ(row.kind, PGZ_VERSION_MOVED);
  EXPECT_EQ(std::string(buffer, row.value_len), "new");
  EXPECT_EQ(pgz_read(db_, nullptr, PGZ_SNAPSHOT_NEWEST, 0, "old", 3, buffer, 2, &row, &err_),
            PGZ_BUFFER_TOO_SMALL);
  EXPECT_EQ(row.value_len, 3u);
  EXPECT_EQ(pgz_txn_free(a, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(b, &err_), PGZ_OK);
}

TEST_F(Abi, CancelledWaitEndsOnce) {
  pgz_txn* a = begin();
  pgz_txn* b = begin();
  EXPECT_EQ(pgz_txn_put(a, "k", 1, "", 0, &err_), PGZ_OK);
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.tag = 5;
  size_t taken = 0;
  const std::string lock = lock_entry(PGZ_LOCK_ROW, PGZ_ROW_KEY_SHARE, 1, "k");
  EXPECT_EQ(pgz_txn_lock(b, lock.data(), lock.size(), &wait, &taken, &err_), PGZ_PENDING);
  EXPECT_EQ(pgz_txn_cancel(b, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_cancel(b, &err_), PGZ_NOT_FOUND);
  const pgz_completion c = reap_one();
  EXPECT_EQ(c.tag, 5u);
  EXPECT_EQ(c.status, PGZ_CANCELLED);
  EXPECT_EQ(pgz_txn_free(b, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(a, &err_), PGZ_OK);
}

TEST_F(Abi, CountersAreNeverGivenTwice) {
  uint64_t last = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 100; i++) {
      uint64_t first = 0;
      ASSERT_EQ(pgz_counter_reserve(db_, "seq", 3, 2, 0, &first, &err_), PGZ_OK) << err_.message;
      // A clean close gives back what was not used.
      ASSERT_EQ(first, last + 1);
      last = first + 1;
    }
    reopen();
  }
  uint64_t next = 0;
  EXPECT_EQ(pgz_counter_get(db_, "seq", 3, &next, &err_), PGZ_OK);
  EXPECT_EQ(next, 601u);
  uint64_t first = 0;
  EXPECT_EQ(pgz_counter_reserve(db_, "seq", 3, 0, 0, &first, &err_), PGZ_INVALID_ARG);
}

// Transactions far above the spill size, compared with a model, with savepoints and reads between.
TEST_F(Abi, SpillingTransactionsAgreeWithAModel) {
  std::mt19937 random(11);
  std::map<std::string, std::string> model;
  const auto key_of = [&] { return "key" + std::to_string(random() % 4000); };
  for (int round = 0; round < 12; round++) {
    pgz_txn* txn = begin();
    std::vector<std::pair<uint32_t, std::map<std::string, std::string>>> savepoints;
    std::map<std::string, std::string> mine = model;
    uint32_t op = 1;
    const bool bulk = round % 2 == 0;  // one number for many writes
    for (int i = 0; i < 3000; i++) {
      if (!bulk || i % 1500 == 0) op++;
      if (random() % 300 == 0) savepoints.emplace_back(op, mine);
      std::string batch;
      const std::string key = key_of();
      const std::string value(random() % 150, static_cast<char>('a' + random() % 26));
      if (random() % 6 == 0) {
        append_write(&batch, PGZ_WRITE_DELETE, op, key, "");
        mine.erase(key);
      } else {
        append_write(&batch, PGZ_WRITE_PUT, op, key, value);
        mine[key] = value;
      }
      // Numbers at and above a savepoint must not be shared with what came before it.
      if (!savepoints.empty() && savepoints.back().first == op) savepoints.pop_back();
      ASSERT_EQ(pgz_txn_write(txn, batch.data(), batch.size(), &err_), PGZ_OK) << err_.message;
      if (random() % 500 == 0 && !savepoints.empty()) {
        mine = savepoints.back().second;
        const uint32_t to = savepoints.back().first + 1;
        ASSERT_EQ(pgz_txn_rollback_to(txn, to, &err_), PGZ_OK) << err_.message;
        savepoints.clear();
      }
      if (random() % 20 == 0) {
        const std::string probe = key_of();
        char buffer[256];
        pgz_row row{};
        const pgz_status s = pgz_read(db_, txn, PGZ_SNAPSHOT_NEWEST, PGZ_OP_ALL, probe.data(),
                                      probe.size(), buffer, sizeof(buffer), &row, &err_);
        auto it = mine.find(probe);
        ASSERT_EQ(s, it == mine.end() ? PGZ_NOT_FOUND : PGZ_OK) << err_.message;
        if (s == PGZ_OK) {
          ASSERT_EQ(std::string(buffer, row.value_len), it->second);
        }
      }
    }
    // The whole view, both ways.
    pgz_iter* iter = nullptr;
    ASSERT_EQ(pgz_txn_scan(txn, nullptr, 0, nullptr, 0, &iter, &err_), PGZ_OK);
    const void *k = nullptr, *v = nullptr;
    size_t kn = 0, vn = 0;
    auto it = mine.begin();
    while (pgz_iter_next(iter, &k, &kn, &v, &vn, &err_) == PGZ_OK) {
      ASSERT_NE(it, mine.end());
      ASSERT_EQ(std::string(static_cast<const char*>(k), kn), it->first);
      ASSERT_EQ(std::string(static_cast<const char*>(v), vn), it->second);
      ++it;
    }
    ASSERT_EQ(it, mine.end());
    pgz_cursor* cursor = nullptr;
    pgz_cursor_options co{};
    co.struct_size = sizeof(co);
    co.reverse = 1;
    co.snapshot = PGZ_SNAPSHOT_NEWEST;
    co.op = PGZ_OP_ALL;
    ASSERT_EQ(pgz_cursor_open(db_, txn, &co, "key1", 4, "key3", 4, &cursor, &err_), PGZ_OK);
    std::vector<pgz_row> rows(64);
    std::string buffer(4096, '\0');
    auto back = mine.lower_bound("key3");
    for (bool done = false; !done;) {
      pgz_fetch f{};
      f.struct_size = sizeof(f);
      f.rows_out = rows.data();
      f.max_rows = 64;
      f.buffer = buffer.data();
      f.capacity = buffer.size();
      f.max_steps = 50;
      ASSERT_EQ(pgz_cursor_fetch(cursor, &f, &err_), PGZ_OK) << err_.message;
      for (uint32_t r = 0; r < f.rows; r++) {
        --back;
        ASSERT_EQ(buffer.substr(rows[r].key_offset, rows[r].key_len), back->first);
      }
      done = f.done != 0;
    }
    ASSERT_EQ(back, mine.lower_bound("key1"));
    ASSERT_EQ(pgz_cursor_close(cursor, &err_), PGZ_OK);
    if (round % 4 == 3) {
      ASSERT_EQ(pgz_txn_abort(txn, &err_), PGZ_OK);
    } else {
      ASSERT_EQ(pgz_txn_commit(txn, &err_), PGZ_OK) << err_.message;
      model = mine;
    }
    ASSERT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
    if (round % 3 == 2) reopen();
    for (int i = 0; i < 200; i++) {
      const std::string key = key_of();
      auto at = model.find(key);
      ASSERT_EQ(get(key), at == model.end() ? "<1>" : at->second);
    }
  }
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/db/sst"));
}

TEST_F(Abi, OwnedAndDroppedRanges) {
  ASSERT_EQ(put("t1/a", "1"), PGZ_OK);
  ASSERT_EQ(put("t2/a", "2"), PGZ_OK);
  pgz_txn* txn = begin();
  std::string batch;
  append_write(&batch, PGZ_WRITE_DROP_RANGE, 1, "t1/", "t10");
  append_write(&batch, PGZ_WRITE_OWN_RANGE, 1, "t3/", "t30");
  for (int i = 0; i < 4000; i++) {
    append_write(&batch, PGZ_WRITE_PUT, 2, "t3/" + std::to_string(100000 + i),
                 std::string(80, 'x'));
  }
  append_write(&batch, PGZ_WRITE_DELETE, 3, "t3/100005", "");
  ASSERT_EQ(pgz_txn_write(txn, batch.data(), batch.size(), &err_), PGZ_OK) << err_.message;
  char buffer[100];
  pgz_row row{};
  const auto own = [&](const char* key, uint32_t op) {
    return pgz_read(db_, txn, PGZ_SNAPSHOT_NEWEST, op, key, strlen(key), buffer, 100, &row, &err_);
  };
  EXPECT_EQ(own("t1/a", PGZ_OP_ALL), PGZ_NOT_FOUND);
  EXPECT_EQ(own("t1/a", 1), PGZ_OK);
  EXPECT_EQ(own("t3/100005", PGZ_OP_ALL), PGZ_NOT_FOUND);
  EXPECT_EQ(own("t3/100005", 3), PGZ_OK);
  EXPECT_EQ(own("t3/100006", 2), PGZ_NOT_FOUND);
  EXPECT_EQ(own("t3/100006", 3), PGZ_OK);
  EXPECT_EQ(row.own, 1);
  EXPECT_EQ(get("t1/a"), "1");
  EXPECT_EQ(pgz_txn_commit(txn, &err_), PGZ_OK) << err_.message;
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  for (int round = 0; round < 2; round++) {
    EXPECT_EQ(get("t1/a"), "<1>");
    EXPECT_EQ(get("t2/a"), "2");
    EXPECT_EQ(get("t3/100005"), "<1>");
    EXPECT_EQ(get("t3/103999"), std::string(80, 'x'));
    reopen();
  }
}

// Writes spilled and not, a deletion and a lock, made again in a database opened anew.
TEST_F(Abi, PreparedTransactionsAreMadeAgain) {
  ASSERT_EQ(put("k100007", "old"), PGZ_OK);
  pgz_txn* txn = begin();
  std::string batch;
  for (int i = 0; i < 4000; i++) {
    append_write(&batch, PGZ_WRITE_PUT, 1, "k" + std::to_string(100000 + i), std::string(80, 'x'));
  }
  append_write(&batch, PGZ_WRITE_DELETE, 2, "k100007", "");
  ASSERT_EQ(pgz_txn_write(txn, batch.data(), batch.size(), &err_), PGZ_OK) << err_.message;
  const std::string lock = lock_entry(PGZ_LOCK_TABLE, PGZ_TABLE_SHARE, 1, "table");
  size_t taken = 0;
  ASSERT_EQ(pgz_txn_lock(txn, lock.data(), lock.size(), nullptr, &taken, &err_), PGZ_OK);
  void* state = nullptr;
  size_t n = 0;
  ASSERT_EQ(pgz_txn_prepare(txn, &state, &n, &err_), PGZ_OK) << err_.message;
  const std::string kept(static_cast<char*>(state), n);
  pgz_free(state);

  pgz_txn* other = begin();
  EXPECT_EQ(pgz_txn_adopt(other, kept.data(), kept.size(), nullptr), PGZ_OK);  // Share with Share
  EXPECT_EQ(pgz_txn_free(other, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  EXPECT_EQ(get("k100007"), "old");
  reopen();
  for (size_t cut : {size_t{0}, size_t{5}, size_t{20}, kept.size() - 1}) {
    other = begin();
    EXPECT_EQ(pgz_txn_adopt(other, kept.data(), cut, nullptr), PGZ_CORRUPTION) << cut;
    EXPECT_EQ(pgz_txn_free(other, &err_), PGZ_OK);
  }
  txn = begin();
  ASSERT_EQ(pgz_txn_adopt(txn, kept.data(), kept.size(), &err_), PGZ_OK) << err_.message;
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.try_only = 1;
  const std::string wanted = lock_entry(PGZ_LOCK_TABLE, PGZ_TABLE_ROW_EXCLUSIVE, 1, "table");
  other = begin();
  EXPECT_EQ(pgz_txn_lock(other, wanted.data(), wanted.size(), &wait, &taken, nullptr), PGZ_BUSY);
  EXPECT_EQ(pgz_txn_commit(txn, &err_), PGZ_OK) << err_.message;
  EXPECT_EQ(pgz_txn_lock(other, wanted.data(), wanted.size(), &wait, &taken, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(other, &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  EXPECT_EQ(get("k100007"), "<1>");
  EXPECT_EQ(get("k103999"), std::string(80, 'x'));

  txn = begin();
  batch.clear();
  append_write(&batch, PGZ_WRITE_DROP_RANGE, 1, "t1/", "t10");
  ASSERT_EQ(pgz_txn_write(txn, batch.data(), batch.size(), &err_), PGZ_OK);
  EXPECT_EQ(pgz_txn_prepare(txn, &state, &n, nullptr), PGZ_NOT_SUPPORTED);
  EXPECT_EQ(pgz_txn_prepare(nullptr, &state, &n, nullptr), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
}

TEST_F(Abi, AsynchronousCommitsAreSeenAtOnce) {
  for (int i = 0; i < 50; i++) {
    pgz_txn* txn = begin();
    std::string batch;
    append_write(&batch, PGZ_WRITE_PUT, 1, "k", std::to_string(i));
    uint64_t ts = 0;
    ASSERT_EQ(
        pgz_txn_commit_submit(txn, batch.data(), batch.size(), PGZ_COMMIT_ASYNC, 0, &ts, &err_),
        PGZ_OK);
    ASSERT_GT(ts, 0u);
    ASSERT_EQ(get("k"), std::to_string(i));
    ASSERT_EQ(pgz_txn_free(txn, &err_), PGZ_OK);
  }
  reopen();
  EXPECT_EQ(get("k"), "49");
}

TEST_F(Abi, TransfersKeepTheSum) {
  constexpr int kAccounts = 10;
  for (int i = 0; i < kAccounts; i++) ASSERT_EQ(put("acc" + std::to_string(i), "100"), PGZ_OK);
  std::atomic<int> conflicts{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 100; i++) {
        pgz_txn* txn = nullptr;
        ASSERT_EQ(pgz_txn_begin(db_, nullptr, &txn, nullptr), PGZ_OK);
        const std::string from = "acc" + std::to_string(random() % kAccounts);
        const std::string to = "acc" + std::to_string(random() % kAccounts);
        pgz_status s = PGZ_OK;
        for (const auto& [key, change] : {std::pair(from, -1), std::pair(to, +1)}) {
          void* value = nullptr;
          size_t n = 0;
          if (s != PGZ_OK) break;
          ASSERT_EQ(pgz_txn_get(txn, key.data(), key.size(), &value, &n, nullptr), PGZ_OK);
          const int balance = std::stoi(std::string(static_cast<char*>(value), n)) + change;
          pgz_free(value);
          const std::string next = std::to_string(balance);
          s = pgz_txn_put(txn, key.data(), key.size(), next.data(), next.size(), nullptr);
        }
        if (s == PGZ_OK) {
          ASSERT_EQ(pgz_txn_commit(txn, nullptr), PGZ_OK);
        } else {
          ASSERT_TRUE(s == PGZ_CONFLICT || s == PGZ_DEADLOCK) << s;
          conflicts++;
        }
        ASSERT_EQ(pgz_txn_free(txn, nullptr), PGZ_OK);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  int sum = 0;
  for (int i = 0; i < kAccounts; i++) sum += std::stoi(get("acc" + std::to_string(i)));
  EXPECT_EQ(sum, 100 * kAccounts);
  EXPECT_LT(conflicts, 400);
}

TEST_F(Abi, FiguresOfItself) {
  for (int i = 0; i < 64; i++)
    ASSERT_EQ(put("k" + std::to_string(i), std::string(100, 'v')), PGZ_OK);
  uint64_t snapshot = 0;
  ASSERT_EQ(pgz_snapshot_acquire(db_, &snapshot, &err_), PGZ_OK);
  ASSERT_EQ(put("k0", "later"), PGZ_OK);
  ASSERT_EQ(pgz_flush(db_, &err_), PGZ_OK);
  for (int i = 0; i < 64; i++) ASSERT_NE(get("k" + std::to_string(i)), "");

  pgz_stats stats{};
  stats.struct_size = sizeof(stats);
  ASSERT_EQ(pgz_stats_get(db_, &stats, &err_), PGZ_OK);
  uint64_t files = 0;
  uint64_t bytes = 0;
  for (int level = 0; level < 8; level++) {
    files += stats.level_files[level];
    bytes += stats.level_bytes[level];
  }
  EXPECT_GE(files, 1u);
  EXPECT_GE(bytes, 64u * 100);
  EXPECT_GE(stats.flushes, 1u);
  EXPECT_GE(stats.flushed_bytes, 64u * 100);
  EXPECT_GE(stats.cache_hits + stats.cache_misses, 1u);

  pgz_latency latency{};
  latency.struct_size = sizeof(latency);
  ASSERT_EQ(pgz_latency_get(db_, PGZ_OPERATION_COMMIT, &latency, &err_), PGZ_OK);
  EXPECT_EQ(latency.count, 65u);
  EXPECT_GT(latency.p50_nanos, 0u);
  EXPECT_LE(latency.p50_nanos, latency.p99_nanos);
  EXPECT_LE(latency.p99_nanos, latency.max_nanos);
  ASSERT_EQ(pgz_latency_get(db_, PGZ_OPERATION_READ, &latency, &err_), PGZ_OK);
  EXPECT_GE(latency.count, 4u);
  EXPECT_EQ(pgz_latency_get(db_, 0, &latency, &err_), PGZ_INVALID_ARG);

  pgz_snapshot_info info[2];
  size_t count = 0;
  ASSERT_EQ(pgz_snapshot_list(db_, info, 2, &count, &err_), PGZ_OK);
  ASSERT_EQ(count, 1u);
  EXPECT_EQ(info[0].snapshot, snapshot);
  EXPECT_EQ(info[0].users, 1u);
  EXPECT_EQ(info[0].commits_since, 1u);
  ASSERT_EQ(pgz_snapshot_release(db_, snapshot, &err_), PGZ_OK);

  EXPECT_GE(stats.point_reads, 64u);
  EXPECT_GE(stats.written_bytes, stats.log_bytes + stats.flushed_bytes);
  EXPECT_EQ(stats.range_drops, 0u);
  EXPECT_LE(stats.value_live_bytes, stats.value_log_bytes);

  // A program of the first ABI gets no more than it asked for.
  stats.struct_size = 16;
  stats.commits = 77;
  ASSERT_EQ(pgz_stats_get(db_, &stats, &err_), PGZ_OK);
  EXPECT_EQ(stats.commits, 77u);
}

// Each snapshot keeps what was replaced between it and the next one.
TEST_F(Abi, WhatSnapshotsPin) {
  const auto write_all = [this](const char* value) {
    for (int i = 0; i < 64; i++) ASSERT_EQ(put("k" + std::to_string(i), value), PGZ_OK);
  };
  uint64_t snapshots[3] = {};
  for (uint64_t& snapshot : snapshots) {
    write_all("value");
    ASSERT_EQ(pgz_snapshot_acquire(db_, &snapshot, &err_), PGZ_OK);
    if (&snapshot == &snapshots[1]) {
      ASSERT_EQ(pgz_flush(db_, &err_), PGZ_OK);
    }
  }
  ASSERT_EQ(put("k0", "later"), PGZ_OK);
  pgz_snapshot_pin pins[2];
  size_t count = 0;
  ASSERT_EQ(pgz_snapshot_pins(db_, pins, 2, &count, &err_), PGZ_OK);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(pins[0].snapshot, snapshots[0]);
  EXPECT_EQ(pins[0].users, 1u);
  EXPECT_EQ(pins[0].commits_since, 129u);
  EXPECT_GE(pins[0].age_micros, pins[1].age_micros);
  for (const pgz_snapshot_pin& pin : pins) {
    EXPECT_NEAR(static_cast<double>(pin.versions_max), 64, 2);
    EXPECT_GT(pin.bytes_max, pin.versions_max);
  }
  pgz_snapshot_pin all[3];
  ASSERT_EQ(pgz_snapshot_pins(db_, all, 3, &count, &err_), PGZ_OK);
  EXPECT_LE(all[2].versions_max, 2u);
  for (const uint64_t snapshot : snapshots) {
    ASSERT_EQ(pgz_snapshot_release(db_, snapshot, &err_), PGZ_OK);
  }
  ASSERT_EQ(pgz_snapshot_pins(db_, all, 3, &count, &err_), PGZ_OK);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(pgz_snapshot_pins(db_, nullptr, 3, &count, &err_), PGZ_INVALID_ARG);
}

}  // namespace
