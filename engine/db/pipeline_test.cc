// Commits, failures and locks over a simulated disk, with real threads. Crashes and schedules are
// the simulator's part (tests/sim).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/db/cursor.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() : io_(1), rng_(1) {
    runtime_ = Runtime{&io_, system_clock(), &rng_, thread_executor()};
    open();
  }
  void open() {
    DbOptions options;
    options.log_slot_bytes = 1 << 20;
    options.memory_budget_bytes = 8 << 20;
    Result<std::unique_ptr<Db>> opened = Db::open(runtime_, "/db", options, [] {});
    ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
    db_ = opened.take();
  }
  Status put(const std::string& key, const std::string& value) {
    auto txn = db_->begin({});
    PGZ_TRY(txn->simple_write(Kind::kValue, key, value));
    uint64_t ts = 0;
    return txn->commit(false, 0, &ts);
  }
  std::string get(const std::string& key) {
    ReadResult result;
    db_->read(nullptr, kNewest, kOpAll, key, &result);
    return result.status.is_ok() ? result.value : result.status.to_string();
  }

  // Waits for the background: it flushes, and recycles, what is asked of it.
  void expect_log_slots_at_most(size_t limit) {
    size_t slots = 0;
    for (int i = 0; i < 1000; ++i) {
      slots = io_.list("/db/log").take().size();
      if (slots <= limit) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << slots << " log slots, at most " << limit << " expected";
  }

  SimIo io_;
  SplitMixRng rng_;
  Runtime runtime_;
  std::unique_ptr<Db> db_;
};

TEST_F(PipelineTest, FailedFlushStopsTheInstance) {
  ASSERT_TRUE(put("before", "1").is_ok());
  // Someone waits for a lock when it happens.
  auto holder = db_->begin({});
  ASSERT_TRUE(holder->simple_write(Kind::kValue, "locked", "x").is_ok());
  Status waited;
  std::thread waiter([&] { waited = put("locked", "y"); });
  while (db_->stats().locks.waits == 0) std::this_thread::yield();

  io_.set_plan({{io_.calls(), SimFault::kSyncFailed}});
  const Status failed = put("k", "v");
  EXPECT_TRUE(failed.is(Code::kUnknown)) << failed.to_string();
  waiter.join();
  EXPECT_TRUE(waited.is(Code::kFailed)) << waited.to_string();
  // Reads stop as well, and nothing is tried again.
  EXPECT_NE(get("before").find("stopped"), std::string::npos);
  EXPECT_TRUE(put("k", "v").is(Code::kFailed));
  uint64_t first = 0;
  EXPECT_TRUE(db_->counters()->reserve("c", 1, 0, &first).is(Code::kFailed));
  uint64_t ts = 0;
  EXPECT_FALSE(holder->commit(false, 0, &ts).is_ok());
  holder.reset();
  EXPECT_FALSE(db_->close().is_ok());
  db_.reset();
  io_.clear_plan();
  open();
  EXPECT_EQ(get("before"), "1");
  EXPECT_TRUE(put("k", "again").is_ok());
}

TEST_F(PipelineTest, AFailureEndsWaitsForASafeSnapshot) {
  TransactionOptions options;
  options.serializable = true;
  auto writer = db_->begin(options);
  options.read_only = true;
  auto reader = db_->begin(options);
  Status safe;
  std::thread waiter([&] { safe = reader->wait_safe(0); });
  io_.set_plan({{io_.calls(), SimFault::kSyncFailed}});
  const Status failed = put("k", "v");
  EXPECT_TRUE(failed.is(Code::kUnknown)) << failed.to_string();
  waiter.join();
  EXPECT_TRUE(safe.is(Code::kFailed)) << safe.to_string();
  writer.reset();
  reader.reset();
}

// At each call of a commit in turn the disk is full: what was placed in the value log for the first
// try is garbage, and the second one stands.
TEST_F(PipelineTest, ACommitOfLargeValuesMayBeTriedAgain) {
  const auto value = [](int i) { return std::to_string(i) + std::string(64 << 10, 'v'); };
  int refused = 0;
  int i = 0;
  for (bool hit = true; hit; i++) {
    TransactionOptions options;
    options.serializable = i % 2 == 0;
    auto txn = db_->begin(options);
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(txn->simple_write(Kind::kValue, key, value(i)).is_ok());
    ASSERT_TRUE(txn->simple_write(Kind::kValue, key + "b", value(i)).is_ok());
    const uint64_t before = io_.calls();
    io_.set_plan({{before + static_cast<uint64_t>(i), SimFault::kNoSpace}});
    uint64_t ts = 0;
    Status s = txn->commit(false, 0, &ts);
    hit = io_.calls() > before + static_cast<uint64_t>(i);
    io_.clear_plan();
    if (s.is(Code::kNoSpace)) {
      refused++;
      // The reserve may have been spent; there is room, so it comes back.
      for (int tries = 0; s.is(Code::kNoSpace) && tries < 500; tries++) {
        s = txn->commit(false, 0, &ts);
        if (!s.is_ok()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    ASSERT_TRUE(s.is_ok()) << i << ": " << s.to_string();
  }
  EXPECT_GT(refused, 0);
  for (const bool reopened : {false, true}) {
    if (reopened) {
      ASSERT_TRUE(db_->flush().is_ok());
      ASSERT_TRUE(db_->lsm()->verify_values().is_ok());
      ASSERT_TRUE(db_->close().is_ok());
      db_.reset();
      open();
    }
    for (int k = 0; k < i; k++) {
      ASSERT_EQ(get("k" + std::to_string(k)), value(k));
      ASSERT_EQ(get("k" + std::to_string(k) + "b"), value(k));
    }
  }
}

TEST_F(PipelineTest, HorizonIsPublishedBeforeTicketsComplete) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; i++) {
        auto txn = db_->begin({});
        const std::string key = "t" + std::to_string(t);
        ASSERT_TRUE(txn->simple_write(Kind::kValue, key, std::to_string(i)).is_ok());
        uint64_t ts = 0;
        ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
        ASSERT_GE(db_->snapshots()->horizon(), ts);
        ASSERT_EQ(get(key), std::to_string(i));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const PipelineStats stats = db_->stats().pipeline;
  EXPECT_EQ(stats.commits, 1200u);
  EXPECT_LE(stats.flushes, 1200u);
}

TEST_F(PipelineTest, ManyLocksAreReleasedBesideTheLogThread) {
  auto large = db_->begin({});
  for (int i = 0; i < 30'000; i++) {
    const std::string key = "row" + std::to_string(i);
    ASSERT_TRUE(large->lock(LockSpace::kRow, key, kRowUpdate, 1, {}).is_ok());
  }
  ASSERT_TRUE(large->put(1, "row7", "large").is_ok());
  std::string seen;
  std::thread waiter([&] {
    TransactionOptions options;
    options.repeatable_read = false;
    auto txn = db_->begin(options);
    ASSERT_TRUE(txn->lock(LockSpace::kRow, "row7", kRowUpdate, 1, {}).is_ok());
    seen = get("row7");
  });
  while (db_->stats().locks.waits == 0) std::this_thread::yield();
  uint64_t ts = 0;
  ASSERT_TRUE(large->commit(false, 0, &ts).is_ok());
  waiter.join();
  EXPECT_EQ(seen, "large");
  EXPECT_EQ(db_->stats().locks.held, 0u);
  large.reset();
}

TEST_F(PipelineTest, IdleLogIsSealedAndGoesOn) {
  ASSERT_TRUE(put("a", "1").is_ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  ASSERT_TRUE(put("b", "2").is_ok());
  ASSERT_TRUE(db_->close().is_ok());
  db_.reset();
  open();
  EXPECT_EQ(get("a") + get("b"), "12");
}

TEST_F(PipelineTest, CommitsNobodyWaitsForShareGroupsAndBecomeDurableAlone) {
  const uint64_t flushes = db_->stats().pipeline.flushes;
  const uint64_t commits = db_->stats().pipeline.commits;
  constexpr uint64_t kCommits = 200;
  const uint64_t start = system_clock()->now_micros();
  for (uint64_t i = 0; i < kCommits; ++i) {
    auto txn = db_->begin({});
    ASSERT_TRUE(txn->simple_write(Kind::kValue, "k" + std::to_string(i), "v").is_ok());
    uint64_t ts = 0;
    ASSERT_TRUE(txn->commit(true, 0, &ts).is_ok());
    ASSERT_EQ(get("k" + std::to_string(i)), "v");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  for (int i = 0; i < 1000 && db_->stats().pipeline.commits < commits + kCommits; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(db_->stats().pipeline.commits, commits + kCommits);
  // A group each 5 ms, not one for each commit; a memtable's flush would ask for another.
  const uint64_t micros = system_clock()->now_micros() - start;
  EXPECT_LE(db_->stats().pipeline.flushes - flushes, 3 + micros / 4000);
}

// Four unflushed slots ask for a flush; spare and not yet recycled ones come on top.
constexpr size_t kSlotsMax = 9;

TEST_F(PipelineTest, SmallCommitsDoNotGrowTheLog) {
  // A block of 4 KiB each: twelve slots, and a small part of a memtable.
  for (int i = 0; i < 3072; ++i) ASSERT_TRUE(put("k" + std::to_string(i), "v").is_ok());
  expect_log_slots_at_most(kSlotsMax);
  EXPECT_EQ(get("k0") + get("k3071"), "vv");
}

// A large table that was loaded and dropped gives its files back without another write.
TEST_F(PipelineTest, LargeDropDoesNotWaitForAMemtable) {
  auto load = db_->begin({});
  ASSERT_TRUE(load->own_range(1, "t", "u").is_ok());
  for (int i = 0; i < 6000; ++i) {
    char key[16];
    std::snprintf(key, sizeof(key), "t%06d", i);
    ASSERT_TRUE(load->put(1, key, std::string(1000, 'v')).is_ok());
  }
  uint64_t ts = 0;
  ASSERT_TRUE(load->commit(false, 0, &ts).is_ok());
  ASSERT_FALSE(io_.list("/db/sst").take().empty());
  auto drop = db_->begin({});
  ASSERT_TRUE(drop->drop_range(1, "t", "u").is_ok());
  ASSERT_TRUE(drop->commit(false, 0, &ts).is_ok());
  size_t files = 1;
  for (int i = 0; i < 1000 && files > 0; ++i) {
    files = io_.list("/db/sst").take().size();
    if (files > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(files, 0u);
  EXPECT_NE(get("t000001").find("not found"), std::string::npos) << get("t000001");
}

TEST_F(PipelineTest, RestartsDoNotGrowTheLog) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(put("k" + std::to_string(i), "v").is_ok());
    ASSERT_TRUE(db_->close().is_ok());
    db_.reset();
    open();
  }
  expect_log_slots_at_most(kSlotsMax);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(get("k" + std::to_string(i)), "v");
}

}  // namespace
}  // namespace pgz
