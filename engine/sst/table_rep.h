// An open table's state, shared by the reader's two files.
#pragma once

#include <memory>
#include <string>

#include "engine/sst/block.h"
#include "engine/sst/format.h"
#include "engine/sst/table.h"

namespace pgz {

namespace sst {

// A block in use: pinned in the cache, or owned when there is none.
class PinnedBlock {
 public:
  PinnedBlock() = default;
  ~PinnedBlock() { reset(); }
  PinnedBlock(const PinnedBlock&) = delete;
  PinnedBlock& operator=(const PinnedBlock&) = delete;

  void reset() {
    if (pin_.handle != nullptr) cache_->release(pin_.handle);
    pin_ = {};
    owned_.reset();
  }
  void set(BlockCache* cache, BlockCache::Pin pin) {
    reset();
    cache_ = cache;
    pin_ = pin;
  }
  void set(OwnedBlock owned) {
    reset();
    owned_ = std::move(owned);
    pin_.block = owned_.get();
  }
  const BlockContents& block() const { return *pin_.block; }
  Slice slice() const { return pin_.block->slice(); }

 private:
  BlockCache* cache_ = nullptr;
  BlockCache::Pin pin_;
  OwnedBlock owned_;
};

}  // namespace sst

struct TableReader::Rep {
  enum class BlockKind : uint8_t { kData, kIndex };

  // Brings in the block an index entry names.
  Status load(Slice handle_bytes, BlockKind kind, bool fill_cache, sst::PinnedBlock* block) const;
  Status bad_block(Slice handle_bytes) const;

  std::unique_ptr<File> file;
  std::string name;
  TableReadOptions options;
  sst::Footer footer;
  uint64_t data_limit = 0;  // blocks end here
  TableProperties properties;
  OwnedBlock filter;  // null: none
  OwnedBlock top_index;
};

}  // namespace pgz
