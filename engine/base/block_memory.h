// Memory for blocks of some kilobytes that come and go on all threads by the hundred thousand: what
// fills a cache and the memtables. A general allocator keeps pages for each thread and size and so
// holds a multiple of what is in use when threads are many, and one with a list for each size keeps
// what each had when it had most; here all threads and sizes share all there is.
//
//   region: 2 MiB from the system, in large pages where the system has them. It goes back when
//     nothing in it is in use, but for one.
//   block: up to 32 KiB, in steps of 256 bytes, from the smallest hole of any region that has room
//     for it; what it leaves is a hole again, and so is what is freed, with its neighbours. So
//     memory that blocks of one size leave serves those of any other. Larger blocks come from the
//     general heap directly, and so do all in builds whose tools watch it (heap.h).
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

// The largest of the pool.
inline constexpr size_t kBlockMemoryLargest = 32 * 1024;

struct BlockMemoryStats {
  uint64_t used_bytes = 0;  // of blocks given out
  uint64_t held_bytes = 0;  // of regions
};
BlockMemoryStats block_memory_stats();

}  // namespace pgz
