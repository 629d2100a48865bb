// Cursors beside what happens to the files and the transaction they read through. What they deliver
// is tested through the C ABI and by the simulator.
#include "engine/db/cursor.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

class CursorTest : public testing::Test {
 protected:
  CursorTest() : io_(2), rng_(1) { open(); }

  void open() {
    const Runtime runtime{&io_, system_clock(), &rng_, thread_executor()};
    DbOptions options;
    options.log_slot_bytes = 1 << 20;
    options.memory_budget_bytes = 8 << 20;
    options.spill_bytes = 64 << 10;
    Result<std::unique_ptr<Db>> opened = Db::open(runtime, "/db", options, [] {});
    ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
    db_ = opened.take();
  }
  // Rows in tables, and nothing of them in memory.
  void fill(int rows, size_t value_bytes) {
    auto txn = db_->begin({});
    for (int i = 0; i < rows; i++) {
      ASSERT_TRUE(txn->simple_write(Kind::kValue, key(i), std::string(value_bytes, 'v')).is_ok());
    }
    uint64_t ts = 0;
    ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
    ASSERT_TRUE(db_->flush().is_ok());
    ASSERT_TRUE(db_->close().is_ok());
    db_.reset();
    open();
  }
  static std::string key(int i) {
    char name[16];
    std::snprintf(name, sizeof name, "k%05d", i);
    return name;
  }
  // One batch of up to `max_rows`.
  Status fetch(Cursor* cursor, uint32_t max_rows, FetchBatch* batch) {
    *batch = FetchBatch{};
    batch->rows = rows_;
    batch->max_rows = max_rows;
    batch->buffer = buffer_.data();
    batch->capacity = buffer_.size();
    return cursor->fetch(batch);
  }

  SimIo io_;
  SplitMixRng rng_;
  std::unique_ptr<Db> db_;
  RowOut rows_[64];
  std::string buffer_ = std::string(1 << 20, '\0');
};

// A cursor that met an error does not end as if there had been nothing more: whoever asks again
// would miss rows without a word.
TEST_F(CursorTest, AnErrorIsForGood) {
  constexpr int kRows = 400;
  for (const size_t value_bytes : {size_t{300}, size_t{1500}}) {  // in tables; in the value log
    fill(kRows, value_bytes);
    int failures = 0;
    // At every call of a scan in turn, until none is hit any more.
    for (uint64_t at = 0;; at++) {
      SCOPED_TRACE(at);
      ASSERT_TRUE(db_->close().is_ok());
      db_.reset();
      open();
      Cursor cursor(db_.get(), nullptr, {}, "k", "l");
      io_.set_plan({{io_.calls() + at, SimFault::kEio}});
      FetchBatch batch;
      int seen = 0;
      Status s;
      do {
        s = fetch(&cursor, 64, &batch);
        if (s.is_ok()) seen += static_cast<int>(batch.count);
      } while (s.is_ok() && !batch.done);
      io_.clear_plan();
      if (s.is_ok()) {
        ASSERT_EQ(seen, kRows);
        break;
      }
      failures++;
      ASSERT_LT(seen, kRows);
      ASSERT_EQ(fetch(&cursor, 64, &batch).code(), s.code());
      ASSERT_FALSE(batch.done);
    }
    EXPECT_GT(failures, 3);
  }
}

TEST_F(CursorTest, ASmallBufferIsNoError) {
  fill(3, 700);
  Cursor cursor(db_.get(), nullptr, {}, "k", "l");
  buffer_.resize(100);
  FetchBatch batch;
  ASSERT_TRUE(fetch(&cursor, 64, &batch).is(Code::kOutOfMemory));
  ASSERT_EQ(batch.needed, 706u);
  buffer_.resize(batch.needed);
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(fetch(&cursor, 64, &batch).is_ok());
    ASSERT_EQ(batch.count, 1u);
    ASSERT_EQ(buffer_.substr(0, 6), key(i));
  }
}

// The transaction's runs and buffer go when it ends; the cursor is only closed later.
TEST_F(CursorTest, MayBeClosedAfterItsTransaction) {
  for (const bool commits : {false, true}) {
    auto txn = db_->begin({});
    for (int i = 0; i < 300; i++) {
      ASSERT_TRUE(txn->simple_write(Kind::kValue, key(i), std::string(500, 'o')).is_ok());
    }
    auto cursor = std::make_unique<Cursor>(db_.get(), txn.get(), CursorOptions{}, "k", "l");
    FetchBatch batch;
    ASSERT_TRUE(fetch(cursor.get(), 10, &batch).is_ok());
    ASSERT_EQ(batch.count, 10u);
    uint64_t ts = 0;
    if (commits) {
      ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
    } else {
      txn->abort();
    }
    cursor.reset();
    txn.reset();
    EXPECT_EQ(db_->stats().snapshots, 0u);
  }
}

// What it reads stays readable while its tables are merged away, whatever was flushed meanwhile.
TEST_F(CursorTest, SeesItsSnapshotThroughFlushesAndMerges) {
  constexpr int kRows = 300;
  fill(kRows, 1500);
  Cursor cursor(db_.get(), nullptr, {}, "k", "l");
  FetchBatch batch;
  int seen = 0;
  do {
    ASSERT_TRUE(fetch(&cursor, 60, &batch).is_ok());
    for (uint32_t i = 0; i < batch.count; i++, seen++) {
      ASSERT_EQ(buffer_.substr(rows_[i].key_offset, rows_[i].key_len), key(seen));
      ASSERT_EQ(buffer_.substr(rows_[i].value_offset, rows_[i].value_len), std::string(1500, 'v'));
    }
    auto txn = db_->begin({});
    for (int i = 0; i < kRows; i++) {
      ASSERT_TRUE(txn->simple_write(Kind::kValue, key(i), std::string(1500, 'w')).is_ok());
    }
    uint64_t ts = 0;
    ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
    ASSERT_TRUE(db_->flush().is_ok());
    ASSERT_TRUE(db_->lsm()->merge_now().is_ok());
    ASSERT_TRUE(db_->lsm()->collect_now().is_ok());
  } while (!batch.done);
  EXPECT_EQ(seen, kRows);
}

}  // namespace
}  // namespace pgz
