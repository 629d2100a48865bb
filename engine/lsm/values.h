// Values out of the value log for readers: a view says which segment holds one, the block cache may
// hold it already, and what is missing is read in address order.
//
// The cache holds values uncompressed. They are found by segment id and slot, which a collection
// does not change. Ids of segments and numbers of tables come from one sequence, so blocks and
// values share a cache.
#pragma once

#include <span>
#include <string>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/lsm/view.h"
#include "engine/sst/block_cache.h"
#include "engine/vlog/vlog.h"

namespace pgz {

class Values {
 public:
  // Borrows both.
  Values(Io* io, BlockCache* cache) : io_(io), cache_(cache) {}

  // Where an encoded pointer found in the view leads; read->to stays the caller's to set.
  // kCorruption when it makes no sense.
  static Status find(const View& view, Slice encoded, ValueRead* read);
  // *value holds an encoded pointer found in the view and receives the value.
  Status resolve(const View& view, std::string* value) const;
  // Reads all, each with its own status.
  void read(std::span<ValueRead> reads) const;

 private:
  // False when the cache does not have it.
  bool take_cached(const ValueRead& read) const;
  void put_cached(const ValueRead& read) const;

  Io* const io_;
  BlockCache* const cache_;
};

}  // namespace pgz
