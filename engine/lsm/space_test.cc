// Overwriting at full speed with all background threads at work: the value log stays below twice
// the live data while it lasts and falls to 1.3 times when it is over.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "engine/base/clock.h"
#include "engine/io/posix.h"
#include "engine/lsm/lsm.h"

namespace pgz {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDataBytes = 12 << 20;
constexpr uint64_t kRounds = 10;
// What a value needs beside itself: key, trailer, pointer, and its place in a segment's directory.
constexpr uint64_t kBesideValue = 8 + 8 + 16 + 12;

struct Sizes {
  uint64_t value;
  uint64_t segment;  // at most; what a flush has is less than the default
};

class SpaceTest : public ::testing::TestWithParam<Sizes> {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "pgz-space-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    LsmOptions o;
    o.uuid = std::string(16, 'u');
    o.memory_budget_bytes = 16 << 20;
    o.memtable_bytes = 256 << 10;
    o.table_file_bytes = 512 << 10;
    o.value_inline_max_bytes = 512;
    o.value_segment_bytes = GetParam().segment;
    o.wait_durable = [](uint64_t) { return Status::ok(); };
    o.boundaries = [] { return std::vector<uint64_t>{kMaxTimestamp - 1}; };
    lsm_ = Lsm::create(runtime_.get(), dir_.string(), o).take();
    ASSERT_TRUE(lsm_->start().is_ok());
  }
  void TearDown() override {
    lsm_.reset();
    fs::remove_all(dir_);
  }

  void put(uint64_t n, uint64_t bytes) {
    ASSERT_TRUE(lsm_->admit(bytes).is_ok());
    ts_++;
    MemTableRef ref = lsm_->reserve_active(ts_);
    value_.resize(bytes);  // noise, which cannot be compressed
    for (char& byte : value_) byte = static_cast<char>(noise_());
    ASSERT_TRUE(ref.add(Kind::kValue, "key" + std::to_string(n), ts_, value_).is_ok());
  }

  // Of tables and segments; a file may go while it is looked at.
  uint64_t disk_bytes() const {
    uint64_t bytes = 0;
    for (const char* part : {"sst", "vlog"}) {
      for (const auto& entry : fs::directory_iterator(dir_ / part)) {
        std::error_code gone;
        const uint64_t size = entry.file_size(gone);
        if (!gone) bytes += size;
      }
    }
    return bytes;
  }

  PosixRuntime runtime_;
  fs::path dir_;
  std::unique_ptr<Lsm> lsm_;
  uint64_t ts_ = 0;
  std::string value_;
  std::minstd_rand noise_;
};

TEST_P(SpaceTest, StaysBelowTwiceTheLiveDataAndFallsWhenIdle) {
  const uint64_t bytes = GetParam().value;
  const uint64_t keys = kDataBytes / bytes;
  const uint64_t live = keys * (bytes + kBesideValue);
  for (uint64_t n = 0; n < keys; n++) put(n, bytes);
  std::mt19937_64 random(1);
  uint64_t most = 0;
  for (uint64_t i = 0; i < kRounds * keys; i++) {
    put(random() % keys, bytes);
    if (i % (keys / 8) == 0) most = std::max(most, disk_bytes());
    if (HasFatalFailure()) return;
  }
  EXPECT_LE(most, 2 * live);
  lsm_->rotate();
  ASSERT_TRUE(lsm_->flush_now().is_ok());
  // Background work that is not over yet has its old files and its new ones for a moment, and
  // takes as long as the machine lets it.
  constexpr int kTriesMax = 1000;
  uint64_t least = disk_bytes();
  for (int i = 0; i < kTriesMax && least > live * 13 / 10; i++) {
    system_clock()->sleep_micros(100'000);
    least = std::min(least, disk_bytes());
  }
  EXPECT_LE(least, live * 13 / 10);
  const LsmStats stats = lsm_->stats();
  std::printf(
      "values of %zu bytes: at most %.2f of the live data, then %.2f; collected %.2f of %zu MiB\n",
      static_cast<size_t>(bytes), double(most) / double(live), double(least) / double(live),
      double(stats.collected_bytes) / double((kRounds + 1) * kDataBytes),
      static_cast<size_t>((kRounds + 1) * kDataBytes >> 20));
}

INSTANTIATE_TEST_SUITE_P(Values, SpaceTest,
                         ::testing::Values(Sizes{1 << 10, 512 << 10}, Sizes{16 << 10, 512 << 10},
                                           Sizes{1 << 10, 64 << 20}));

}  // namespace
}  // namespace pgz
