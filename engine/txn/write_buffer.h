// WriteBuffer: the writes of one transaction, in memory, ordered by user key and, within a key, by
// operation number, highest first. A skip list in an arena; appending in key order costs O(1).
// Writes in no order may wait unsorted until somebody asks for them: sorting many at once costs a
// third of finding each one's place.
//
// Nothing is removed: a write undone by a rollback is marked dead and passed over, and memory goes
// with the buffer. Slices handed out live as long as the buffer.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <span>
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
  // The same, but nothing else here knows of the write, other than is_empty() and memory_bytes(),
  // until settle() has put it in its place.
  void add_later(OpNum op, Kind kind, Slice key, Slice value);
  void settle() {
    if (!waiting_.empty()) link_waiting();
  }
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

  // No live writes.
  bool is_empty() const { return live_ == 0 && waiting_.empty(); }
  // Live writes, and what they weigh; memory includes dead ones.
  uint64_t live() const { return live_; }
  uint64_t live_bytes() const { return live_bytes_; }
  size_t memory_bytes() const {
    return arena_.memory_bytes() + waiting_.capacity() * sizeof(Waiting);
  }
  OpNum max_op() const { return max_op_; }

 private:
  static constexpr int kHeightMax = 16;

  struct Waiting {
    uint64_t word;  // when sorted: the key's next bytes after those that all have in common
    Node* node;
  };

  // Whether `node` sorts before (key, op): key ascending, number descending.
  static bool precedes(const Node* node, Slice key, OpNum op);
  // The last node at each level that precedes (key, op).
  const Node* last_before(Slice key, OpNum op, Node** prev) const;
  bool is_behind_hint(Slice key, OpNum op) const;
  Node* new_node(OpNum op, Kind kind, Slice key, Slice value, int height);
  // Makes hint_ the path to the write's place.
  void go_to(Slice key, OpNum op);
  // There: whether a write of the same key and number follows, which gets the value then.
  bool replace(OpNum op, Kind kind, Slice key, Slice value);
  void link(Node* node);
  static void sort_by_word(std::span<Waiting> waiting, std::span<Waiting> spare);
  static void sort(std::span<Waiting> waiting, std::span<Waiting> spare);
  void link_waiting();
  Slice copy(Slice bytes);
  int random_height();

  // Enough for a transaction of a few rows.
  static constexpr size_t kFirstBytes = 2048;

  Arena arena_{kFirstBytes};
  Node* head_;
  Node* tail_[kHeightMax];        // the last node of each level; head_ where empty
  Node* hint_[kHeightMax];        // the last node of each level up to the one added last
  std::vector<Waiting> waiting_;  // in the order of the calls
  uint64_t random_ = 0x9e3779b97f4a7c15;
  uint64_t live_ = 0;
  uint64_t live_bytes_ = 0;
  OpNum max_op_ = 0;
};

}  // namespace pgz
