#include "engine/base/arena.h"

#include <new>
#include <utility>

#include "engine/base/heap.h"

namespace pgz {

Arena::~Arena() { clear(); }

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  if (this == &other) return *this;
  clear();
  next_ = std::exchange(other.next_, nullptr);
  left_ = std::exchange(other.left_, 0);
  first_bytes_ = other.first_bytes_;
  first_ = std::exchange(other.first_, nullptr);
  blocks_ = std::exchange(other.blocks_, {});
  memory_bytes_.store(other.memory_bytes_.exchange(0));
  return *this;
}

void Arena::clear() {
  heap_free(std::exchange(first_, nullptr));
  for (const Block& block : blocks_) free_block(block.memory, block.bytes);
  blocks_.clear();
  next_ = nullptr;
  left_ = 0;
  memory_bytes_.store(0, std::memory_order_relaxed);
}

char* Arena::allocate_slow(size_t n) {
  if (first_ == nullptr && blocks_.empty() && n <= first_bytes_) {
    first_ = static_cast<char*>(heap_alloc_aligned(first_bytes_, kAlign));
    if (first_ == nullptr) throw std::bad_alloc();
    memory_bytes_.fetch_add(heap_usable_bytes(first_), std::memory_order_relaxed);
    next_ = first_ + n;
    left_ = first_bytes_ - n;
    return first_;
  }
  // A large request gets a block of its own, so that the rest of the current one is not lost.
  const bool own_block = n > kBlockBytes / 4;
  size_t bytes = 0;
  char* block = static_cast<char*>(allocate_block(own_block ? n : kBlockBytes, &bytes));
  blocks_.push_back({block, bytes});
  memory_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (!own_block) {
    next_ = block + n;
    left_ = bytes - n;
  }
  return block;
}

}  // namespace pgz
