// Giving one lock back, and who waits for a row that is locked but not written.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/txn/lock_table.h"

namespace pgz {
namespace {

class LockReleaseTest : public testing::Test, public LockSink {
 protected:
  void SetUp() override {
    Runtime runtime;
    runtime.clock = system_clock();
    runtime.executor = thread_executor();
    LockTableOptions options;
    options.deadlock_timeout_micros = 60'000'000;
    table_ = std::make_unique<LockTable>(runtime, options, this);
  }
  void TearDown() override {
    table_->end_waits(Status::make(Code::kClosed, "over"));
    for (auto& [id, owner] : owners_) table_->release_all(owner.get());
    EXPECT_EQ(table_->stats().held, 0u);
    EXPECT_EQ(table_->stats().memory_bytes, 0u);
    owners_.clear();
    table_.reset();
  }
  // No wait here ends but by a call of this thread.
  void lock_wait_ended(uint64_t tag, Status status) override { ended_[tag] = status.code(); }
  LockOwner* owner(int id) {
    auto& slot = owners_[id];
    if (slot == nullptr) slot = std::make_unique<LockOwner>(id);
    return slot.get();
  }
  Code row(int id, Slice name, LockMode mode, OpNum op = 1) {
    LockWait wait;
    wait.tag = static_cast<uint64_t>(id);
    return table_->acquire(owner(id), LockSpace::kRow, name, mode, op, wait, nullptr).code();
  }
  bool release(int id, Slice name, LockMode mode, OpNum op) {
    return table_->release_one(owner(id), LockSpace::kRow, name, mode, op);
  }
  bool holds(int id, Slice name, LockMode mode) {
    return table_->holds(owner(id), LockSpace::kRow, name, mode);
  }

  std::unique_ptr<LockTable> table_;
  std::map<int, std::unique_ptr<LockOwner>> owners_;
  std::map<uint64_t, Code> ended_;
};

TEST_F(LockReleaseTest, WhatARequestTookIsGivenBackAndNoMore) {
  EXPECT_EQ(row(1, "k", kRowShare, 3), Code::kOk);
  EXPECT_EQ(row(1, "k", kRowUpdate, 5), Code::kOk);
  EXPECT_EQ(row(1, "k", kRowUpdate, 7), Code::kOk);  // nothing new
  EXPECT_EQ(row(1, "other", kRowUpdate, 7), Code::kOk);
  EXPECT_FALSE(release(1, "k", kRowUpdate, 7));
  EXPECT_FALSE(release(1, "k", kRowNoKeyUpdate, 5));
  EXPECT_FALSE(release(1, "none", kRowUpdate, 5));
  EXPECT_FALSE(release(2, "k", kRowUpdate, 5));
  EXPECT_TRUE(holds(1, "k", kRowUpdate));
  EXPECT_TRUE(release(1, "k", kRowUpdate, 5));
  EXPECT_FALSE(release(1, "k", kRowUpdate, 5));
  EXPECT_FALSE(holds(1, "k", kRowUpdate));
  EXPECT_TRUE(holds(1, "k", kRowShare));
  EXPECT_TRUE(holds(1, "other", kRowUpdate));
  EXPECT_TRUE(release(1, "other", kRowUpdate, 7));
  EXPECT_EQ(table_->stats().held, 1u);
  EXPECT_EQ(owner(1)->held(), 1u);
}

TEST_F(LockReleaseTest, WhoWaitsIsGrantedWhatIsGivenBack) {
  EXPECT_EQ(row(1, "k", kRowKeyShare, 1), Code::kOk);
  EXPECT_EQ(row(1, "k", kRowUpdate, 2), Code::kOk);
  EXPECT_EQ(row(2, "k", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(3, "k", kRowShare), Code::kPending);
  EXPECT_TRUE(release(1, "k", kRowUpdate, 2));
  EXPECT_FALSE(ended_.contains(2));  // the share stands in its way
  EXPECT_TRUE(release(1, "k", kRowKeyShare, 1));
  EXPECT_EQ(ended_[2], Code::kOk);
  EXPECT_FALSE(ended_.contains(3));
  EXPECT_TRUE(release(2, "k", kRowUpdate, 1));
  EXPECT_EQ(ended_[3], Code::kOk);
}

TEST_F(LockReleaseTest, ARollbackAfterwardsFindsNothingOfIt) {
  EXPECT_EQ(row(1, "k", kRowUpdate, 4), Code::kOk);
  EXPECT_TRUE(release(1, "k", kRowUpdate, 4));
  EXPECT_EQ(row(1, "k", kRowUpdate, 2), Code::kOk);
  table_->release_from(owner(1), 4);
  EXPECT_TRUE(holds(1, "k", kRowUpdate));
}

TEST_F(LockReleaseTest, OnlyWritersKeepWaitingWhoAsksForAnUnwrittenRow) {
  EXPECT_EQ(row(1, "k", kRowForUpdate), Code::kOk);
  EXPECT_EQ(row(2, "k", kRowUnwritten), Code::kOk);
  EXPECT_TRUE(release(2, "k", kRowUnwritten, 1));
  EXPECT_EQ(row(1, "k", kRowNoKeyUpdate, 2), Code::kOk);  // it means to write now
  EXPECT_EQ(row(2, "k", kRowUnwritten), Code::kPending);
  EXPECT_EQ(row(3, "k", kRowForUpdate), Code::kPending);
  table_->release_from(owner(1), 2);  // a savepoint
  EXPECT_EQ(ended_[2], Code::kOk);
  EXPECT_FALSE(ended_.contains(3));
}

TEST_F(LockReleaseTest, WhoAsksForAnUnwrittenRowWaitsForNoneThatWaits) {
  EXPECT_EQ(row(1, "k", kRowUpdate), Code::kOk);
  EXPECT_EQ(row(2, "k", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(3, "k", kRowUnwritten), Code::kPending);
  table_->release_all(owner(1));
  EXPECT_EQ(ended_[3], Code::kOk);
  EXPECT_FALSE(ended_.contains(2));
  EXPECT_TRUE(release(3, "k", kRowUnwritten, 1));
  EXPECT_EQ(ended_[2], Code::kOk);
}

TEST_F(LockReleaseTest, WaitsAreListedInTheOrderOfTheirQueue) {
  EXPECT_EQ(row(9, "k", kRowUpdate), Code::kOk);
  const std::vector<uint64_t> order = {3, 1, 4, 2};
  for (uint64_t id : order) {
    EXPECT_EQ(row(static_cast<int>(id), "k", kRowUpdate), Code::kPending);
  }
  std::vector<uint64_t> listed;
  for (const LockInfo& info : table_->list(LockTable::HeldRows::kNone)) {
    listed.push_back(info.session);
  }
  EXPECT_EQ(listed, order);
  EXPECT_EQ(row(5, "unwanted", kRowUpdate), Code::kOk);
  listed.clear();
  for (const LockInfo& info : table_->list_awaited()) {
    EXPECT_EQ(info.name, "k");
    EXPECT_EQ(info.granted, listed.empty());
    listed.push_back(info.session);
  }
  EXPECT_EQ(listed, (std::vector<uint64_t>{9, 3, 1, 4, 2}));
}

}  // namespace
}  // namespace pgz
