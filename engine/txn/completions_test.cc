#include "engine/txn/completions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pgz {
namespace {

TEST(Completions, SignalsOnceUntilDrained) {
  int signals = 0;
  Completions completions([&] { signals++; });
  for (uint64_t tag = 1; tag <= 200; tag++) {
    ASSERT_TRUE(completions.reserve().is_ok());
    completions.finish({.tag = tag, .value = tag * 2});
  }
  EXPECT_EQ(signals, 1);
  Completion out[150];
  EXPECT_EQ(completions.drain(out), 150u);
  EXPECT_EQ(out[149].tag, 150u);
  EXPECT_EQ(completions.drain(out), 50u);
  EXPECT_EQ(out[49].value, 400u);
  EXPECT_EQ(completions.drain(out), 0u);
  ASSERT_TRUE(completions.reserve().is_ok());
  completions.cancel_reservation();
  ASSERT_TRUE(completions.reserve().is_ok());
  completions.finish({.tag = 7});
  EXPECT_EQ(signals, 2);
}

TEST(Completions, AHoldPutsSignalsTogether) {
  int signals = 0;
  Completions completions([&] { signals++; });
  for (int i = 0; i < 4; i++) ASSERT_TRUE(completions.reserve().is_ok());
  Completion out[8];
  {
    const Completions::Hold outer(&completions);
    completions.finish({.tag = 1});
    {
      const Completions::Hold inner(&completions);
      completions.finish({.tag = 2});
    }
    EXPECT_EQ(signals, 0);
  }
  EXPECT_EQ(signals, 1);
  { const Completions::Hold nothing_new(&completions); }
  EXPECT_EQ(signals, 1);
  EXPECT_EQ(completions.drain(out), 2u);
  { const Completions::Hold nothing(&completions); }
  EXPECT_EQ(signals, 1);
  {
    // Who drains meanwhile has it already.
    const Completions::Hold hold(&completions);
    completions.finish({.tag = 3});
    EXPECT_EQ(completions.drain(out), 1u);
  }
  EXPECT_EQ(signals, 1);
  completions.finish({.tag = 4});
  EXPECT_EQ(signals, 2);
}

TEST(Completions, EveryTagArrivesOnce) {
  constexpr uint64_t kPerThread = 20000;
  std::atomic<uint64_t> signals{0};
  Completions completions([&] {
    signals++;
    signals.notify_one();
  });
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; t++) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kPerThread; i++) {
        ASSERT_TRUE(completions.reserve().is_ok());
        completions.finish({.tag = t * kPerThread + i});
      }
    });
  }
  std::vector<int> seen(3 * kPerThread);
  uint64_t total = 0;
  uint64_t cleared = 0;
  while (total < seen.size()) {
    signals.wait(cleared);
    cleared = signals.load();
    Completion out[64];
    for (size_t n = 64; n == 64;) {
      n = completions.drain(out);
      for (size_t i = 0; i < n; i++) seen[out[i].tag]++;
      total += n;
    }
  }
  for (auto& thread : threads) thread.join();
  for (int times : seen) ASSERT_EQ(times, 1);
}

}  // namespace
}  // namespace pgz
