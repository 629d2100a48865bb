// Values that commits write to the value log themselves: seen from the memtable on, found again by
// replay, finished by the flush, left alone by the collector while a memtable points at them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/lsm/values_test_util.h"

namespace pgz {
namespace {

class PlacedValuesTest : public ValuesFixture {
 protected:
  PlacedValuesTest() : ValuesFixture(5) {}

  // One commit; the log keeps what replay gets.
  void commit(const std::vector<std::string>& keys, size_t bytes) {
    std::vector<std::string> values;
    for (const std::string& key : keys) {
      values.push_back(key + "@" + std::to_string(++written_) + ":");
      values.back().resize(bytes, static_cast<char>('a' + written_ % 26));
    }
    const std::vector<Slice> slices(values.begin(), values.end());
    PlacedValues placed;
    ASSERT_TRUE(lsm_->place_values(slices, &placed).is_ok());
    ASSERT_TRUE(lsm_->sync_values().is_ok());
    MemTableRef ref = lsm_->reserve_active(++now_);
    for (size_t i = 0; i < keys.size(); i++) {
      ASSERT_TRUE(ref.add_placed(keys[i], now_, placed, i).is_ok());
      log_.push_back({now_, keys[i], placed.logged(i)});
      model_[keys[i]] = values[i];
    }
  }

  // The process ends, the machine stays or not; what is not flushed is replayed.
  Status restart(bool power) {
    lsm_.reset();
    power ? io_.crash_power() : io_.crash_kill();
    io_.restart();
    LsmRecovered recovered;
    auto opened = Lsm::open(runtime(), "db", options(), &recovered);
    if (!opened.is_ok()) return opened.take_status();
    lsm_ = opened.take();
    for (const Logged& entry : log_) {
      if (entry.ts <= recovered.flushed_lsn) continue;
      MemTableRef ref = lsm_->reserve_active(entry.ts);
      PGZ_TRY(ref.add_logged(entry.key, entry.ts, entry.logged));
    }
    return lsm_->start();
  }

  struct Logged {
    uint64_t ts;
    std::string key;
    std::string logged;
  };

  uint64_t written_ = 0;
  std::vector<Logged> log_;
};

TEST_F(PlacedValuesTest, AreSeenBeforeAndAfterTheirFlush) {
  for (int i = 0; i < 50; i++) commit({"a" + std::to_string(i), "b" + std::to_string(i)}, 3000);
  check();
  ASSERT_TRUE(flush().is_ok());
  check();
  const LsmStats stats = lsm_->stats();
  EXPECT_GE(stats.segments, 4u);  // of 64 KiB
  EXPECT_EQ(stats.segment_live_bytes, 300'000u);
  EXPECT_EQ(stats.placed_bytes, 300'000u);
  EXPECT_LT(stats.flushed_bytes, 20'000u);  // no value was written again
}

TEST_F(PlacedValuesTest, ReplayFindsThemAfterEitherEnd) {
  for (const bool power : {true, false}) {
    for (int i = 0; i < 30; i++) commit({"key" + std::to_string(i)}, 5000);
    ASSERT_TRUE(restart(power).is_ok());
    check();
    ASSERT_TRUE(restart(power).is_ok());  // and again, with nothing flushed between
    check();
    commit({"more"}, 9000);
    ASSERT_TRUE(flush().is_ok());
    check();
    ASSERT_TRUE(restart(power).is_ok());
    check();
  }
}

TEST_F(PlacedValuesTest, ReplayRefusesAValueThatIsNotTheOneItWrote) {
  commit({"key"}, 5000);
  ASSERT_TRUE(io_.flip_bit("db/vlog/" + io_.list("db/vlog").take().at(0), (4096 + 100) * 8));
  const Status status = restart(true);
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.message().find(".seg at 4096"), std::string::npos) << status.message();
}

TEST_F(PlacedValuesTest, ReplayRefusesAMissingSegment) {
  commit({"key"}, 5000);
  const std::string name = "db/vlog/" + io_.list("db/vlog").take().at(0);
  lsm_.reset();
  ASSERT_TRUE(io_.remove(name).is_ok());
  const Status status = restart(false);
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
}

TEST_F(PlacedValuesTest, AbandonedOnesAreGarbage) {
  {
    const std::string value(20'000, 'x');
    const Slice slice(value);
    PlacedValues abandoned;
    ASSERT_TRUE(lsm_->place_values({&slice, 1}, &abandoned).is_ok());
  }
  commit({"key"}, 5000);
  ASSERT_TRUE(flush().is_ok());
  check();
  ASSERT_TRUE(lsm_->collect_now().is_ok());
  check();
  EXPECT_LT(lsm_->stats().segment_bytes, 20'000u);
}

// No flush will ever meet the segments of commits that failed behind their values.
TEST_F(PlacedValuesTest, SegmentsOfAbandonedOnesOnlyGoAway) {
  const std::string value(40'000, 'x');
  const Slice slice(value);
  for (int i = 0; i < 20; i++) {
    PlacedValues abandoned;
    ASSERT_TRUE(lsm_->place_values({&slice, 1}, &abandoned).is_ok());
    ASSERT_TRUE(lsm_->sync_values().is_ok());
    if (i == 10) commit({"key"}, 5000);
    EXPECT_LE(io_.list("db/vlog").take().size(), 4u);
  }
  check();
  ASSERT_TRUE(flush().is_ok());
  check();
  ASSERT_TRUE(restart(true).is_ok());
  check();
}

// The instance failed between the log and the memtable: only the log knows, and may have it
// durable.
TEST_F(PlacedValuesTest, KeptOnesStayForTheReplay) {
  const std::string value(40'000, 'x');
  const Slice slice(value);
  {
    PlacedValues unknown;
    ASSERT_TRUE(lsm_->place_values({&slice, 1}, &unknown).is_ok());
    ASSERT_TRUE(lsm_->sync_values().is_ok());
    log_.push_back({++now_, "key", unknown.logged(0)});
    model_["key"] = value;
    lsm_->keep_values(unknown);
  }
  for (int i = 0; i < 5; i++) {
    PlacedValues others;
    ASSERT_TRUE(lsm_->place_values({&slice, 1}, &others).is_ok());
  }
  ASSERT_TRUE(restart(true).is_ok());
  check();
}

TEST_F(PlacedValuesTest, AMemtablesSegmentIsNotCollected) {
  commit({"a", "b", "c"}, 5000);
  for (const char* key : {"a", "b", "c"}) erase(key);
  lsm_->rotate();
  // The same segment, with a memtable that stays.
  commit({"d"}, 5000);
  ASSERT_TRUE(lsm_->flush_now().is_ok());
  ASSERT_TRUE(lsm_->collect_now().is_ok());
  EXPECT_EQ(lsm_->stats().segments, 1u);
  EXPECT_EQ(lsm_->stats().segment_live_bytes, 0u);
  EXPECT_EQ(lsm_->stats().collected_bytes, 0u);
  check();
  ASSERT_TRUE(flush().is_ok());
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  ASSERT_TRUE(lsm_->collect_now().is_ok());
  EXPECT_GT(lsm_->stats().collected_bytes, 0u);
  check();
}

}  // namespace
}  // namespace pgz
