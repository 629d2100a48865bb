// ListIndex: where in the memtable's list a key lies. A search tree of small blocks whose answers
// are hints: it gives a node below the key, nearly always the last one, and the list, which is what
// counts, is walked from there. So nobody waits for anybody here: a writer that finds a block busy
// leaves its node out (others then walk a step more, and who walks far puts it in), and readers do
// not lock to read.
//
//   block   up to kSlots nodes in key order, the first of which (the anchor) never changes; above
//           the lowest level also the child block of each, whose anchor it is
//   tag     of a node, in its block: four bytes of the user key behind those that all keys of the
//           block begin with. Unequal tags order as their keys do, so that a search reads a few
//           cache lines a block and hardly any node. Long common prefixes (a table's number) cost
//           nothing, as the prefix is found anew when blocks split.
//
// What readers rely on while a writer is at work on their block: what stands in a slot only moves
// to lower keys (inserts shift to the right, a split cuts off the upper half), and is stored child,
// node, tag and loaded in the other order, so that what is loaded is at or below what was compared.
// Only where a block gets another prefix can tags lead past the key. That shows in the end, when
// the node itself is compared, and then nodes are compared instead of tags all the way.
//
// Threads: any. Memory is the arena's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/lsm/concurrent_arena.h"
#include "engine/lsm/list_node.h"

namespace pgz {

class ListIndex {
 public:
  struct Block;

  // `head` is in front of every key and has none itself. Borrows both.
  ListIndex(ConcurrentArena* arena, ListNode* head);
  ListIndex(const ListIndex&) = delete;
  ListIndex& operator=(const ListIndex&) = delete;

  struct Place {
    ListNode* below;    // a node below the key; the head where there is none
    Block* block;       // where the key belongs
    uint32_t slot = 0;  // of the node in the block; a guess
  };
  Place find(const ListKey& key) const;
  // As find() of each key, so many that the look-ups wait for memory together and not in turn.
  static constexpr size_t kTogether = 16;
  void find_together(std::span<const ListKey> keys, Place* places) const;
  // A node at the list's end or near it.
  ListNode* near_end() const;
  // Notes a node of the list, somewhere behind place.below; the block may be one that the key's is
  // right of. Gives where it went to. A node that is there already changes nothing.
  Place add(ListNode* node, const Place& place);

  // For tests: as a writer at work on the block. False: there is one.
  static bool hold(Block* block);
  static void let_go(Block* block);

 private:
  Block* make_block(int level);
  bool is_below(const ListNode* node, const ListKey& key) const;
  template <bool kByTags>
  Place descend(const ListKey& key, int level) const;
  // What tags led to, or, where they led past the key, what nodes lead to.
  Place checked(Place place, const ListKey& key) const;
  // Locks the block for the key, at `from` or to the right of it, and gives the key's slot. Null:
  // one is busy, or the key is before `from`.
  // `from.below` is known to be below the key; may be null.
  Block* lock_for(const Place& from, const ListKey& key, uint32_t* slot, bool* moved) const;
  // The child is null on the lowest level.
  Place insert(const Place& from, ListNode* node, Block* child);
  // Locked and full: moves its upper part to a new block and inserts into one of them. Gives the
  // new one.
  Block* split(Block* block, uint32_t slot, ListNode* node, Block* child);
  void set_prefix(Block* block) const;
  void add_to_parent(Block* block);

  ConcurrentArena* const arena_;
  ListNode* const head_;
  std::atomic<Block*> root_;
};

}  // namespace pgz
