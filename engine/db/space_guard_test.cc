// When the reserve is made, grown, given away and filled again.
#include "engine/db/space_guard.h"

#include <gtest/gtest.h>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kMemtable = 32 * kMiB;
constexpr uint64_t kSlot = 4 * kMiB;
constexpr uint64_t kMax = 2 * kSlot + 3 * 40 * kMiB;
constexpr uint64_t kRestart = 2 * kSlot + 40 * kMiB;

class SpaceGuardTest : public testing::Test {
 protected:
  SpaceGuardTest() : io_(1), rng_(1) {
    EXPECT_TRUE(io_.mkdir("/db").is_ok());
    set_free(1024 * kMiB);
  }
  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }
  std::unique_ptr<SpaceGuard> new_guard() {
    auto guard = std::make_unique<SpaceGuard>(runtime(), "/db", kMemtable, kSlot);
    guard->open();
    return guard;
  }
  void set_free(uint64_t bytes) { io_.set_capacity(io_.used_bytes() + bytes); }
  uint64_t reserved() { return size_of("/db/reserve"); }
  uint64_t left() { return size_of("/db/reserve-spent"); }
  uint64_t size_of(const std::string& path) {
    auto file = io_.open(path, OpenMode::kRead, {});
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
  EXPECT_EQ(reserved(), 19 * kMiB / 2);
  EXPECT_FALSE(guard->wants(kMiB / 2));
  EXPECT_TRUE(guard->wants(kMiB));
  guard->refill(3 * kMiB);
  EXPECT_EQ(reserved(), 20 * kMiB);
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
  guard->spend(33 * kMiB);
  EXPECT_FALSE(guard->is_spent());
  set_free(30 * kMiB);
  guard->spend(33 * kMiB);
  EXPECT_TRUE(guard->is_spent());
  EXPECT_TRUE(guard->check().is(Code::kNoSpace));
  EXPECT_EQ(left(), kRestart) << "a part stays for the next opening";
}

// A quota is met while the file system seems to have room.
TEST_F(SpaceGuardTest, IsSpentWhateverSeemsFree) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  guard->spend(0);
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(left(), kRestart);
}

TEST_F(SpaceGuardTest, HealsWhenThereIsRoomForItAndSomeData) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  set_free(0);
  guard->spend(33 * kMiB);
  set_free(40 * kMiB);
  guard->refill(4096 * kMiB);
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(left(), kRestart);
  set_free(1024 * kMiB);
  guard->refill(4096 * kMiB);
  EXPECT_FALSE(guard->is_spent());
  EXPECT_EQ(reserved(), kMax);
  EXPECT_EQ(left(), 0u);
}

TEST_F(SpaceGuardTest, TheNextOwnerOfAFullDiskWritesNothingEither) {
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  set_free(0);
  guard->spend(33 * kMiB);
  set_free(20 * kMiB);
  guard = new_guard();
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(left(), kRestart);
  guard->spend(10 * kMiB);
  EXPECT_EQ(left(), kRestart) << "there is room for it";
  guard->spend(33 * kMiB);
  EXPECT_EQ(left(), kSlot) << "what is left is for what was left unflushed";
}

TEST_F(SpaceGuardTest, NoRoomForALogSlotAtOpening) {
  new_guard()->refill(4096 * kMiB);
  set_free(kMiB);
  auto guard = new_guard();
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(reserved(), 0u);
  EXPECT_EQ(left(), kSlot) << "another slot, should this life end before a flush";
  set_free(0);
  guard = new_guard();
  EXPECT_TRUE(guard->is_spent());
  EXPECT_EQ(left(), 0u);
}

// One that is nearly full when it is opened has its reserve, and is written to until it is spent.
TEST_F(SpaceGuardTest, ASmallReserveOpensForWriting) {
  set_free(48 * kMiB);
  auto guard = new_guard();
  guard->refill(4096 * kMiB);
  EXPECT_EQ(reserved(), 6 * kMiB);
  set_free(6 * kMiB);
  guard = new_guard();
  EXPECT_FALSE(guard->is_spent());
  guard->spend(33 * kMiB);
  EXPECT_TRUE(guard->is_spent());
}

}  // namespace
}  // namespace pgz
