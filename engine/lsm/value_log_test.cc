// Large values through the store: they leave the tables, their live bytes are counted exactly, old
// snapshots pin only what they see, space stays below twice the live bytes, and crashes at every
// step of a collection lose nothing and bring nothing back.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/lsm/values_test_util.h"

namespace pgz {
namespace {

class ValueLogTest : public ValuesFixture {
 protected:
  ValueLogTest() : ValuesFixture(3) {}

  LsmOptions options() override {
    LsmOptions o = ValuesFixture::options();
    o.table_file_bytes = 64 << 10;
    if (!separate_) o.value_inline_max_bytes = 0;
    o.compress = compress_;
    return o;
  }

  // Noise, of which nothing can be compressed, or every other value alike throughout.
  void put(uint64_t n, size_t bytes) {
    const uint64_t ts = now_ + 1;
    std::string value = key_of(n) + "@" + std::to_string(ts) + ":";
    const bool is_alike = some_alike_ && ts % 2 == 0;
    while (value.size() < bytes) {
      value.push_back(static_cast<char>(is_alike ? 'a' + ts % 26 : noise_.next64()));
    }
    put_value(key_of(n), std::move(value));
  }

  Status settle() {
    PGZ_TRY(flush());
    PGZ_TRY(lsm_->merge_now());
    return lsm_->collect_now();
  }

  SplitMixRng noise_{1};
  bool some_alike_ = false;
  bool compress_ = true;
  bool separate_ = true;
};

TEST_F(ValueLogTest, LargeValuesLeaveTheTables) {
  for (uint64_t n = 0; n < 200; n++) put(n, n % 2 == 0 ? 2000 : 20);
  ASSERT_TRUE(settle().is_ok());
  const LsmStats stats = lsm_->stats();
  EXPECT_EQ(stats.segment_live_bytes, value_bytes());
  EXPECT_EQ(stats.segment_live_bytes, 200'000u);
  EXPECT_GE(stats.segments, 1u);
  uint64_t table_bytes = 0;
  for (const uint64_t bytes : stats.level_bytes) table_bytes += bytes;
  EXPECT_LT(table_bytes, 30'000u);
  EXPECT_GT(lsm_->approximate_bytes("", ""), 200'000u);
  check();
  reopen();
  check();
}

TEST_F(ValueLogTest, MergesPassPointersOn) {
  for (int round = 0; round < 6; round++) {
    for (uint64_t n = 0; n < 50; n++) put(static_cast<uint64_t>(round) * 50 + n, 3000);
    ASSERT_TRUE(flush().is_ok());
  }
  const LsmStats before = lsm_->stats();
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  EXPECT_LT(lsm_->stats().merged_bytes - before.merged_bytes, 100'000u);
  EXPECT_EQ(lsm_->stats().segment_live_bytes, value_bytes());
  check();
}

TEST_F(ValueLogTest, SpaceStaysBelowTwiceTheLiveBytes) {
  for (const size_t bytes : {1024, 16384}) {
    for (int round = 0; round < 40; round++) {
      for (int i = 0; i < 60; i++) put(rng_.uniform(100), bytes);
      ASSERT_TRUE(settle().is_ok());
      const LsmStats stats = lsm_->stats();
      ASSERT_EQ(stats.segment_live_bytes, value_bytes());
      ASSERT_LE(stats.segment_bytes, 2 * stats.segment_live_bytes + (128 << 10)) << round;
      ASSERT_EQ(segment_files(), stats.segments);  // nothing is left lying about
    }
    check();
  }
  reopen();
  check();
}

TEST_F(ValueLogTest, ASnapshotPinsWhatItSeesAndNoMore) {
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  snapshots_.insert(now_);
  const uint64_t at = now_;
  const std::map<std::string, std::string> then = model_;
  for (int round = 0; round < 10; round++) {
    for (uint64_t n = 0; n < 100; n++) put(n, 1000);
    ASSERT_TRUE(settle().is_ok());
    EXPECT_EQ(lsm_->stats().segment_live_bytes, 200'000u);
  }
  EXPECT_LE(lsm_->stats().segment_bytes, 450'000u);
  for (const auto& [key, value] : then) {
    std::string got;
    ASSERT_TRUE(lsm_->get(key, at, &got, nullptr, nullptr).is_ok());
    EXPECT_EQ(got, value);
  }
  snapshots_.clear();
  ASSERT_TRUE(settle().is_ok());
  put(0, 1000);  // merges look at what has changed
  ASSERT_TRUE(settle().is_ok());
  EXPECT_EQ(lsm_->stats().segment_live_bytes, 100'000u);
  check();
}

TEST_F(ValueLogTest, ACollectionRewritesNoKey) {
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  for (uint64_t n = 0; n < 100; n += 2) put(n, 1000);
  ASSERT_TRUE(flush().is_ok());
  ASSERT_TRUE(lsm_->merge_now().is_ok());
  const std::vector<std::string> tables = io_.list("db/sst").take();
  const LsmStats before = lsm_->stats();
  ASSERT_TRUE(lsm_->collect_now().is_ok());
  const LsmStats after = lsm_->stats();
  EXPECT_GT(after.collected_bytes, before.collected_bytes);
  EXPECT_EQ(after.merged_bytes + after.flushed_bytes, before.merged_bytes + before.flushed_bytes);
  EXPECT_EQ(io_.list("db/sst").take(), tables);
  check();
}

TEST_F(ValueLogTest, AReaderKeepsTheFilesItReads) {
  for (uint64_t n = 0; n < 100; n++) put(n, 2000);
  ASSERT_TRUE(settle().is_ok());
  const std::map<std::string, std::string> then = model_;
  auto it = lsm_->new_iterator(now_, "", "");
  it->seek_to_first();
  for (uint64_t n = 0; n < 100; n++) {
    if (n % 3 != 0) erase(key_of(n));
  }
  for (int i = 0; i < 2; i++) ASSERT_TRUE(settle().is_ok());
  EXPECT_EQ(lsm_->stats().segment_live_bytes, value_bytes());
  for (const auto& [key, value] : then) {
    ASSERT_TRUE(it->valid()) << it->status().to_string();
    ASSERT_EQ(it->key(), Slice(key));
    Slice read;
    ASSERT_TRUE(it->value(&read).is_ok());
    ASSERT_EQ(read, Slice(value));
    it->next();
  }
  it.reset();
  EXPECT_EQ(segment_files(), lsm_->stats().segments);
  check();
}

TEST_F(ValueLogTest, DeletedKeysStayDeleted) {
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  for (uint64_t n = 0; n < 100; n += 2) erase(key_of(n));
  ASSERT_TRUE(settle().is_ok());
  EXPECT_GT(lsm_->stats().collected_bytes, 0u);
  check();
  reopen();
  check();
  for (uint64_t n = 1; n < 100; n += 2) erase(key_of(n));
  ASSERT_TRUE(settle().is_ok());
  EXPECT_EQ(lsm_->stats().segments, 0u);
  EXPECT_EQ(segment_files(), 0u);
}

// check() compares all sums of live and stored bytes with what tables and segments say.
TEST_F(ValueLogTest, CompressedValuesAmongOthers) {
  some_alike_ = true;
  snapshots_.insert(1);
  for (int round = 0; round < 30; round++) {
    if (round == 10) snapshots_.insert(now_);
    if (round == 20) snapshots_.clear();
    for (int i = 0; i < 80; i++) {
      const uint64_t n = rng_.uniform(150);
      if (rng_.uniform(5) == 0) {
        erase(key_of(n));
      } else {
        put(n, rng_.uniform(8) == 0 ? 20'000 : 50 + rng_.uniform(2000));
      }
    }
    ASSERT_TRUE(settle().is_ok());
    check();
    if (HasFatalFailure()) return;
    const LsmStats stats = lsm_->stats();
    ASSERT_LE(stats.segment_bytes, 2 * stats.segment_live_bytes + (128 << 10)) << round;
    ASSERT_EQ(segment_files(), stats.segments);
    if (round % 7 == 6) reopen();
  }
  EXPECT_LT(lsm_->stats().segment_live_bytes, value_bytes() * 9 / 10);
  EXPECT_GT(lsm_->stats().collected_bytes, 0u);
}

TEST_F(ValueLogTest, CompressionCanBeSwitchedOffAndOn) {
  some_alike_ = true;
  compress_ = false;
  reopen();
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  EXPECT_EQ(lsm_->stats().segment_live_bytes, value_bytes());
  compress_ = true;
  reopen();
  check();
  for (uint64_t n = 0; n < 50; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  EXPECT_LT(lsm_->stats().segment_live_bytes, value_bytes() - 20 * 1000);
  compress_ = false;
  reopen();
  check();
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  EXPECT_EQ(lsm_->stats().segment_live_bytes, value_bytes());
  check();
}

TEST_F(ValueLogTest, SwitchedOffItReadsWhatIsThere) {
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  separate_ = false;
  reopen();
  check();
  for (uint64_t n = 0; n < 100; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  EXPECT_EQ(lsm_->stats().segments, 0u);
  check();
}

TEST_F(ValueLogTest, DamageIsAnErrorThatNamesTheFile) {
  for (uint64_t n = 0; n < 10; n++) put(n, 1000);
  ASSERT_TRUE(settle().is_ok());
  const std::string name = "db/vlog/" + io_.list("db/vlog").take().at(0);
  ASSERT_TRUE(io_.flip_bit(name, (4096 + 4500) * 8));  // in the fifth value
  std::string value;
  const Status status = lsm_->get(key_of(4), now_, &value, nullptr, nullptr);
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.message().find(name + " at "), std::string::npos);
  auto it = lsm_->new_iterator(now_, "", "");
  std::string room(10 * 1000, '\0');
  size_t seen = 0;
  for (it->seek_to_first(); it->valid(); it->next(), seen++) {
    Slice slice;
    EXPECT_EQ(it->value(&slice).is_ok(), seen != 4);
    ASSERT_TRUE(it->take_value(room.data() + seen * 1000).is_ok());
  }
  EXPECT_EQ(seen, 10u);
  EXPECT_EQ(it->read_taken().code(), Code::kCorruption);
  it.reset();
  ASSERT_TRUE(io_.remove(name).is_ok());
  lsm_.reset();
  LsmRecovered recovered;
  EXPECT_FALSE(Lsm::open(runtime(), "db", options(), &recovered).is_ok());
}

// Power or process end at every call of flush, merge and collection; what the manifest says
// afterwards is whole, and everything flushed before is there.
TEST_F(ValueLogTest, CrashesAtEveryStep) {
  for (const SimFault fault : {SimFault::kCrashPower, SimFault::kCrashKill}) {
    some_alike_ = fault == SimFault::kCrashKill;
    for (uint64_t step = 0;; step++) {
      ASSERT_LT(step, 2000u);
      for (uint64_t n = 0; n < 40; n++) put(n, 1000);
      ASSERT_TRUE(settle().is_ok());
      for (uint64_t n = 0; n < 40; n += 2) put(n, 1000);
      for (uint64_t n = 1; n < 40; n += 4) erase(key_of(n));
      ASSERT_TRUE(flush().is_ok());
      io_.set_plan({{io_.calls() + step, fault}});
      const Status status = lsm_->merge_now().is_ok() ? lsm_->collect_now() : Status();
      io_.clear_plan();
      const bool crashed = io_.crashed();
      EXPECT_TRUE(crashed || status.is_ok()) << status.to_string();
      lsm_.reset();
      if (!crashed) io_.crash_power();
      io_.restart();
      reopen();
      if (HasFatalFailure()) return;
      check();
      if (HasFatalFailure()) return;
      ASSERT_TRUE(settle().is_ok());
      if (!some_alike_) {
        ASSERT_EQ(lsm_->stats().segment_live_bytes, value_bytes());
      }
      check();  // its sums, of compressed values too
      ASSERT_EQ(segment_files(), lsm_->stats().segments);
      if (!crashed) break;
    }
  }
}

// Before the bad edit the manifest names tables and segments that have gone since.
TEST_F(ValueLogTest, ADamagedManifestIsToldBeforeTheFilesItMisses) {
  for (int round = 0; round < 4; round++) {
    for (uint64_t n = 0; n < 40; n++) put(n, 1000);
    ASSERT_TRUE(settle().is_ok());
  }
  lsm_.reset();
  constexpr uint64_t kThirdRecord = 2 * 4096;
  ASSERT_TRUE(io_.flip_bit("db/manifest/edits-0", (kThirdRecord + 44) * 8));
  LsmRecovered recovered;
  const auto opened = Lsm::open(runtime(), "db", options(), &recovered);
  ASSERT_TRUE(opened.status().is(Code::kCorruption)) << opened.status().to_string();
  EXPECT_NE(opened.status().message().find("edits-0 at 8192"), std::string::npos)
      << opened.status().message();
}

}  // namespace
}  // namespace pgz
