#include "engine/base/arena.h"

#include <utility>

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
  for (const Block& block : blocks_) free_block(block.memory, block.bytes);
  blocks_.clear();
  next_ = nullptr;
  left_ = 0;
  memory_bytes_.store(0, std::memory_order_relaxed);
}

char* Arena::allocate_slow(size_t n) {
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
