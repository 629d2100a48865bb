#include "engine/io/sim/sim_io.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pgz {
namespace {

class SimIoTest : public testing::Test {
 protected:
  std::unique_ptr<File> create(SimIo* io, const std::string& path, const std::string& text) {
    auto file = io->open(path, OpenMode::kCreate, {}).take();
    EXPECT_TRUE(file->write(0, text.data(), text.size()).is_ok());
    return file;
  }
};

TEST_F(SimIoTest, SyncedBytesAndNamesSurvivePowerFailure) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimIo io(seed);
    ASSERT_TRUE(io.mkdir("d").is_ok());
    ASSERT_TRUE(io.sync_dir("").is_ok());
    auto file = create(&io, "d/f", "hello");
    ASSERT_TRUE(file->sync().is_ok());
    ASSERT_TRUE(io.sync_dir("d").is_ok());
    io.crash_power();
    EXPECT_EQ(io.exists("d/f").code(), Code::kIoError);
    io.restart();
    EXPECT_EQ(io.contents("d/f"), "hello") << seed;
    char byte;
    EXPECT_EQ(file->read_some(0, &byte, 1).code(), Code::kClosed);
  }
}

TEST_F(SimIoTest, UnsyncedSectorsSurviveInEverySubset) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimIo io(seed);
    auto file = create(&io, "f", std::string(1024, 'a'));
    ASSERT_TRUE(file->sync().is_ok());
    ASSERT_TRUE(io.sync_dir("").is_ok());
    ASSERT_TRUE(file->write(0, std::string(1024, 'b').data(), 1024).is_ok());
    io.crash_power();
    const std::string now = io.contents("f");
    ASSERT_EQ(now.size(), 1024u);
    for (size_t half : {0u, 512u}) {
      EXPECT_EQ(now.substr(half, 512), std::string(512, now[half])) << "a sector is atomic";
    }
    seen.insert({now[0], now[512]});
  }
  EXPECT_EQ(seen, (std::set<std::string>{"aa", "ab", "ba", "bb"}));
}

TEST_F(SimIoTest, UnsyncedNamesMayBeLostOrKept) {
  int created = 0;
  int removed = 0;
  int renamed = 0;
  constexpr int kRuns = 200;
  for (uint64_t seed = 0; seed < kRuns; ++seed) {
    SimIo io(seed);
    for (const char* name : {"old", "from"}) ASSERT_TRUE(create(&io, name, "x")->sync().is_ok());
    ASSERT_TRUE(io.sync_dir("").is_ok());
    ASSERT_TRUE(create(&io, "new", "y")->sync().is_ok());
    ASSERT_TRUE(io.remove("old").is_ok());
    ASSERT_TRUE(io.rename("from", "to").is_ok());
    io.crash_power();
    io.restart();
    created += io.exists("new").take() ? 1 : 0;
    removed += io.exists("old").take() ? 0 : 1;
    renamed += io.exists("to").take() ? 1 : 0;
    EXPECT_NE(io.exists("from").take(), io.exists("to").take()) << "a rename is atomic";
  }
  for (int n : {created, removed, renamed}) {
    EXPECT_GT(n, kRuns / 10);
    EXPECT_LT(n, kRuns * 9 / 10);
  }
}

TEST_F(SimIoTest, KillKeepsTheCacheAndALaterPowerFailureDoesNot) {
  SimIo io(1);
  auto file = create(&io, "f", std::string(512, 'a'));
  ASSERT_TRUE(file->sync().is_ok());
  ASSERT_TRUE(io.sync_dir("").is_ok());
  ASSERT_TRUE(file->write(0, std::string(512, 'b').data(), 512).is_ok());
  io.crash_kill();
  io.restart();
  EXPECT_EQ(io.contents("f"), std::string(512, 'b'));
  io.crash_power([](const std::string&, uint64_t) { return false; });
  io.restart();
  EXPECT_EQ(io.contents("f"), std::string(512, 'a'));
}

TEST_F(SimIoTest, FailedSyncForgetsWhatItDidNotWrite) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimIo io(seed);
    auto file = create(&io, "f", std::string(512, 'a'));
    ASSERT_TRUE(file->sync().is_ok());
    ASSERT_TRUE(io.sync_dir("").is_ok());
    ASSERT_TRUE(file->write(0, std::string(512, 'b').data(), 512).is_ok());
    io.set_plan({{0, SimFault::kSyncFailed}});
    EXPECT_EQ(file->sync().code(), Code::kIoError);
    EXPECT_TRUE(file->sync().is_ok()) << "as kernels do: the second call knows nothing";
    EXPECT_EQ(io.contents("f")[0], 'b');
    io.crash_power();
    lost += io.contents("f")[0] == 'a' ? 1 : 0;
  }
  EXPECT_GT(lost, 5);
  EXPECT_LT(lost, 45);
}

TEST_F(SimIoTest, PlanFiresAtItsCall) {
  SimIo io(3);
  auto file = create(&io, "f", "x");
  const uint64_t next = io.calls();
  io.set_plan({{next + 1, SimFault::kEio}, {next + 3, SimFault::kCrashPower}});
  EXPECT_TRUE(file->write(0, "1", 1).is_ok());
  EXPECT_EQ(file->write(0, "2", 1).code(), Code::kIoError);
  EXPECT_TRUE(file->write(0, "3", 1).is_ok());
  EXPECT_FALSE(io.crashed());
  EXPECT_FALSE(file->write(0, "4", 1).is_ok());
  EXPECT_TRUE(io.crashed());
  EXPECT_FALSE(io.mkdir("d").is_ok());
}

TEST_F(SimIoTest, CapacityGivesNoSpaceToGrowthOnly) {
  SimIo io(4);
  auto file = create(&io, "f", std::string(1000, 'x'));
  io.set_capacity(1500);
  EXPECT_EQ(file->write(1000, std::string(501, 'y').data(), 501).code(), Code::kNoSpace);
  EXPECT_TRUE(file->write(0, std::string(1000, 'y').data(), 1000).is_ok());
  EXPECT_EQ(io.free_space("").take(), 500u);
  io.set_capacity(2000);
  EXPECT_TRUE(file->write(1000, std::string(501, 'y').data(), 501).is_ok());
}

TEST_F(SimIoTest, LocksEndWithTheProcess) {
  SimIo io(5);
  auto held = io.lock_file("L");
  ASSERT_TRUE(held.is_ok());
  EXPECT_EQ(io.lock_file("L").code(), Code::kLocked);
  io.crash_kill();
  io.restart();
  auto again = io.lock_file("L");
  ASSERT_TRUE(again.is_ok());
  held.value().reset();  // of the old life: must not let the new one go
  EXPECT_EQ(io.lock_file("L").code(), Code::kLocked);
}

TEST_F(SimIoTest, CutShortensForGood) {
  SimIo io(7);
  auto file = create(&io, "f", "abcdef");
  EXPECT_EQ(io.used_bytes(), 6u);
  ASSERT_TRUE(io.sync_dir("").is_ok());
  ASSERT_TRUE(io.cut("f", 2));
  EXPECT_FALSE(io.cut("f", 2));
  EXPECT_EQ(io.used_bytes(), 2u);
  io.crash_power();
  EXPECT_EQ(io.contents("f"), "ab");
}

TEST_F(SimIoTest, FlipBitDamagesCacheAndDisk) {
  SimIo io(6);
  auto file = create(&io, "f", "abc");
  ASSERT_TRUE(file->sync().is_ok());
  ASSERT_TRUE(io.sync_dir("").is_ok());
  ASSERT_TRUE(io.flip_bit("f", 8));
  EXPECT_FALSE(io.flip_bit("f", 24));
  EXPECT_EQ(io.contents("f"), "acc");
  io.crash_power();
  EXPECT_EQ(io.contents("f"), "acc");
}

}  // namespace
}  // namespace pgz
