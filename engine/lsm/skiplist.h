// A skip list of (internal key, value) in arena memory: readers take no locks, writers insert
// concurrently by compare-and-swap, nothing is removed before the list goes.
//
// An insert links its node from the bottom level up; level 0 decides whether it is in the list, so
// a reader sees it wholly or not at all. Heights come from a hash of the key, which keeps runs of
// the simulation repeatable.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/base/slice.h"
#include "engine/lsm/concurrent_arena.h"
#include "engine/lsm/insert_hint.h"
#include "engine/sst/internal_key.h"

namespace pgz {

class SkipList {
 public:
  struct Node;

  SkipList();
  SkipList(const SkipList&) = delete;
  SkipList& operator=(const SkipList&) = delete;

  // False: the key is there already and nothing was changed.
  bool insert(Slice user_key, uint64_t trailer, Slice value, InsertHint* hint = nullptr);

  const Node* first() const;
  const Node* last() const;                           // null: empty
  const Node* at_or_after(Slice internal_key) const;  // null: none
  // The same for (user key, trailer), not joined.
  const Node* at_or_after(Slice user_key, uint64_t trailer) const;
  const Node* before(Slice internal_key) const;  // last node below; null: none
  static const Node* next(const Node* node);
  static Slice key(const Node* node);  // internal key
  static Slice value(const Node* node);

  uint64_t memory_bytes() const { return arena_.memory_bytes(); }
  uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kMaxHeight = InsertHint::kLevels;

  Node* make_node(Slice user_key, uint64_t trailer, Slice value, int height);
  // The last node below the key and the first at or above it on `level`, starting at `from`.
  // `not_below` is known to be at or above (it stopped the level above), or null.
  void find_on_level(Slice user_key, uint64_t trailer, int level, Node* from, const Node* not_below,
                     Node** below, Node** at) const;
  // The lowest level on which the hint's node has nothing between it and the key; -1: none.
  int level_of(const InsertHint& hint, Slice user_key, uint64_t trailer) const;
  // The neighbours of the key on the levels below `levels`; at[] only where a node of `height` is
  // linked.
  void find_path(Slice user_key, uint64_t trailer, int levels, int height, const InsertHint* hint,
                 Node** below, Node** at) const;

  ConcurrentArena arena_;
  Node* head_;
  std::atomic<int> height_{1};
  std::atomic<uint64_t> entries_{0};
};

}  // namespace pgz
