// Values out of the value log for readers: a view says which segment holds one, the block cache may
// hold it already, and what is missing is read in address order.
//
// The cache holds values uncompressed. They are found by segment id and slot, which a collection
// does not change. Ids of segments and numbers of tables come from one sequence, so blocks and
// values share a cache.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/lsm/view.h"
#include "engine/sst/block_cache.h"
#include "engine/vlog/vlog.h"

namespace pgz {

class Values {
 public:
  // Borrows io and cache. `on_scattered` is called once in a while when scans meet scattered
  // values, by their threads.
  Values(Io* io, BlockCache* cache, std::function<void()> on_scattered)
      : io_(io), cache_(cache), on_scattered_(std::move(on_scattered)) {}

  // Where an encoded pointer found in the view leads; read->to stays the caller's to set.
  // kCorruption when it makes no sense.
  static Status find(const View& view, Slice encoded, ValueRead* read);
  // *value holds an encoded pointer found in the view and receives the value.
  Status resolve(const View& view, std::string* value) const;
  // Reads all, each with its own status. Neighbours: they are in key order, with nothing between.
  void read(std::span<ValueRead> reads, bool are_neighbours) const;

  // Batches of neighbours most of which lay in other segments than the one before.
  uint64_t scattered_scans() const { return scattered_scans_.load(std::memory_order_relaxed); }
  void forget_scattered_scans() const { scattered_scans_.store(0, std::memory_order_relaxed); }

 private:
  void note_places(std::span<const ValueRead> reads) const;
  // False when the cache does not have it.
  bool take_cached(const ValueRead& read) const;
  void put_cached(const ValueRead& read) const;

  Io* const io_;
  BlockCache* const cache_;
  const std::function<void()> on_scattered_;
  mutable std::atomic<uint64_t> scattered_scans_{0};
};

}  // namespace pgz
