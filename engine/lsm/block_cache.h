// Joins the table reader's BlockCache to the cache room.
#pragma once

#include <atomic>
#include <memory>

#include "engine/cache/cache.h"
#include "engine/sst/block_cache.h"

namespace pgz {

class TableBlockCache final : public BlockCache {
 public:
  explicit TableBlockCache(uint64_t capacity_bytes)
      : cache_(capacity_bytes, destroy),
        kept_max_(capacity_bytes / 4),
        lent_max_(capacity_bytes / 16) {}

  Pin lookup(uint64_t table_id, uint64_t offset) override {
    return pin(cache_.lookup({table_id, offset}));
  }
  Pin insert(uint64_t table_id, uint64_t offset, OwnedBlock block) override {
    const uint64_t charge = block->memory_bytes;
    return pin(cache_.insert({table_id, offset}, block.release(), charge));
  }
  void release(void* handle) override { cache_.release(static_cast<Cache::Entry*>(handle)); }

  // Up to a quarter of the capacity may be kept.
  bool keep(uint64_t bytes) override {
    if (kept_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= kept_max_) return true;
    unkeep(bytes);
    return false;
  }
  void unkeep(uint64_t bytes) override { kept_.fetch_sub(bytes, std::memory_order_relaxed); }

  bool lend(uint64_t bytes) override {
    if (lent_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= lent_max_) return true;
    take_back(bytes);
    return false;
  }
  void take_back(uint64_t bytes) override { lent_.fetch_sub(bytes, std::memory_order_relaxed); }
  // What reading ahead may take at most, over and above the capacity.
  uint64_t lent_max() const { return lent_max_; }

  void set_capacity(uint64_t capacity_bytes) { cache_.set_capacity(capacity_bytes); }
  uint64_t table_bytes() const { return cache_.table_bytes(); }
  CacheStats stats() const { return cache_.stats(); }

 private:
  static void destroy(void* block) { BlockFree()(static_cast<BlockContents*>(block)); }
  static Pin pin(Cache::Entry* entry) {
    if (entry == nullptr) return {};
    return {static_cast<const BlockContents*>(Cache::object(entry)), entry};
  }

  Cache cache_;
  const uint64_t kept_max_;
  std::atomic<uint64_t> kept_{0};
  const uint64_t lent_max_;
  std::atomic<uint64_t> lent_{0};
};

}  // namespace pgz
