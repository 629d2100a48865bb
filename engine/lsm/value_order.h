// Which values a merge writes anew, in key order.
//
// A flush sorts the values of one memtable. So neighbours of a range that many memtables wrote to
// lie in many segments, and a scan reads a place in each. A merge with nothing beneath it brings
// such values together, when the store is idle or scans meet them (Lsm::Rep::wants_order): it looks
// at a window of its output at a time, and of the segments with small values there takes the group
// with the smallest shares, provided that
//   - it is of kGroupMin segments or more, so that as many places become one;
//   - the largest of the group has at most an eighth of it, so that what was written anew is so
//     again only once eight times as much has come, and a value is rewritten a number of times that
//     grows with the logarithm of the data;
//   - each has less than kShareMax of the window: places that large are as good as one.
// Values that lie in a few segments, data loaded in key order above all, stay where they are.
//
// A value that cannot be read stays too: whoever asks for it is told. So no merge fails for that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/io/io.h"
#include "engine/lsm/version.h"

namespace pgz {

// Of the counts, ascending, how many form the group; 0: none does.
size_t scattered_group(std::span<const uint64_t> ascending);

struct ValueOrderOptions {
  uint64_t window_bytes = 0;     // of keys and values, at most kWriteBytesMax of them are read
  uint32_t value_bytes_max = 0;  // values larger as stored stay where they are
  uint64_t moved_bytes_max = 0;  // then all stay
};

// One window after the other: add() until is_full(), choose(), entries(), clear(). One thread.
class ValueOrder {
 public:
  ValueOrder(Io* io, ValueOrderOptions options) : io_(io), options_(options) {}
  ValueOrder(const ValueOrder&) = delete;
  ValueOrder& operator=(const ValueOrder&) = delete;

  struct Entry {
    Slice key;    // internal
    Slice value;  // or pointer, or what lies where `from` leads, as it is stored
    const ValuePointer* from = nullptr;  // to be written anew
  };

  // In order. Both are copied.
  void add(Slice key, Slice value);
  bool is_full() const;
  bool empty() const { return places_.empty(); }
  // Decides, and reads the values to be written anew through `segments`.
  void choose(const SegmentMap& segments);
  // After choose(); borrowed until clear().
  std::span<const Entry> entries() const { return entries_; }
  void clear();
  uint64_t moved_bytes() const { return moved_bytes_; }

 private:
  struct Place {
    size_t begin;  // in bytes_; the key's, then the value's
    uint32_t key_bytes;
    uint32_t value_bytes;
    ValuePointer pointer;  // of length 0: none, or one that stays
  };
  // The segments of the group in this window.
  std::vector<uint64_t> chosen_segments() const;

  Io* const io_;
  const ValueOrderOptions options_;
  std::string bytes_;
  uint64_t pointed_bytes_ = 0;
  std::vector<Place> places_;
  std::vector<Entry> entries_;
  // Segments, ascending. A last window that is not full takes those of the one before: nothing
  // shall be left in a segment for the sake of a few values.
  std::vector<uint64_t> chosen_;
  std::unique_ptr<char[]> values_;  // of what is moved
  uint64_t moved_bytes_ = 0;        // in all windows
};

}  // namespace pgz
