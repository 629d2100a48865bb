// Values that merges write anew: neighbours that lay in many segments come together, those in few
// stay; what is counted of them stays exact; crashes, a full disk, damage and readers meanwhile
// lose nothing.
#include "engine/lsm/value_order.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/lsm/values_test_util.h"

namespace pgz {
namespace {

constexpr uint64_t kTables = 20;       // flushes before the merge
constexpr uint64_t kKeysOfTable = 40;  // in each

std::vector<uint64_t> counts(size_t n, uint64_t each) { return std::vector<uint64_t>(n, each); }

TEST(ScatteredGroup, IsManySmallOnes) {
  EXPECT_EQ(scattered_group({}), 0u);
  EXPECT_EQ(scattered_group(counts(15, 10)), 0u);  // few
  EXPECT_EQ(scattered_group(counts(16, 10)), 0u);  // a sixteenth each: as good as one place
  EXPECT_EQ(scattered_group(counts(20, 10)), 20u);
  std::vector<uint64_t> mixed = counts(16, 1);
  mixed.push_back(400);  // was written anew before
  EXPECT_EQ(scattered_group(mixed), 16u);
  mixed = counts(16, 1);
  mixed.insert(mixed.end(), {3, 400});  // more than an eighth of the group with it
  EXPECT_EQ(scattered_group(mixed), 16u);
  mixed = counts(16, 1);
  mixed.insert(mixed.end(), {2, 400});
  EXPECT_EQ(scattered_group(mixed), 17u);
}

class ValueOrderTest : public ValuesFixture {
 protected:
  ValueOrderTest() : ValuesFixture(5) {}

  LsmOptions options() override {
    LsmOptions o = ValuesFixture::options();
    o.memtable_bytes = 256 << 10;
    o.table_file_bytes = 16 << 10;
    o.value_segment_bytes = LsmOptions().value_segment_bytes;
    o.value_order_max_bytes = order_max_;
    o.compress = compress_;
    o.level0_slowdown_files = slowdown_files_;
    return o;
  }

  void put(uint64_t n, size_t bytes) {
    std::string value = key_of(n) + "@" + std::to_string(now_ + 1) + ":";
    value.resize(bytes, static_cast<char>('a' + (now_ + 1) % 26));
    put_value(key_of(n), std::move(value));
  }

  void merge_what_is_due() {
    for (bool did_something = true; did_something;) {
      ASSERT_TRUE(lsm_->merge_step(&did_something).is_ok());
    }
  }

  // Each flush gets keys from all over the range.
  void fill_scattered(size_t bytes, uint64_t tables = kTables) {
    for (uint64_t table = 0; table < tables; table++) {
      for (uint64_t i = 0; i < kKeysOfTable; i++) put(i * tables + table, bytes);
      ASSERT_TRUE(flush().is_ok());
    }
  }

  uint32_t order_max_ = 4096;
  bool compress_ = false;
  uint32_t slowdown_files_ = 100;
};

TEST_F(ValueOrderTest, ScatteredValuesComeTogether) {
  fill_scattered(500);
  EXPECT_EQ(lsm_->stats().segments, kTables);
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  ASSERT_TRUE(lsm_->collect_now().is_ok());  // the old ones have nothing that lives
  const LsmStats stats = lsm_->stats();
  EXPECT_EQ(stats.ordered_bytes, value_bytes());
  EXPECT_EQ(stats.collected_bytes, 0u);
  EXPECT_EQ(stats.segment_live_bytes, value_bytes());
  uint32_t tables = 0;
  for (const uint32_t files : stats.level_files) tables += files;
  EXPECT_LE(stats.segments, tables);  // one for each table
  EXPECT_EQ(segment_files(), stats.segments);
  check();
  reopen();
  check();
  // Once together they stay where they are.
  put(7, 500);
  ASSERT_TRUE(flush().is_ok());
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  check();
}

TEST_F(ValueOrderTest, CompressedValuesMoveAsTheyAre) {
  compress_ = true;
  reopen();
  fill_scattered(500);
  const uint64_t stored_bytes = lsm_->stats().segment_live_bytes;
  EXPECT_LT(stored_bytes, value_bytes() / 2);
  compress_ = false;
  reopen();
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, stored_bytes);
  EXPECT_EQ(lsm_->stats().segment_live_bytes, stored_bytes);
  check();
  reopen();
  check();
}

TEST_F(ValueOrderTest, NoMergeThatWritersWaitForDoesIt) {
  slowdown_files_ = kTables - 1;  // the first one moves down unread
  reopen();
  fill_scattered(500);
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  put(7, 500);
  ASSERT_TRUE(flush().is_ok());
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_GE(lsm_->stats().ordered_bytes, value_bytes() * 9 / 10);
  check();
}

// What is due is merged without it, and nothing is left to merge when there is time for it.
TEST_F(ValueOrderTest, WhatDueMergesLeaveIsDoneWhenThereIsTime) {
  fill_scattered(500);
  merge_what_is_due();
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  EXPECT_EQ(lsm_->stats().level_files[0], 0u);
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_GE(lsm_->stats().ordered_bytes, value_bytes() * 9 / 10);
  check();
  const uint64_t merges = lsm_->stats().merges;
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().merges, merges) << "nothing is left to be done";
}

TEST_F(ValueOrderTest, ScansThatMeetScatteredValuesHaveDueMergesDoIt) {
  fill_scattered(500);
  merge_what_is_due();
  auto it = lsm_->new_iterator(now_, "", "");
  std::string buffer(20 * 500, ' ');
  it->seek_to_first();
  while (it->valid()) {
    for (; it->valid() && it->taken() < 20; it->next()) {
      ASSERT_TRUE(it->take_value(buffer.data() + it->taken() * 500).is_ok());
    }
    ASSERT_TRUE(it->read_taken().is_ok());
  }
  it.reset();
  for (uint64_t i = 0; i < 4; i++) {
    put(0, 500);
    put(kTables * kKeysOfTable - 1, 500);
    ASSERT_TRUE(flush().is_ok());
  }
  merge_what_is_due();
  EXPECT_GT(lsm_->stats().ordered_bytes, 0u);
  check();
}

TEST_F(ValueOrderTest, ValuesInOrderStay) {
  for (uint64_t table = 0; table < kTables; table++) {
    for (uint64_t i = 0; i < kKeysOfTable; i++) put(table * kKeysOfTable + i, 500);
    put(100'000, 500);  // so that no table may move down unread
    ASSERT_TRUE(flush().is_ok());
  }
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  check();
}

TEST_F(ValueOrderTest, FewSegmentsLargeValuesAndTheSwitchLeaveAllAsItIs) {
  fill_scattered(500, 10);
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  order_max_ = 500;
  reopen();
  fill_scattered(500);
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  order_max_ = 0;
  reopen();
  fill_scattered(499);
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, 0u);
  check();
}

TEST_F(ValueOrderTest, OldVersionsThatASnapshotSeesMoveToo) {
  fill_scattered(500);
  snapshots_.insert(now_);
  const uint64_t then_ts = now_;
  const std::map<std::string, std::string> then = model_;
  fill_scattered(600);
  auto it = lsm_->new_iterator(then_ts, "", "");
  it->seek_to_first();
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  ASSERT_TRUE(lsm_->collect_now().is_ok());
  EXPECT_GT(lsm_->stats().ordered_bytes, value_bytes());
  for (const auto& [key, value] : then) {
    std::string got;
    ASSERT_TRUE(lsm_->get(key, then_ts, &got, nullptr, nullptr).is_ok());
    EXPECT_EQ(got, value);
    // A reader from before the merge has the files it began with.
    Slice read;
    ASSERT_TRUE(it->valid() && it->value(&read).is_ok());
    EXPECT_EQ(read, Slice(value));
    it->next();
  }
  it.reset();
  EXPECT_EQ(segment_files(), lsm_->stats().segments);
  check();
}

TEST_F(ValueOrderTest, ADamagedValueFailsItsReadersNotTheMerge) {
  fill_scattered(500);
  const std::string name = "db/vlog/" + io_.list("db/vlog").take().at(0);
  ASSERT_TRUE(io_.flip_bit(name, (4096 + 700) * 8));  // in the second value
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_EQ(lsm_->stats().ordered_bytes, value_bytes() - 500);
  uint64_t damaged = 0;
  for (const auto& [key, value] : model_) {
    std::string got;
    const Status status = lsm_->get(key, now_, &got, nullptr, nullptr);
    if (status.is_ok()) {
      ASSERT_EQ(got, value);
    } else {
      ASSERT_EQ(status.code(), Code::kCorruption);
      EXPECT_NE(status.message().find(name + " at "), std::string::npos);
      damaged++;
    }
  }
  EXPECT_EQ(damaged, 1u);
  EXPECT_TRUE(lsm_->verify_values().is_ok());
}

// Power or process end, or the disk is full, at every call of the merge and the collection after
// it.
TEST_F(ValueOrderTest, FaultsAtEveryStep) {
  for (const SimFault fault : {SimFault::kCrashPower, SimFault::kCrashKill, SimFault::kNoSpace}) {
    const uint64_t stride = fault == SimFault::kCrashPower ? 1 : 3;
    for (uint64_t step = 0;; step += stride) {
      SCOPED_TRACE("step " + std::to_string(step));
      ASSERT_LT(step, 2000u);
      fill_scattered(500);
      io_.set_plan({{io_.calls() + step, fault}});
      const uint64_t end = io_.calls() + step;
      Status status = lsm_->merge_now();
      if (status.is_ok()) status = lsm_->collect_now();
      const bool over = status.is_ok() && io_.calls() <= end;
      io_.clear_plan();
      const bool crashed = io_.crashed();
      ASSERT_TRUE(crashed || status.is_ok() || status.is(Code::kNoSpace)) << status.to_string();
      if (crashed) {
        lsm_.reset();
        io_.restart();
        reopen();
      }
      if (HasFatalFailure()) return;
      check();
      if (HasFatalFailure()) return;
      ASSERT_TRUE(lsm_->merge_now().is_ok());
      ASSERT_TRUE(lsm_->collect_now().is_ok());
      ASSERT_EQ(lsm_->stats().segment_live_bytes, value_bytes());
      ASSERT_EQ(segment_files(), lsm_->stats().segments);
      if (over) {
        EXPECT_GT(step, 20u);
        break;
      }
    }
  }
}

}  // namespace
}  // namespace pgz
