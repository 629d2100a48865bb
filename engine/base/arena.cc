#include "engine/base/arena.h"

#include <utility>

#include "engine/base/assert.h"
#include "engine/base/heap.h"

namespace pgz {

Arena::~Arena() { clear(); }

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  if (this == &other) return *this;
  clear();
  next_ = std::exchange(other.next_, nullptr);
  left_ = std::exchange(other.left_, 0);
  blocks_ = std::exchange(other.blocks_, {});
  memory_bytes_.store(other.memory_bytes_.exchange(0));
  return *this;
}

void Arena::clear() {
  for (char* block : blocks_) heap_free(block);
  blocks_.clear();
  next_ = nullptr;
  left_ = 0;
  memory_bytes_.store(0, std::memory_order_relaxed);
}

char* Arena::allocate_slow(size_t n) {
  // A large request gets a block of its own, so that the rest of the current one is not lost.
  const bool own_block = n > kBlockBytes / 4;
  const size_t bytes = own_block ? n : kBlockBytes;
  char* block = static_cast<char*>(heap_alloc_aligned(bytes, kAlign));
  PGZ_ASSERT(block != nullptr);
  blocks_.push_back(block);
  memory_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (!own_block) {
    next_ = block + n;
    left_ = bytes - n;
  }
  return block;
}

}  // namespace pgz
