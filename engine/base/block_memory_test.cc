#include "engine/base/block_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(BlockMemory, SizesLoseOneKilobyteAtMost) {
  for (size_t bytes = 1; bytes <= kBlockMemoryLargest; bytes += bytes < 3000 ? 1 : 37) {
    const Block block = make(bytes, 'x');
    EXPECT_GE(block.got, bytes);
    if (bytes <= kBlockMemoryLargest) {
      EXPECT_LE(block.got, bytes + 1024) << bytes;
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

// What a cache does whose blocks change their sizes: what was freed serves the next ones.
TEST(BlockMemory, OneSizeLeavesRoomForAnother) {
  constexpr uint64_t kBytes = uint64_t{32} << 20;
  std::mt19937 random(1);
  std::vector<std::pair<void*, size_t>> blocks;
  uint64_t bytes = 0;
  for (size_t size : {8500, 1500, 4500, 15000, 2500, 6500, 11000, 8500}) {
    for (uint64_t made = 0; made < 3 * kBytes;) {
      size_t got = 0;
      blocks.emplace_back(allocate_block(size + random() % 500, &got), got);
      bytes += got;
      made += got;
      while (bytes > kBytes) {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        bytes -= blocks.back().second;
        free_block(blocks.back().first, blocks.back().second);
        blocks.pop_back();
      }
    }
    EXPECT_LE(block_memory_stats().held_bytes, kBytes + kBytes / 2) << size;
  }
  for (const auto& [block, got] : blocks) free_block(block, got);
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
