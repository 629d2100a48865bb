#include "engine/lsm/skiplist.h"

#include <cstring>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/crc32c.h"
#include "engine/base/key_compare.h"

namespace pgz {

// In the arena: the struct, `height` links, the internal key, the value.
struct SkipList::Node {
  uint32_t key_bytes;  // of the internal key
  uint32_t value_bytes;
  uint32_t height;

  std::atomic<Node*>* links() {
    return reinterpret_cast<std::atomic<Node*>*>(reinterpret_cast<char*>(this) + sizeof(Links));
  }
  const std::atomic<Node*>* links() const {
    return reinterpret_cast<const std::atomic<Node*>*>(reinterpret_cast<const char*>(this) +
                                                       sizeof(Links));
  }
  char* bytes() { return reinterpret_cast<char*>(links() + height); }
  const char* bytes() const { return reinterpret_cast<const char*>(links() + height); }
  Node* next(int level) const { return links()[level].load(std::memory_order_acquire); }

  // Keeps the links behind the struct aligned.
  struct Links {
    alignas(std::atomic<Node*>) char header[16];
  };
};

namespace {

// Orders a node's key against (user key, trailer). Inlined by force: it is what inserts spend their
// time on.
[[gnu::always_inline]] inline int compare_node(Slice node_key, Slice user_key, uint64_t trailer) {
  const int order = compare_keys(user_key_of(node_key), user_key);
  if (order != 0) return order;
  const uint64_t own = load_trailer(node_key);
  return own < trailer ? -1 : (own > trailer ? 1 : 0);
}

// One level more with probability 1/4.
int height_of(Slice user_key, uint64_t trailer, int max_height) {
  uint64_t hash = crc32c(static_cast<uint32_t>(trailer >> 8), user_key.data(), user_key.size());
  hash = (hash ^ trailer) * 0x9e3779b97f4a7c15u;
  hash ^= hash >> 32;
  int height = 1;
  while (height < max_height && (hash & 3) == 0) {
    height++;
    hash >>= 2;
  }
  return height;
}

}  // namespace

SkipList::SkipList() : head_(make_node(Slice(), 0, Slice(), kMaxHeight)) {}

SkipList::Node* SkipList::make_node(Slice user_key, uint64_t trailer, Slice value, int height) {
  static_assert(sizeof(Node) <= sizeof(Node::Links));
  const size_t key_bytes = user_key.size() + kTrailerBytes;
  const size_t bytes =
      sizeof(Node::Links) + sizeof(std::atomic<Node*>) * height + key_bytes + value.size();
  Node* node = new (arena_.allocate_aligned(bytes)) Node;
  node->key_bytes = static_cast<uint32_t>(key_bytes);
  node->value_bytes = static_cast<uint32_t>(value.size());
  node->height = static_cast<uint32_t>(height);
  for (int level = 0; level < height; level++) {
    new (&node->links()[level]) std::atomic<Node*>(nullptr);
  }
  char* to = node->bytes();
  if (!user_key.empty()) std::memcpy(to, user_key.data(), user_key.size());
  store_trailer(to + user_key.size(), trailer);
  if (!value.empty()) std::memcpy(to + key_bytes, value.data(), value.size());
  return node;
}

Slice SkipList::key(const Node* node) { return Slice(node->bytes(), node->key_bytes); }

Slice SkipList::value(const Node* node) {
  return Slice(node->bytes() + node->key_bytes, node->value_bytes);
}

const SkipList::Node* SkipList::next(const Node* node) { return node->next(0); }

const SkipList::Node* SkipList::first() const { return head_->next(0); }

void SkipList::find_on_level(Slice user_key, uint64_t trailer, int level, Node* from,
                             const Node* not_below, Node** below, Node** at) const {
  Node* node = from;
  for (;;) {
    Node* next = node->next(level);
    // Whichever way the comparison goes, what is needed next is on its way meanwhile.
    if (level > 0) __builtin_prefetch(node->next(level - 1));
    if (next == not_below || next == nullptr || compare_node(key(next), user_key, trailer) >= 0) {
      *below = node;
      *at = next;
      return;
    }
    node = next;
  }
}

// The last insert's path stays one to nodes below any later key, whatever others insert. How far up
// it is left shows where the key lies: near, if only the lower levels have nodes in between.
int SkipList::level_of(const InsertHint& hint, Slice user_key, uint64_t trailer) const {
  if (hint.levels == 0) return -1;
  const auto* last = static_cast<const Node*>(hint.below[0]);
  if (last != head_ && compare_node(key(last), user_key, trailer) >= 0) return -1;
  for (int level = 0; level < hint.levels; level++) {
    const Node* next = static_cast<const Node*>(hint.below[level])->next(level);
    if (next == nullptr || compare_node(key(next), user_key, trailer) >= 0) return level;
  }
  return -1;
}

void SkipList::find_path(Slice user_key, uint64_t trailer, int levels, int height,
                         const InsertHint* hint, Node** below, Node** at) const {
  Node* from = head_;
  const Node* not_below = nullptr;
  int level = levels - 1;
  const int near = hint == nullptr ? -1 : level_of(*hint, user_key, trailer);
  if (near >= 0) {
    for (; level > near; level--) {
      below[level] = level < hint->levels ? static_cast<Node*>(hint->below[level]) : head_;
      if (level >= height) continue;  // not linked there
      find_on_level(user_key, trailer, level, below[level], nullptr, &below[level], &at[level]);
    }
    from = static_cast<Node*>(hint->below[near]);
  }
  for (; level >= 0; level--) {
    // As long as nothing was passed the hint's own node is nearer.
    if (level < near && from == hint->below[level + 1]) {
      from = static_cast<Node*>(hint->below[level]);
    }
    find_on_level(user_key, trailer, level, from, not_below, &below[level], &at[level]);
    from = below[level];
    not_below = at[level];
  }
}

bool SkipList::insert(Slice user_key, uint64_t trailer, Slice value, InsertHint* hint) {
  Node* below[kMaxHeight];
  Node* at[kMaxHeight];
  const int height = height_of(user_key, trailer, kMaxHeight);
  int list_height = height_.load(std::memory_order_relaxed);
  while (height > list_height &&
         !height_.compare_exchange_weak(list_height, height, std::memory_order_relaxed)) {
  }
  if (list_height < height) list_height = height;
  find_path(user_key, trailer, list_height, height, hint, below, at);
  if (at[0] != nullptr && compare_node(key(at[0]), user_key, trailer) == 0) return false;

  Node* node = make_node(user_key, trailer, value, height);
  for (int level = 0; level < height; level++) {
    for (;;) {
      node->links()[level].store(at[level], std::memory_order_relaxed);
      if (below[level]->links()[level].compare_exchange_strong(
              at[level], node, std::memory_order_release, std::memory_order_relaxed)) {
        break;
      }
      find_on_level(user_key, trailer, level, below[level], nullptr, &below[level], &at[level]);
      if (level == 0 && at[0] != nullptr && compare_node(key(at[0]), user_key, trailer) == 0) {
        return false;  // another thread added it meanwhile; the node stays unused in the arena
      }
    }
  }
  entries_.fetch_add(1, std::memory_order_relaxed);
  if (hint != nullptr) {
    for (int level = 0; level < list_height; level++) {
      hint->below[level] = level < height ? node : below[level];
    }
    hint->levels = list_height;
  }
  return true;
}

const SkipList::Node* SkipList::at_or_after(Slice user_key, uint64_t trailer) const {
  Node* node = head_;
  Node* at = nullptr;
  for (int level = height_.load(std::memory_order_relaxed) - 1; level >= 0; level--) {
    // A node that stopped the level above need not be compared again.
    find_on_level(user_key, trailer, level, node, at, &node, &at);
  }
  return at;
}

const SkipList::Node* SkipList::at_or_after(Slice internal_key) const {
  return at_or_after(user_key_of(internal_key), load_trailer(internal_key));
}

const SkipList::Node* SkipList::before(Slice internal_key) const {
  const Slice user_key = user_key_of(internal_key);
  const uint64_t trailer = load_trailer(internal_key);
  Node* node = head_;
  Node* at = nullptr;
  for (int level = height_.load(std::memory_order_relaxed) - 1; level >= 0; level--) {
    find_on_level(user_key, trailer, level, node, at, &node, &at);
  }
  return node == head_ ? nullptr : node;
}

const SkipList::Node* SkipList::last() const {
  Node* node = head_;
  for (int level = height_.load(std::memory_order_relaxed) - 1; level >= 0; level--) {
    while (Node* next = node->next(level)) node = next;
  }
  return node == head_ ? nullptr : node;
}

}  // namespace pgz
