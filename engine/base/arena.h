// Arena: memory for a batch of things that die together. Allocation bumps a pointer in blocks taken
// from the pool of block memory; nothing is given back before the arena goes.
//
// An arena that mostly stays small, as that of a transaction, may begin with a little from the
// general heap: the pool is shared by all threads, and what it gives is seldom in a cache.
//
// Thread-compatible: one thread allocates at a time. memory_bytes() may be read by any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/block_memory.h"

namespace pgz {

class Arena {
 public:
  static constexpr size_t kBlockBytes = kBlockMemoryLargest;
  static constexpr size_t kAlign = alignof(std::max_align_t);

  Arena() = default;
  // The first block has so many bytes, at most kBlockBytes, if the first request fits.
  explicit Arena(size_t first_bytes) : first_bytes_(first_bytes) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  // n bytes, any alignment. Never null unless n is 0: the process stops when memory is exhausted.
  char* allocate(size_t n) {
    if (n <= left_) {
      char* p = next_;
      next_ += n;
      left_ -= n;
      return p;
    }
    return allocate_slow(n);
  }

  // As allocate, aligned to kAlign.
  char* allocate_aligned(size_t n) {
    const size_t skip = (kAlign - reinterpret_cast<uintptr_t>(next_) % kAlign) % kAlign;
    if (skip <= left_ && n <= left_ - skip) {
      char* p = next_ + skip;
      next_ += skip + n;
      left_ -= skip + n;
      return p;
    }
    return allocate_slow(n);
  }

  // Frees everything and starts afresh.
  void clear();

  // Bytes held from the heap.
  size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Block {
    char* memory;
    size_t bytes;
  };

  char* allocate_slow(size_t n);

  char* next_ = nullptr;
  size_t left_ = 0;
  size_t first_bytes_ = 0;
  char* first_ = nullptr;  // from the general heap
  std::vector<Block> blocks_;
  std::atomic<size_t> memory_bytes_{0};
};

}  // namespace pgz
