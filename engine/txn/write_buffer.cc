#include "engine/txn/write_buffer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/key_compare.h"

namespace pgz {

namespace {

constexpr uint64_t kEntryOverheadBytes = 16;
constexpr uint64_t kFew = 32;  // writes among which a place is found at once

uint64_t weight(Slice key, Slice value) { return key.size() + value.size() + kEntryOverheadBytes; }

}  // namespace

WriteBuffer::WriteBuffer() : head_(new_node(0, Kind::kValue, {}, {}, kHeightMax)) {
  std::fill(std::begin(tail_), std::end(tail_), head_);
  std::fill(std::begin(hint_), std::end(hint_), head_);
}

bool WriteBuffer::precedes(const Node* node, Slice key, OpNum op) {
  const int order = compare_keys(node->key, key);
  return order < 0 || (order == 0 && node->op > op);
}

Slice WriteBuffer::copy(Slice bytes) {
  if (bytes.empty()) return {};
  char* to = arena_.allocate(bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  return Slice(to, bytes.size());
}

int WriteBuffer::random_height() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  // One in four goes a level up.
  const int ups = __builtin_ctzll(random_ | (uint64_t{1} << (2 * (kHeightMax - 1)))) / 2;
  return std::min(ups + 1, kHeightMax);
}

WriteBuffer::Node* WriteBuffer::new_node(OpNum op, Kind kind, Slice key, Slice value, int height) {
  const size_t bytes = sizeof(Node) + sizeof(Node*) * static_cast<size_t>(height - 1);
  Node* node = new (arena_.allocate_aligned(bytes)) Node{};
  node->key = key;
  node->value = value;
  node->op = op;
  node->kind = kind;
  node->dead = false;
  node->height = static_cast<uint8_t>(height);
  std::fill(node->next, node->next + height, nullptr);
  return node;
}

const WriteBuffer::Node* WriteBuffer::last_before(Slice key, OpNum op, Node** prev) const {
  Node* at = head_;
  for (int level = kHeightMax - 1; level >= 0; level--) {
    for (Node* next = at->next[level]; next != nullptr && precedes(next, key, op);
         next = at->next[level]) {
      at = next;
    }
    if (prev != nullptr) prev[level] = at;
  }
  return at;
}

// hint_ is the path to the place right behind hint_[0], so nothing lies between any of its nodes
// and that place; with nothing between the place and the key, it is the key's path too.
bool WriteBuffer::is_behind_hint(Slice key, OpNum op) const {
  const Node* next = hint_[0]->next[0];
  return (hint_[0] == head_ || precedes(hint_[0], key, op)) &&
         (next == nullptr || !precedes(next, key, op));
}

void WriteBuffer::go_to(Slice key, OpNum op) {
  // Bulk loads come in key order: then the place is behind the last one added, or at the end.
  if (is_behind_hint(key, op)) return;
  if (precedes(tail_[0], key, op)) {
    std::copy(std::begin(tail_), std::end(tail_), hint_);
  } else {
    last_before(key, op, hint_);
  }
}

bool WriteBuffer::replace(OpNum op, Kind kind, Slice key, Slice value) {
  Node* same = hint_[0]->next[0];
  if (same == nullptr || same->op != op || same->key != key) return false;
  if (same->dead) {
    same->dead = false;
    live_++;
  } else {
    live_bytes_ -= weight(same->key, same->value);
  }
  same->kind = kind;
  same->value = value;
  live_bytes_ += weight(key, value);
  max_op_ = std::max(max_op_, op);  // a cut may have lowered it before
  return true;
}

void WriteBuffer::link(Node* node) {
  for (int level = 0; level < node->height; level++) {
    node->next[level] = hint_[level]->next[level];
    hint_[level]->next[level] = node;
    if (tail_[level] == hint_[level]) tail_[level] = node;
    hint_[level] = node;
  }
  live_++;
  live_bytes_ += weight(node->key, node->value);
  max_op_ = std::max(max_op_, node->op);
}

void WriteBuffer::add(OpNum op, Kind kind, Slice key, Slice value) {
  settle();
  go_to(key, op);
  value = copy(value);
  if (replace(op, kind, key, value)) return;
  link(new_node(op, kind, copy(key), value, random_height()));
}

void WriteBuffer::add_later(OpNum op, Kind kind, Slice key, Slice value) {
  if (waiting_.empty() &&
      (live_ < kFew || is_behind_hint(key, op) || precedes(tail_[0], key, op))) {
    add(op, kind, key, value);
    return;
  }
  waiting_.push_back({0, new_node(op, kind, copy(key), copy(value), random_height())});
}

// By word, byte by byte from the last; `spare` is as long. Equal ones stay in order.
void WriteBuffer::sort_by_word(std::span<Waiting> waiting, std::span<Waiting> spare) {
  uint64_t differ = 0;
  for (const Waiting& one : waiting) differ |= one.word ^ waiting.front().word;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    if ((differ >> shift & 0xff) == 0) continue;
    std::array<uint32_t, 256> place{};
    for (const Waiting& one : waiting) place[one.word >> shift & 0xff]++;
    uint32_t before = 0;
    for (uint32_t& n : place) before += std::exchange(n, before);
    for (const Waiting& one : waiting) spare[place[one.word >> shift & 0xff]++] = one;
    std::copy(spare.begin(), spare.end(), waiting.begin());
  }
}

// By key and number, the highest number first; of two that are the same the later stays behind.
void WriteBuffer::sort(std::span<Waiting> waiting, std::span<Waiting> spare) {
  const Slice first = waiting.front().node->key;
  size_t prefix = first.size();
  for (const Waiting& one : waiting) prefix = common_prefix(one.node->key, first.substr(0, prefix));
  for (Waiting& one : waiting) {
    char next[sizeof(one.word)] = {};
    const Slice rest = one.node->key.substr(prefix, sizeof(next));
    if (!rest.empty()) std::memcpy(next, rest.data(), rest.size());
    one.word = load_big_endian(next);
  }
  sort_by_word(waiting, spare);
  for (size_t begin = 0, end = 0; begin < waiting.size(); begin = end) {
    while (end < waiting.size() && waiting[end].word == waiting[begin].word) end++;
    const std::span<Waiting> same = waiting.subspan(begin, end - begin);
    if (same.size() > kFew && same.size() < waiting.size()) {
      sort(same, spare.first(same.size()));  // they have eight bytes more in common
    } else if (same.size() > 1) {
      std::stable_sort(same.begin(), same.end(), [](const Waiting& a, const Waiting& b) {
        return precedes(a.node, b.node->key, b.node->op);
      });
    }
  }
}

void WriteBuffer::link_waiting() {
  std::vector<Waiting> spare(waiting_.size());
  sort(waiting_, spare);
  for (const Waiting& waiting : waiting_) {
    Node* const node = waiting.node;
    go_to(node->key, node->op);
    if (!replace(node->op, node->kind, node->key, node->value)) link(node);
  }
  waiting_.clear();
}

void WriteBuffer::cut(OpNum op) {
  if (op > max_op_) return;
  for (Node* node = head_->next[0]; node != nullptr; node = node->next[0]) {
    if (node->op < op || node->dead) continue;
    node->dead = true;
    live_--;
    live_bytes_ -= weight(node->key, node->value);
  }
  max_op_ = op == 0 ? 0 : op - 1;
}

const WriteBuffer::Node* WriteBuffer::find(Slice key, OpNum read_op) const {
  if (read_op == 0) return nullptr;
  const Node* node = last_before(key, read_op - 1, nullptr)->next[0];
  while (node != nullptr && node->dead && node->key == key) node = node->next[0];
  return node != nullptr && node->key == key ? node : nullptr;
}

const WriteBuffer::Node* WriteBuffer::seek(Slice key) const {
  return last_before(key, kOpAll, nullptr)->next[0];
}

const WriteBuffer::Node* WriteBuffer::before(Slice key) const {
  const Node* node = last_before(key, kOpAll, nullptr);
  return node == head_ ? nullptr : node;
}

}  // namespace pgz
