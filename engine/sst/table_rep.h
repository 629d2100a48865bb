// An open table's state, shared by the reader's two files.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "engine/sst/block.h"
#include "engine/sst/block_index.h"
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
  // Gives the pin away.
  void* take_handle() {
    void* handle = pin_.handle;
    pin_ = {};
    return handle;
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

// Reads ahead once reads follow one another: pieces double from kFirstPiece on and begin and end
// where direct reads may. Direct files take the longest ones; of others the system itself reads
// ahead, and what counts is not to make a call for every block. One thread.
class ReadAhead final : public TableSource {
 public:
  static constexpr size_t kFirstPiece = 32 * 1024;
  static constexpr size_t kLastPiece = 64 * 1024;
  static constexpr size_t kLastDirectPiece = 256 * 1024;

  // Nothing is read at or beyond `limit` that was not asked for. The cache, null for none, lends
  // the memory, or the reads go without.
  ReadAhead(TableSource* source, uint64_t limit, BlockCache* cache)
      : source_(source),
        limit_(limit),
        cache_(cache),
        last_piece_(source->is_direct() ? kLastDirectPiece : kLastPiece) {}
  ~ReadAhead() override;
  Status read(uint64_t offset, void* buffer, size_t n) override;
  Result<uint64_t> size() override { return source_->size(); }

 private:
  // A read this far behind the last one still follows it: blocks in the cache lie between.
  static constexpr uint64_t kGap = 64 * 1024;

  // Room for a piece, or for as long a one as there is.
  void make_room();

  TableSource* const source_;
  const uint64_t limit_;
  BlockCache* const cache_;
  const size_t last_piece_;
  uint64_t next_ = ~uint64_t{0};  // where the last read ended
  size_t piece_ = 0;              // 0: reads did not follow one another yet
  uint64_t begin_ = 0;            // of the bytes at hand
  size_t size_ = 0;
  AlignedBuffer bytes_;
};

}  // namespace sst

struct TableReader::Rep {
  enum class BlockKind : uint8_t { kData, kIndex, kFilter };

  ~Rep();

  // Brings in the block an index entry names, from `from` where it is not in the cache.
  Status load(Slice handle_bytes, BlockKind kind, bool fill_cache, TableSource* from,
              sst::PinnedBlock* block) const;
  Status load(const sst::BlockHandle& handle, BlockKind kind, bool fill_cache, TableSource* from,
              sst::PinnedBlock* block) const;
  // For a look-up: the block kept in `place` (null: none), or `block` holds it.
  struct Kept;
  Status load_kept(Kept* place, const sst::BlockHandle& handle, BlockKind kind,
                   sst::PinnedBlock* block, const BlockContents** contents) const;
  Status bad_block(Slice handle_bytes) const;
  Status bad_block(const sst::BlockHandle& handle) const;

  std::unique_ptr<TableSource> source;
  std::string name;
  TableReadOptions options;
  sst::Footer footer;
  uint64_t data_limit = 0;  // blocks end here
  TableProperties properties;
  OwnedBlock top_index;

  // The filter and the partitions that look-ups have used, pinned in the cache for as long as the
  // table is open, as far as the cache allows: a line shared read-only instead of a pin written by
  // every reader.
  struct Kept {
    std::atomic<const BlockContents*> block{nullptr};
    void* handle = nullptr;  // written by who set the block
  };
  mutable Kept kept_filter;
  mutable std::unique_ptr<Kept[]> kept;  // one for each entry of the top index
  uint32_t kept_count = 0;
};

}  // namespace pgz
