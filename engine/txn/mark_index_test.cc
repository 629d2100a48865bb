#include "engine/txn/mark_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/txn/mark_set.h"

namespace pgz {
namespace {

MarkBound upto(Slice key) { return {key, false, false}; }
MarkBound point(Slice key) { return {key, true, false}; }
constexpr MarkBound kNoEnd{{}, false, true};

std::vector<std::string> found(const MarkIndex& index, Slice begin, const MarkBound& bound) {
  std::vector<std::string> out;
  index.for_each(begin, bound, [&](Mark* m) { out.emplace_back(m->begin()); });
  return out;
}

using Names = std::vector<std::string>;

TEST(MarkIndex, FindsPointsAndRangesThatShareAKey) {
  MarkIndex index;
  const MarkPtr a = make_mark(nullptr, 0, "a", point("a"));
  const MarkPtr b = make_mark(nullptr, 0, "b", upto("f"));
  const MarkPtr e = make_mark(nullptr, 0, "e", kNoEnd);
  for (const MarkPtr* m : {&a, &b, &e}) index.add(m->get());
  EXPECT_EQ(found(index, "a", point("a")), Names({"a"}));
  EXPECT_EQ(found(index, "aa", point("ab")), Names());
  EXPECT_EQ(found(index, "c", point("c")), Names({"b"}));
  EXPECT_EQ(found(index, "f", point("f")), Names({"e"}));
  EXPECT_EQ(found(index, "", upto("b")), Names({"a"}));
  EXPECT_EQ(found(index, "", point("b")), Names({"a", "b"}));
  EXPECT_EQ(found(index, "", kNoEnd), Names({"a", "b", "e"}));
  index.remove(b.get());
  EXPECT_EQ(found(index, "", kNoEnd), Names({"a", "e"}));
}

// Against a list, with many adds and removes.
TEST(MarkIndex, AgreesWithALinearSearch) {
  std::mt19937_64 rng(7);
  const auto key = [&] { return std::string(1 + rng() % 2, static_cast<char>('a' + rng() % 8)); };
  MarkIndex index;
  std::vector<MarkPtr> all;
  for (int i = 0; i < 4000; i++) {
    if (!all.empty() && rng() % 3 == 0) {
      const size_t at = rng() % all.size();
      index.remove(all[at].get());
      all.erase(all.begin() + static_cast<ptrdiff_t>(at));
    } else {
      std::string from = key();
      std::string to = key();
      if (to < from) std::swap(from, to);
      const bool is_point = from == to || rng() % 2 == 0;
      all.push_back(make_mark(nullptr, 0, from,
                              is_point         ? point(from)
                              : rng() % 9 == 0 ? kNoEnd
                                               : upto(to)));
      index.add(all.back().get());
    }
    const std::string from = key();
    const MarkBound bound = rng() % 2 == 0 ? point(from) : kNoEnd;
    size_t want = 0;
    for (const MarkPtr& m : all) {
      if (m->bound().reaches(from) && bound.reaches(m->begin())) want++;
    }
    ASSERT_EQ(found(index, from, bound).size(), want);
  }
  EXPECT_EQ(index.size(), all.size());
}

TEST(MarkSet, JoinsWhatMeetsAndKeepsPointsApart) {
  MarkIndex index;
  uint64_t memory = 0;
  MarkSet set(&index, &memory);
  set.add(nullptr, 1, "b", point("b"));
  set.add(nullptr, 1, "c", point("c"));
  EXPECT_EQ(set.size(), 2u);
  set.add(nullptr, 1, "a", upto("c"));
  EXPECT_EQ(set.size(), 2u);  // [a, c) and c
  set.add(nullptr, 1, "c", upto("e"));
  EXPECT_EQ(set.size(), 1u);
  EXPECT_TRUE(set.covers("a", upto("e")));
  EXPECT_FALSE(set.covers("a", point("e")));
  set.add(nullptr, 1, "x", kNoEnd);
  EXPECT_TRUE(set.covers("y", kNoEnd));
  EXPECT_EQ(set.size(), index.size());
  set.clear();
  EXPECT_EQ(memory, 0u);
}

TEST(MarkSet, CutsByNumber) {
  MarkIndex index;
  uint64_t memory = 0;
  MarkSet set(&index, &memory);
  set.add(nullptr, 2, "a", point("a"));
  set.add(nullptr, 5, "b", point("b"));
  set.add(nullptr, 7, "a", point("a"));  // keeps its first number
  set.cut(5);
  EXPECT_TRUE(set.covers("a", point("a")));
  EXPECT_FALSE(set.covers("b", point("b")));
}

// A set that grew too large covers all it was given, keeps tables apart, and does not claim that
// what lies in a gap was touched.
TEST(MarkSet, CoarsensTheNarrowestGapsFirst) {
  MarkIndex index;
  uint64_t memory = 0;
  MarkSet set(&index, &memory);
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; i++) {
    char text[16];
    std::snprintf(text, sizeof(text), "%c%05d", i % 2 == 0 ? 'A' : 'C', i);
    keys.emplace_back(text);
    set.add(nullptr, 1, keys.back(), point(keys.back()));
    ASSERT_LE(set.size(), MarkSet::kMarksMax);
  }
  for (const std::string& key : keys) ASSERT_FALSE(found(index, key, point(key)).empty()) << key;
  EXPECT_TRUE(found(index, "B", point("B")).empty());
  EXPECT_FALSE(found(index, "A000001", point("A000001")).empty());
  EXPECT_FALSE(set.covers("A000001", point("A000001")));
  set.coarsen(1);
  EXPECT_EQ(set.size(), 1u);
  EXPECT_FALSE(found(index, "B", point("B")).empty());
}

}  // namespace
}  // namespace pgz
