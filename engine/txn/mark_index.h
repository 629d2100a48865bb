// MarkIndex: which transactions touched which keys. A mark is one key or one range of keys with its
// owner; the index finds all marks that meet a given range in O(log n) and one step for each.
//
// It is a treap by first key in which every node knows the furthest upper bound below it. Marks may
// overlap and repeat. Whoever adds a mark owns it and removes it before freeing it.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/slice.h"

namespace pgz {

// Where a range ends: before `key`, or, inclusive, just behind it; or never.
struct MarkBound {
  Slice key;
  bool inclusive = false;
  bool infinite = false;

  // Whether some key at or after k lies below the bound.
  bool reaches(Slice k) const {
    if (infinite) return true;
    const int c = key.compare(k);
    return inclusive ? c >= 0 : c > 0;
  }
  // Whether nothing lies between the bound and k: a range that begins at k goes on from here.
  bool touches(Slice k) const;
  bool less(const MarkBound& other) const {
    if (infinite || other.infinite) return !infinite;
    const int c = key.compare(other.key);
    return c < 0 || (c == 0 && !inclusive && other.inclusive);
  }
};

// Its bytes follow the struct.
struct Mark {
  void* owner = nullptr;
  Mark* left = nullptr;
  Mark* right = nullptr;
  const Mark* furthest = nullptr;  // in this subtree
  uint64_t serial = 0;
  uint32_t priority = 0;
  uint32_t op = 0;  // the owner's business
  uint16_t begin_len = 0;
  uint16_t end_len = 0;
  bool point = false;
  bool infinite = false;
  bool coarse = false;  // covers keys its owner never touched

  Slice begin() const { return Slice(bytes(), begin_len); }
  MarkBound bound() const {
    if (point) return {begin(), true, false};
    return {Slice(bytes() + begin_len, end_len), false, infinite};
  }
  size_t memory_bytes() const { return sizeof(Mark) + begin_len + end_len; }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
};

struct MarkFree {
  void operator()(Mark* mark) const;
};
using MarkPtr = std::unique_ptr<Mark, MarkFree>;

// The range is not empty; keys are at most 64 KiB - 2 long. An inclusive bound other than `begin`
// itself becomes the exclusive one behind it.
MarkPtr make_mark(void* owner, uint32_t op, Slice begin, const MarkBound& bound);

class MarkIndex {
 public:
  MarkIndex() = default;
  MarkIndex(const MarkIndex&) = delete;
  MarkIndex& operator=(const MarkIndex&) = delete;

  void add(Mark* mark);
  void remove(Mark* mark);
  size_t size() const { return size_; }

  // Calls visit(Mark*) for every mark that shares a key with [begin, bound), by first key. The
  // index must not change meanwhile.
  template <class Visit>
  void for_each(Slice begin, const MarkBound& bound, Visit visit) const {
    walk(root_, begin, bound, visit);
  }

 private:
  template <class Visit>
  static void walk(Mark* t, Slice begin, const MarkBound& bound, Visit& visit) {
    if (t == nullptr || !t->furthest->bound().reaches(begin)) return;
    walk(t->left, begin, bound, visit);
    if (!bound.reaches(t->begin())) return;
    if (t->bound().reaches(begin)) visit(t);
    walk(t->right, begin, bound, visit);
  }
  static bool before(const Mark* a, const Mark* b) {
    const int c = a->begin().compare(b->begin());
    return c < 0 || (c == 0 && a->serial < b->serial);
  }
  static void update(Mark* t);
  static void split(Mark* t, const Mark* at, Mark** below, Mark** above);
  static Mark* merge(Mark* a, Mark* b);
  static Mark* insert(Mark* t, Mark* mark);
  static Mark* erase(Mark* t, const Mark* mark);

  Mark* root_ = nullptr;
  size_t size_ = 0;
  uint64_t serial_ = 0;
  uint64_t random_ = 0x9e3779b97f4a7c15;
};

}  // namespace pgz
