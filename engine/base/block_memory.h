// Memory for blocks of some kilobytes that come and go on all threads by the hundred thousand: what
// fills a cache and the memtables. A general allocator keeps pages for each thread and size and so
// holds a multiple of what is in use when threads are many; here all threads share runs of one size
// each.
//
//   region: 2 MiB from the system, in large pages where the system has them; sixteen runs. It
//     goes back when none of them is in use, but for one.
//   run: 128 KiB, slots of one size; any size may have it once it is empty.
//   sizes: 1 to 32 KiB, eight to a doubling, so that an eighth is lost at most. Larger blocks come
//     from the general heap directly, and so do all in builds whose tools watch it (heap.h).
//
// Any thread; does not block longer than another's few instructions. One pool for the process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgz {

// At least `bytes`, 64-byte aligned; *got is the size to count and to give back. Throws
// std::bad_alloc.
void* allocate_block(size_t bytes, size_t* got);
void free_block(void* block, size_t got);

// The largest size that runs have, four slots in one.
inline constexpr size_t kBlockMemoryLargest = 32 * 1024 - 64;

struct BlockMemoryStats {
  uint64_t used_bytes = 0;  // of slots given out
  uint64_t held_bytes = 0;  // of regions
};
BlockMemoryStats block_memory_stats();

}  // namespace pgz
