// A sorted list of (internal key, value) in arena memory, and an index to find the place in it:
// readers take no locks, writers insert concurrently by compare-and-swap, nothing is removed before
// the list goes.
//
// An insert is one swap of a link, so a reader sees it wholly or not at all. The index only tells
// where to begin to look (list_index.h): what is in the list and in what order never rests on it.
// Neither uses chance, which keeps runs of the simulation repeatable.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/slice.h"
#include "engine/lsm/concurrent_arena.h"
#include "engine/lsm/insert_hint.h"
#include "engine/lsm/list_index.h"
#include "engine/lsm/list_node.h"

namespace pgz {

class SortedList {
 public:
  SortedList();
  SortedList(const SortedList&) = delete;
  SortedList& operator=(const SortedList&) = delete;

  // False: the key is there already and nothing was changed.
  bool insert(Slice user_key, uint64_t trailer, Slice value, InsertHint* hint = nullptr);

  struct Entry {
    ListKey key;
    Slice value;
  };
  // As insert() of each, ascending, and quicker: places are looked up several at a time.
  void insert_sorted(std::span<const Entry> entries, InsertHint* hint);

  const ListNode* first() const { return next(head_); }
  const ListNode* last() const;                           // null: empty
  const ListNode* at_or_after(Slice internal_key) const;  // null: none
  // The same for (user key, trailer), not joined.
  const ListNode* at_or_after(Slice user_key, uint64_t trailer) const;
  const ListNode* before(Slice internal_key) const;  // last node below; null: none
  static const ListNode* next(const ListNode* node) {
    return node->next.load(std::memory_order_acquire);
  }

  uint64_t memory_bytes() const { return arena_.memory_bytes(); }
  uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }

  // For tests.
  ListIndex* index() { return &index_; }

 private:
  // Memory for the nodes of some inserts, taken at once.
  struct Room {
    char* next = nullptr;
    size_t left = 0;
  };
  static size_t node_bytes(const ListKey& key, Slice value);
  ListNode* make_node(const ListKey& key, Slice value, Room* room = nullptr);
  // Leaves in *place where the key is; false: it was there already.
  bool insert_at(ListIndex::Place* place, const ListKey& key, Slice value, Room* room);
  // As many as are looked up together.
  void insert_some(std::span<const Entry> entries, InsertHint* hint);
  // Walks from place->below to the last node below the key. Gives the one behind it, null at the
  // end; *found: it is the key's.
  ListNode* walk(const ListKey& key, ListIndex::Place* place, bool* found) const;
  static bool is_behind(const InsertHint& hint, const ListKey& key);

  ConcurrentArena arena_;
  ListNode* const head_;
  mutable ListIndex index_;  // readers put in what writers left out
  std::atomic<uint64_t> entries_{0};
};

}  // namespace pgz
