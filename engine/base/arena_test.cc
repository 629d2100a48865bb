#include "engine/base/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

namespace pgz {
namespace {

TEST(Arena, KeepsWhatWasWrittenAtEverySize) {
  Arena arena;
  std::vector<std::pair<char*, size_t>> parts;
  for (size_t n : {1u, 7u, 8u, 100u, 8191u, 8192u, 8193u, 32768u, 100000u, 3u}) {
    for (int round = 0; round < 20; ++round) {
      char* p = round % 2 == 0 ? arena.allocate(n) : arena.allocate_aligned(n);
      if (round % 2 == 1) {
        EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % Arena::kAlign, 0u);
      }
      std::memset(p, static_cast<int>(parts.size() & 0xff), n);
      parts.emplace_back(p, n);
    }
  }
  size_t total = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    total += parts[i].second;
    for (size_t k = 0; k < parts[i].second; ++k) {
      ASSERT_EQ(parts[i].first[k], static_cast<char>(i & 0xff));
    }
  }
  EXPECT_GE(arena.memory_bytes(), total);
  EXPECT_LT(arena.memory_bytes(), total + total / 2);
}

TEST(Arena, ClearAndMoveGiveMemoryBack) {
  Arena a;
  char* p = a.allocate(100);
  std::memset(p, 'x', 100);
  Arena b = std::move(a);
  EXPECT_EQ(a.memory_bytes(), 0u);
  EXPECT_EQ(b.memory_bytes(), Arena::kBlockBytes);
  EXPECT_EQ(p[99], 'x');
  b.clear();
  EXPECT_EQ(b.memory_bytes(), 0u);
  EXPECT_NE(b.allocate_aligned(1), nullptr);
}

}  // namespace
}  // namespace pgz
