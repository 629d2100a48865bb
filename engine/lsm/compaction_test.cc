// The shape of the tree for stores of several sizes. Picks are tested by the model and crash tests.
#include "engine/lsm/compaction.h"

#include <gtest/gtest.h>

namespace pgz {
namespace {

constexpr uint64_t kMib = 1 << 20;

// What LevelShape asks of a version, without tables: bytes by level.
LevelShape shape_of(std::vector<std::pair<int, uint64_t>> levels, uint32_t level0_files = 0) {
  CompactionLimits limits;
  limits.base_bytes = 128 * kMib;
  limits.table_bytes = 32 * kMib;
  limits.level0_trigger = 4;
  uint64_t bytes[kLevels] = {};
  for (const auto& [level, mib] : levels) bytes[level] = mib * kMib;
  return LevelShape::of(bytes, level0_files, limits);
}

TEST(LevelShape, ASmallStoreHasLevelZeroAndTheLastLevel) {
  EXPECT_EQ(shape_of({}).base, 6);
  EXPECT_EQ(shape_of({{6, 250}}).base, 6);
  EXPECT_EQ(shape_of({{6, 250}}).debt_bytes, 0u);
}

TEST(LevelShape, LevelsAboveTheLastShrinkEvenlyToTheBase) {
  const LevelShape one = shape_of({{6, 1000}});
  EXPECT_EQ(one.base, 5);
  EXPECT_EQ(one.target_bytes[5], 128 * kMib);
  const LevelShape two = shape_of({{6, 128 * 49}});
  EXPECT_EQ(two.base, 4);
  EXPECT_EQ(two.target_bytes[4], 128 * kMib);
  EXPECT_NEAR(static_cast<double>(two.target_bytes[5]), 7.0 * 128 * kMib, 1.0 * kMib);
  EXPECT_EQ(shape_of({{6, 128 * 1'000'000}}).base, 1);
}

TEST(LevelShape, ALevelAboveItsTargetWantsAMergeAndIsDebt) {
  const LevelShape shape = shape_of({{0, 64}, {5, 384}, {6, 1000}}, 2);
  EXPECT_DOUBLE_EQ(shape.score[0], 0.5);
  EXPECT_DOUBLE_EQ(shape.score[5], 3);
  EXPECT_DOUBLE_EQ(shape.score[6], 0);
  EXPECT_EQ(shape.debt_bytes, (64 + 256) * kMib);
}

// A directory of the first builds: level 1 must not be passed over, and empties downwards.
TEST(LevelShape, LevelZeroNeverGoesBelowALevelThatHoldsAnything) {
  const LevelShape shape = shape_of({{1, 5000}});
  EXPECT_EQ(shape.base, 1);
  EXPECT_GE(shape.score[1], 1);
  EXPECT_EQ(shape.debt_bytes, 5000 * kMib);
}

}  // namespace
}  // namespace pgz
