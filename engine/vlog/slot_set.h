// SlotSet: a set of slot numbers of one segment, as a bitmap; on disk as bits or as runs, whichever
// is shorter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/slice.h"

namespace pgz {

class SlotSet {
 public:
  void add(uint32_t slot);
  bool contains(uint32_t slot) const;
  uint32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // One past the largest slot; 0 when empty.
  uint32_t limit() const { return limit_; }
  void unite(const SlotSet& other);
  bool intersects(const SlotSet& other) const;
  uint64_t memory_bytes() const { return words_.capacity() * sizeof(uint64_t); }

  void encode(std::string* to) const;
  // False for bytes that are no set, or one beyond kSlotsMax.
  static bool decode(Slice* from, SlotSet* set);
  bool operator==(const SlotSet&) const = default;

 private:
  // Slots 64 * word and on, one for each bit.
  void add_word(size_t word, uint64_t bits);
  void encode_runs(std::string* to) const;
  bool decode_runs(Slice bytes);
  bool decode_bits(Slice bytes);

  std::vector<uint64_t> words_;  // the last one is not zero
  uint32_t count_ = 0;
  uint32_t limit_ = 0;
};

}  // namespace pgz
