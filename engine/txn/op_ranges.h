// OpRanges: the key ranges a transaction created (owns) or dropped, each with the number of the
// command that did. A handful at most, so a list will do.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/txn/write_buffer.h"

namespace pgz {

struct OpRange {
  std::string begin;
  std::string end;  // exclusive; empty: to the last key
  OpNum op = 0;

  bool covers(Slice key) const { return key >= Slice(begin) && (end.empty() || key < Slice(end)); }
  // Every key from smallest to largest.
  bool covers(Slice smallest, Slice largest) const { return covers(smallest) && covers(largest); }
  bool meets(Slice smallest, Slice largest) const {
    return largest >= Slice(begin) && (end.empty() || smallest < Slice(end));
  }
};

class OpRanges {
 public:
  void add(OpNum op, Slice begin, Slice end) {
    ranges_.push_back({std::string(begin), std::string(end), op});
  }
  void cut(OpNum op) {
    std::erase_if(ranges_, [op](const OpRange& r) { return r.op >= op; });
  }
  bool empty() const { return ranges_.empty(); }
  const std::vector<OpRange>& all() const { return ranges_; }

  // The highest number below read_op of a range that covers key; 0 if none.
  OpNum newest(Slice key, OpNum read_op) const {
    OpNum newest = 0;
    for (const OpRange& r : ranges_) {
      if (r.op < read_op && r.op > newest && r.covers(key)) newest = r.op;
    }
    return newest;
  }
  bool covers(Slice key) const { return newest(key, kOpAll) != 0; }

 private:
  std::vector<OpRange> ranges_;
};

}  // namespace pgz
