// WriteBuffer: the writes of one transaction, in memory, ordered by user key and, within a key, by
// operation number, highest first. A skip list in an arena; appending in key order costs O(1).
//
// Nothing is removed: a write undone by a rollback is marked dead and passed over, and memory goes
// with the buffer. Slices handed out live as long as the buffer.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/slice.h"
#include "engine/lsm/keys.h"

namespace pgz {

// Numbers the commands of a transaction, from 1. kOpAll, as the bound of a read, means "all".
using OpNum = uint32_t;
inline constexpr OpNum kOpAll = ~OpNum{0};

class WriteBuffer {
 public:
  struct Node {
    Slice key;
    Slice value;
    OpNum op;
    Kind kind;
    bool dead;
    uint8_t height;
    Node* next[1];  // `height` of them
  };

  WriteBuffer();
  WriteBuffer(const WriteBuffer&) = delete;
  WriteBuffer& operator=(const WriteBuffer&) = delete;

  // A second write of the key under the same number replaces the first.
  void add(OpNum op, Kind kind, Slice key, Slice value);
  // Marks every write numbered op or higher as dead.
  void cut(OpNum op);

  // The newest live write of `key` numbered below read_op; null if none.
  const Node* find(Slice key, OpNum read_op) const;
  // First node, live or dead, at or after the key's newest write; null at the end.
  const Node* seek(Slice key) const;
  // Last node whose key is below `key`; null if none. With last(), for walking backward.
  const Node* before(Slice key) const;
  const Node* first() const { return head_->next[0]; }
  const Node* last() const { return tail_[0] == head_ ? nullptr : tail_[0]; }

  // Live writes, and what they weigh; memory includes dead ones.
  uint64_t live() const { return live_; }
  uint64_t live_bytes() const { return live_bytes_; }
  size_t memory_bytes() const { return arena_.memory_bytes(); }
  OpNum max_op() const { return max_op_; }

 private:
  static constexpr int kHeightMax = 16;

  // Whether `node` sorts before (key, op): key ascending, number descending.
  static bool precedes(const Node* node, Slice key, OpNum op);
  // The last node at each level that precedes (key, op).
  const Node* last_before(Slice key, OpNum op, Node** prev) const;
  bool is_behind_hint(Slice key, OpNum op) const;
  Node* new_node(OpNum op, Kind kind, Slice key, Slice value, int height);
  Slice copy(Slice bytes);
  int random_height();

  // Enough for a transaction of a few rows.
  static constexpr size_t kFirstBytes = 2048;

  Arena arena_{kFirstBytes};
  Node* head_;
  Node* tail_[kHeightMax];  // the last node of each level; head_ where empty
  Node* hint_[kHeightMax];  // the last node of each level up to the one added last
  uint64_t random_ = 0x9e3779b97f4a7c15;
  uint64_t live_ = 0;
  uint64_t live_bytes_ = 0;
  OpNum max_op_ = 0;
};

}  // namespace pgz
