// Blocks: sorted entries with shared key prefixes.
//
//   entry:  varint shared | varint rest | varint value length | rest of the key | value
//   block:  entries, the offsets of the restart points (fixed32 each), their number (fixed32)
//
// A restart point's key shares nothing. Shared bytes are of the user key only: a trailer is always
// stored whole, so that a reader may put another timestamp into it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/sst/internal_key.h"

namespace pgz {

class BlockBuilder {
 public:
  // A restart point comes after so many entries, or earlier after kRestartBytes: a point look-up
  // reads on from one, and a row or two more without a shared prefix weigh little.
  static constexpr size_t kRestartBytes = 384;

  explicit BlockBuilder(uint32_t restart_interval) : restart_interval_(restart_interval) {}

  // Keys come in order.
  void add(Slice internal_key, Slice value);
  bool empty() const { return bytes_.empty(); }
  size_t estimated_bytes() const { return bytes_.size() + restarts_.size() * 4 + 4; }
  // The block's bytes, valid until reset().
  Slice finish();
  void reset();

 private:
  const uint32_t restart_interval_;
  std::string bytes_;
  std::string last_key_;
  std::vector<uint32_t> restarts_;
  uint32_t since_restart_ = 0;
};

// A growing key that stays off the heap while it is short.
class KeyBuffer {
 public:
  Slice slice() const { return Slice(data_, size_); }
  char* data() { return data_; }
  // Keeps the first `keep` bytes and puts `rest` behind them.
  void splice(size_t keep, Slice rest) {
    if (keep + rest.size() > capacity_) grow(keep, keep + rest.size());
    if (!rest.empty()) std::memcpy(data_ + keep, rest.data(), rest.size());
    size_ = keep + rest.size();
  }
  size_t size() const { return size_; }

 private:
  void grow(size_t keep, size_t need);

  char inline_[160];
  char* data_ = inline_;
  size_t size_ = 0;
  size_t capacity_ = sizeof(inline_);
  std::unique_ptr<char[]> heap_;
};

// Walks one block. Keys of a table with a global timestamp get it in place of their own.
// A block whose bytes make no sense leaves it !valid() and corrupt().
class BlockIterator {
 public:
  BlockIterator() = default;
  BlockIterator(const BlockIterator&) = delete;
  BlockIterator& operator=(const BlockIterator&) = delete;

  // The bytes must outlive the use of the iterator. global_ts 0: none.
  void init(Slice block, uint64_t global_ts);
  // Forgets the block.
  void clear();

  bool valid() const { return valid_; }
  bool corrupt() const { return corrupt_; }
  void seek_to_first();
  void seek_to_last();
  void seek(Slice target);
  // To the entry at a restart point, which must be one of the block's.
  void seek_to_restart(uint32_t index);
  void next() { step(); }
  void prev();
  Slice key() const { return key_.slice(); }
  Slice value() const { return value_; }

 private:
  bool fail();
  uint32_t restart_offset(uint32_t index) const;
  bool restart_key(uint32_t index, Slice* key) const;
  int compare_raw(Slice raw_key, Slice target) const;
  // Decodes the entry at next_; false at the end or on corruption.
  bool step();
  void start_at(uint32_t restart_index);

  Slice entries_;
  const char* restarts_ = nullptr;
  uint32_t restart_count_ = 0;
  uint64_t global_ts_ = 0;
  size_t at_ = 0;    // offset of the current entry
  size_t next_ = 0;  // offset of the one after it
  bool valid_ = false;
  bool corrupt_ = false;
  KeyBuffer key_;
  Slice value_;
};

}  // namespace pgz
