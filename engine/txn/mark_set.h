// MarkSet: the marks of one transaction in one index, disjoint and sorted.
//
// At most kMarksMax of them: beyond that the narrowest gaps are closed, those first whose two sides
// share the most leading bytes, so that what lies in different tables or indexes stays apart. A
// set that was coarsened covers more than was touched, never less.
//
// Threads: one at a time, together with the index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/txn/mark_index.h"

namespace pgz {

class MarkSet {
 public:
  static constexpr size_t kMarksMax = 1024;

  // `memory`, shared among sets, counts the bytes of all marks.
  MarkSet(MarkIndex* index, uint64_t* memory) : index_(index), memory_(memory) {}
  ~MarkSet() { clear(); }
  MarkSet(const MarkSet&) = delete;
  MarkSet& operator=(const MarkSet&) = delete;

  // Whether all of [begin, bound) was marked by add(); what coarsening added does not count.
  bool covers(Slice begin, const MarkBound& bound) const;
  // Marks the range, which is not empty, for `owner`.
  void add(void* owner, uint32_t op, Slice begin, const MarkBound& bound);
  // Removes the marks numbered op or higher. One that grew together keeps its lowest number.
  void cut(uint32_t op);
  void clear();
  // Takes over all marks of the other set for `owner`, keeping no more than `limit`.
  void absorb(void* owner, MarkSet* other, size_t limit);
  // Leaves at most `limit` (at least 1) marks.
  void coarsen(size_t limit);
  size_t size() const { return marks_.size(); }
  // Calls visit(const Mark&) for each, by first key.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const MarkPtr& mark : marks_) visit(*mark);
  }

 private:
  using Marks = std::vector<MarkPtr>;
  // The first mark that begins behind `key`.
  Marks::const_iterator behind(Slice key) const;
  void insert(size_t at, MarkPtr mark);
  void erase(size_t from, size_t to);
  // The mark that contains all of [begin, bound), or null.
  const Mark* container(Slice begin, const MarkBound& bound) const;
  // Puts one mark in the place of those from `from` to `to`, both included.
  void join(size_t from, size_t to, bool coarse);

  MarkIndex* const index_;
  uint64_t* const memory_;
  Marks marks_;
};

}  // namespace pgz
