#include "engine/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "engine/base/rng.h"

namespace pgz {
namespace {

TEST(Histogram, EmptyAndSingle) {
  Histogram h;
  EXPECT_EQ(h.percentile(99), 0u);
  EXPECT_EQ(h.min(), 0u);
  h.record(UINT64_MAX);
  EXPECT_EQ(h.percentile(0), UINT64_MAX);
  EXPECT_EQ(h.percentile(100), UINT64_MAX);
}

TEST(Histogram, PercentilesAreWithinOneSixteenthAboveTheTruth) {
  SplitMixRng rng(5);
  Histogram a;
  Histogram b;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t v = rng.next64() >> (rng.next64() % 64);
    values.push_back(v);
    (i % 2 == 0 ? a : b).record(v);
  }
  a.merge(b);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(a.count(), values.size());
  EXPECT_EQ(a.min(), values.front());
  EXPECT_EQ(a.max(), values.back());
  for (double p : {0.1, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const size_t rank =
        static_cast<size_t>(p / 100 * static_cast<double>(values.size()) + 0.999999);
    const uint64_t truth = values[std::max<size_t>(rank, 1) - 1];
    const uint64_t got = a.percentile(p);
    EXPECT_GE(got, truth) << p;
    EXPECT_LE(got - truth, truth / 16) << p;
  }
}

TEST(SharedHistogramTest, ThreadsAddUp) {
  SharedHistogram shared;
  Histogram alone;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&shared, t] {
      for (uint64_t i = 0; i < 1000; ++i) shared.record(t * 1000 + i);
    });
  }
  for (uint64_t i = 0; i < 4000; ++i) alone.record(i);
  for (std::thread& thread : threads) thread.join();
  const Histogram all = shared.snapshot();
  EXPECT_EQ(all.count(), 4000u);
  EXPECT_EQ(all.sum(), alone.sum());
  EXPECT_EQ(all.min(), 0u);
  EXPECT_EQ(all.max(), 3999u);
  EXPECT_EQ(all.percentile(99), alone.percentile(99));
  EXPECT_EQ(SharedHistogram().snapshot().percentile(50), 0u);
}

}  // namespace
}  // namespace pgz
