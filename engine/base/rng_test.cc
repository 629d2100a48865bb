#include "engine/base/rng.h"

#include <gtest/gtest.h>

#include <array>

namespace pgz {
namespace {

TEST(Rng, SeedDecidesTheSequence) {
  // The first outputs of SplitMix64 from state 1234567, as published with its reference code.
  SplitMixRng rng(1234567);
  EXPECT_EQ(rng.next64(), 6457827717110365317u);
  EXPECT_EQ(rng.next64(), 3203168211198807973u);
  EXPECT_EQ(rng.next64(), 9817491932198370423u);
}

TEST(Rng, UniformCoversItsRangeEvenly) {
  SplitMixRng rng(9);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70000; ++i) ++seen[rng.uniform(7)];
  for (int n : seen) {
    EXPECT_GT(n, 9500);
    EXPECT_LT(n, 10500);
  }
  EXPECT_EQ(rng.uniform(1), 0u);
}

}  // namespace
}  // namespace pgz
