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

TEST(Arena, BeginsSmallWhereAskedTo) {
  Arena arena(1024);
  EXPECT_EQ(arena.memory_bytes(), 0u);
  char* first = arena.allocate_aligned(1000);
  std::memset(first, 'a', 1000);
  EXPECT_GE(arena.memory_bytes(), 1024u);
  EXPECT_LT(arena.memory_bytes(), 4096u);
  char* second = arena.allocate(1000);
  std::memset(second, 'b', 1000);
  EXPECT_GE(arena.memory_bytes(), 1024 + Arena::kBlockBytes);
  Arena moved = std::move(arena);
  EXPECT_EQ(first[999], 'a');
  EXPECT_EQ(second[0], 'b');
  moved.clear();
  EXPECT_EQ(moved.memory_bytes(), 0u);
  moved.allocate(1);
  EXPECT_LT(moved.memory_bytes(), 4096u);

  Arena large(1024);
  std::memset(large.allocate(2000), 'c', 2000);
  EXPECT_EQ(large.memory_bytes(), Arena::kBlockBytes);
}

}  // namespace
}  // namespace pgz
