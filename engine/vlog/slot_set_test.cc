// SlotSet and SegmentUses against plain sets; damaged bytes; the choice of a segment.
#include <gtest/gtest.h>

#include <set>

#include "engine/base/rng.h"
#include "engine/vlog/vlog.h"

namespace pgz {
namespace {

SlotSet make(const std::set<uint32_t>& slots) {
  SlotSet set;
  for (const uint32_t slot : slots) set.add(slot);
  return set;
}

TEST(SlotSetTest, BehavesAsASetThroughItsBytes) {
  SplitMixRng rng(7);
  for (int round = 0; round < 200; round++) {
    std::set<uint32_t> model;
    const uint32_t range = 1 + static_cast<uint32_t>(rng.uniform(3000));
    for (uint64_t n = rng.uniform(400); n > 0; n--) {
      const auto from = static_cast<uint32_t>(rng.uniform(range));
      const auto run = static_cast<uint32_t>(round % 2 == 0 ? 1 : rng.uniform(60) + 1);
      for (uint32_t i = 0; i < run; i++) model.insert(from + i);
    }
    const SlotSet set = make(model);
    ASSERT_EQ(set.count(), model.size());
    ASSERT_EQ(set.limit(), model.empty() ? 0 : *model.rbegin() + 1);
    std::string bytes;
    set.encode(&bytes);
    ASSERT_LE(bytes.size(), set.limit() / 8 + 8);
    Slice from = bytes;
    SlotSet back;
    ASSERT_TRUE(SlotSet::decode(&from, &back));
    ASSERT_TRUE(from.empty());
    ASSERT_EQ(back, set);
    for (uint32_t slot = 0; slot < set.limit() + 70; slot++) {
      ASSERT_EQ(back.contains(slot), model.contains(slot));
    }
  }
}

TEST(SlotSetTest, UnitesAndIntersects) {
  SlotSet a = make({1, 64, 200});
  const SlotSet b = make({2, 64, 999});
  EXPECT_TRUE(a.intersects(b));
  EXPECT_FALSE(a.intersects(make({0, 3, 5000})));
  a.unite(b);
  EXPECT_EQ(a, make({1, 2, 64, 200, 999}));
}

TEST(SlotSetTest, BadBytesAreRefused) {
  for (const std::string& bytes : {std::string(""), std::string("\x00", 1), std::string("\x01\x03"),
                                   std::string("\x03\x01\x05"), std::string("\x03\x01\x05\x00", 4),
                                   std::string("\x07\x01\x00\xff\xff\xff\x7f\x01", 8)}) {
    Slice from = bytes;
    SlotSet set;
    EXPECT_FALSE(SlotSet::decode(&from, &set));
  }
}

TEST(SegmentUsesTest, SumsWhatItPointsAt) {
  SegmentUses uses;
  uses.add({7, 0, 1000, 1});
  uses.add({7, 2, 500, 1});
  uses.add({9, 5, 10, 1});
  uses.add({7, 2, 500, 1});  // the same value again
  EXPECT_EQ(uses.bytes(), 1510u);
  std::string bytes;
  uses.encode(&bytes);
  SegmentUses back;
  ASSERT_TRUE(SegmentUses::decode(bytes, &back));
  EXPECT_EQ(back, uses);
  EXPECT_EQ(back.all().at(7).slots, make({0, 2}));
  for (size_t n = 0; n < bytes.size(); n++) {
    EXPECT_FALSE(SegmentUses::decode(Slice(bytes).substr(0, n), &back) && back == uses) << n;
  }
}

TEST(PickSegmentTest, DeadFirstThenGarbageForEachLiveByte) {
  std::vector<SegmentLoad> loads = {{1, 1, 1000, 900}, {2, 2, 1000, 100}, {3, 9, 1000, 100}};
  EXPECT_EQ(pick_segment(loads, 9, {}), 1u);  // as much garbage as the third, and older
  loads.push_back({4, 4, 1000, 0});
  EXPECT_EQ(pick_segment(loads, 9, {}), 3u);
  const std::vector<SegmentLoad> tidy = {{1, 1, 1000, 900}, {2, 2, 1000, 500}};
  EXPECT_EQ(pick_segment(tidy, 9, {}), tidy.size());
  EXPECT_EQ(pick_segment({}, 9, {}), 0u);
  // Six times the garbage for a live byte is worth more than ten times the age.
  const std::vector<SegmentLoad> mixed = {{1, 1, 1000, 600}, {2, 10, 1000, 200}};
  EXPECT_EQ(pick_segment(mixed, 10, {}), 1u);
}

TEST(PickSegmentTest, CountsWhatMustStay) {
  std::vector<SegmentLoad> loads = {{1, 1, 1000, 700}, {2, 2, 1000, 1000}};
  EXPECT_EQ(pick_segment(loads, 9, {}), 2u);
  EXPECT_EQ(pick_segment(loads, 9, {.other_bytes = 1000}), 0u);
  loads.push_back({3, 3, 1000, 0, true});
  EXPECT_EQ(pick_segment(loads, 9, {}), 0u);
  loads[0].is_held = true;
  EXPECT_EQ(pick_segment(loads, 9, {}), 3u);
}

}  // namespace
}  // namespace pgz
