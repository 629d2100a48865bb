// When the reserve is made, grown, given away and filled again.
#include "engine/db/space_guard.h"

#include <gtest/gtest.h>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kMax = 72 * kMiB;
constexpr uint64_t kRestart = 8 * kMiB;

class SpaceGuardTest : public testing::Test {
 protected:
  SpaceGuardTest() : io_(1), rng_(1) {
    EXPECT_TRUE(io_.mkdir("/db").is_ok());
    set_free(1024 * kMiB);
  }
  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }
  std::unique_ptr<SpaceGuard> new_guard() {
    auto guard = std::make_unique<SpaceGuard>(runtime(), "/db", kMax, kRestart);
    guard->open();
    return guard;
  }
  void set_free(uint64_t bytes) { io_.set_capacity(io_.used_bytes() + bytes); }
  uint64_t reserved() {
    auto file = io_.open("/db/reserve", OpenMode::kRead, {});
    return file.is_ok() ? file.value()->size().take() : 0;
  }

  SimIo io_;
  SplitMixRng rng_;
};

TEST_F(SpaceGuardTest, GrowsWithTheLog) {
  auto guard = new_guard();
  EXPECT_EQ(reserved(), 0u);
  EXPECT_TRUE(guard->wants(kMiB / 2));
  guard->refill(kMiB / 2);
  EXPECT_EQ(reserved(), 12 * kMiB);
  EXPECT_FALSE(guard->wants(2 * kMiB));
  EXPECT_TRUE(guard->wants(3 * kMiB));
  guard->refill(3 * kMiB);
  EXPECT_EQ(reserved(), 16 * kMiB);
  guard->refill(4096 * kMiB);
  EXPECT_EQ(reserved(), kMax);
  EXPECT_FALSE(guard->wants(8192 * kMiB));
  // The next owner knows it.
  guard = new_guard();
  EXPECT_FALSE(guard->is_spent());
}

TEST_F(SpaceGuardTest, IsSpentOnlyWhereThatHelps) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  guard->spend(100 * kMiB);
  EXPECT_FALSE(guard->is_spent()) << "the room is there";
  set_free(40 * kMiB);
  guard->spend(400 * kMiB);
  EXPECT_FALSE(guard->is_spent()) << "too large for the reserve as well";
  EXPECT_EQ(reserved(), kMax);
  EXPECT_TRUE(guard->check().is_ok());
  guard->spend(100 * kMiB);
  EXPECT_TRUE(guard->is_spent());
  EXPECT_TRUE(guard->check().is(Code::kNoSpace));
  EXPECT_EQ(reserved(), kRestart) << "a part stays for the next opening";
}

// A quota is met while the file system seems to have room.
TEST_F(SpaceGuardTest, IsSpentWhateverSeemsFree) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  guard->spend(0);
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(reserved(), kRestart);
}

TEST_F(SpaceGuardTest, HealsWhenThereIsRoomForItAndSomeData) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  set_free(0);
  guard->spend(33 * kMiB);
  set_free(36 * kMiB);
  guard->refill(4096 * kMiB);
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(reserved(), kRestart);
  set_free(1024 * kMiB);
  guard->refill(4096 * kMiB);
  EXPECT_FALSE(guard->is_spent());
  EXPECT_EQ(reserved(), kMax);
}

TEST_F(SpaceGuardTest, TheNextOwnerOfAFullDiskWritesNothingEither) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  set_free(0);
  guard->spend(33 * kMiB);
  set_free(kRestart);
  guard = new_guard();
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(reserved(), kRestart);
  set_free(kMiB);
  guard = new_guard();
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(reserved(), 0u) << "all of it for the log slot of this opening";
}

// An eighth of what is free can be less than a restart takes.
TEST_F(SpaceGuardTest, ASmallFileSystemOpensForWriting) {
  set_free(48 * kMiB);
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  EXPECT_EQ(reserved(), 6 * kMiB);
  guard = new_guard();
  EXPECT_FALSE(guard->is_spent());
}

}  // namespace
}  // namespace pgz
