#include "engine/base/block_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/heap.h"

namespace pgz {
namespace {

struct Block {
  char* bytes = nullptr;
  size_t asked = 0;
  size_t got = 0;
  char mark = 0;
};

Block make(size_t bytes, char mark) {
  Block block;
  block.asked = bytes;
  block.mark = mark;
  block.bytes = static_cast<char*>(allocate_block(bytes, &block.got));
  std::memset(block.bytes, mark, block.got);
  return block;
}

void drop(const Block& block) {
  for (size_t i = 0; i < block.got; i++) ASSERT_EQ(block.bytes[i], block.mark);
  free_block(block.bytes, block.got);
}

TEST(BlockMemory, SizesLoseAnEighthAtMost) {
  for (size_t bytes = 1; bytes <= kBlockMemoryLargest; bytes += bytes < 3000 ? 1 : 37) {
    const Block block = make(bytes, 'x');
    EXPECT_GE(block.got, bytes);
    if (bytes > 1024) {
      EXPECT_LE(block.got, bytes + bytes / 7 + 64) << bytes;
    }
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block.bytes) % 64, 0u);
    drop(block);
  }
}

#ifndef PGZ_HEAP_LIBC
TEST(BlockMemory, BlocksDoNotOverlapAndMemoryGoesBack) {
  const uint64_t used = block_memory_stats().used_bytes;
  std::mt19937 random(1);
  std::vector<Block> blocks;
  for (int i = 0; i < 40000; i++) {
    if (blocks.size() < 3000 || (random() % 2 == 0 && blocks.size() < 6000)) {
      blocks.push_back(make(1 + random() % (34 * 1024), static_cast<char>(i)));
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      drop(blocks.back());
      blocks.pop_back();
    }
  }
  const BlockMemoryStats stats = block_memory_stats();
  EXPECT_GT(stats.used_bytes, used);
  EXPECT_LT(stats.held_bytes, stats.used_bytes + stats.used_bytes / 3 + (uint64_t{16} << 20));
  for (const Block& block : blocks) drop(block);
  EXPECT_EQ(block_memory_stats().used_bytes, used);
  EXPECT_LE(block_memory_stats().held_bytes, uint64_t{2} << 20);
}

#endif

TEST(BlockMemory, ManyThreadsFreeEachOthersBlocks) {
  const uint64_t used = block_memory_stats().used_bytes;
  std::vector<std::vector<Block>> made(4);
  const auto run = [](auto&& work) {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; t++) threads.emplace_back(work, t);
    for (std::thread& thread : threads) thread.join();
  };
  for (int round = 0; round < 3; round++) {
    run([&](size_t t) {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 2000; i++) {
        made[t].push_back(make(1000 + random() % 9000, static_cast<char>(t)));
      }
    });
    run([&](size_t t) {
      for (const Block& block : made[(t + 1) % 4]) drop(block);
      made[(t + 1) % 4].clear();
    });
  }
  EXPECT_EQ(block_memory_stats().used_bytes, used);
}

}  // namespace
}  // namespace pgz
