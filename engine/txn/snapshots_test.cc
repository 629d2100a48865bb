#include "engine/txn/snapshots.h"

#include <gtest/gtest.h>

#include <thread>

namespace pgz {
namespace {

using Boundaries = std::vector<uint64_t>;

TEST(Snapshots, ReadAtTheHorizonAndStayRegistered) {
  Snapshots snapshots(5);
  EXPECT_EQ(snapshots.boundaries(), Boundaries({5}));
  EXPECT_EQ(snapshots.acquire(), 5u);
  snapshots.publish(9);
  EXPECT_EQ(snapshots.acquire(), 9u);
  EXPECT_EQ(snapshots.acquire(), 9u);
  snapshots.publish(12);
  EXPECT_EQ(snapshots.boundaries(), Boundaries({5, 9, 12}));
  EXPECT_EQ(snapshots.oldest(), 5u);
  EXPECT_TRUE(snapshots.release(9));
  EXPECT_TRUE(snapshots.release(9));
  EXPECT_FALSE(snapshots.release(9));
  EXPECT_FALSE(snapshots.release(7));
  EXPECT_EQ(snapshots.boundaries(), Boundaries({5, 12}));
  EXPECT_TRUE(snapshots.release(5));
  EXPECT_EQ(snapshots.boundaries(), Boundaries({12}));
  EXPECT_EQ(snapshots.count(), 0u);
}

TEST(Snapshots, HorizonNeverGoesBack) {
  Snapshots snapshots(5);
  snapshots.publish(4);
  EXPECT_EQ(snapshots.horizon(), 5u);
}

TEST(Snapshots, AcknowledgedCommitsRaiseTheBaseOnly) {
  Snapshots snapshots(5);
  snapshots.publish_acknowledged(8);
  EXPECT_EQ(snapshots.horizon(), 5u);
  EXPECT_EQ(snapshots.acquire(), 8u);
  snapshots.publish(6);
  EXPECT_EQ(snapshots.base(), 8u);
  EXPECT_EQ(snapshots.boundaries(), Boundaries({6, 8}));
  EXPECT_TRUE(snapshots.release(8));
}

TEST(Snapshots, DeadEntriesBehindAnOldOneAreDropped) {
  Snapshots snapshots(1);
  EXPECT_EQ(snapshots.acquire(), 1u);
  for (uint64_t ts = 2; ts < 5000; ts++) {
    snapshots.publish(ts);
    EXPECT_EQ(snapshots.acquire(), ts);
    EXPECT_TRUE(snapshots.release(ts));
  }
  EXPECT_EQ(snapshots.boundaries(), Boundaries({1, 4999}));
  // A timestamp whose entry lost its users is taken again.
  EXPECT_EQ(snapshots.acquire(), 4999u);
  EXPECT_TRUE(snapshots.release(4999));
  EXPECT_TRUE(snapshots.release(1));
}

TEST(Snapshots, ManyThreads) {
  Snapshots snapshots(0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20000; i++) {
        const uint64_t ts = snapshots.acquire();
        const Boundaries boundaries = snapshots.boundaries();
        ASSERT_LE(boundaries.front(), ts);
        ASSERT_TRUE(snapshots.release(ts));
      }
    });
  }
  for (uint64_t ts = 1; ts < 20000; ts++) snapshots.publish(ts);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(snapshots.count(), 0u);
}

}  // namespace
}  // namespace pgz
