// Arenas for many allocating threads: each thread prefers a shard of its own and takes the next
// one rather than wait. Memory is given back when the object goes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/base/arena.h"
#include "engine/base/sync.h"

namespace pgz {

class ConcurrentArena {
 public:
  // Aligned to eight bytes; any thread.
  char* allocate_words(size_t bytes) {
    // Every piece is a whole number of words, and blocks are aligned.
    const size_t words_bytes = (bytes + 7) & ~size_t{7};
    uint32_t at = static_cast<uint32_t>(thread_number()) % kShards;
    for (uint32_t tries = 1;; tries++) {
      Shard& shard = shards_[at];
      if (!shard.busy.test_and_set(std::memory_order_acquire)) {
        char* memory = shard.arena.allocate(words_bytes);
        shard.busy.clear(std::memory_order_release);
        return memory;
      }
      at = (at + 1) % kShards;
      if (tries % kShards == 0) spin_pause();
    }
  }

  uint64_t memory_bytes() const {
    uint64_t bytes = 0;
    for (const Shard& shard : shards_) bytes += shard.arena.memory_bytes();
    return bytes;
  }

 private:
  static constexpr uint32_t kShards = 8;
  struct alignas(64) Shard {
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    Arena arena;
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace pgz
