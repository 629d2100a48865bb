#include "engine/lsm/skiplist.h"

#include <cstring>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/crc32c.h"

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

// Orders a node's key against (user key, trailer).
int compare_node(Slice node_key, Slice user_key, uint64_t trailer) {
  const int order = user_key_of(node_key).compare(user_key);
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

void SkipList::find_on_level(Slice user_key, uint64_t trailer, int level, Node* from, Node** below,
                             Node** at) const {
  Node* node = from;
  for (;;) {
    Node* next = node->next(level);
    if (next == nullptr || compare_node(key(next), user_key, trailer) >= 0) {
      *below = node;
      *at = next;
      return;
    }
    node = next;
  }
}

bool SkipList::insert(Slice user_key, uint64_t trailer, Slice value) {
  Node* below[kMaxHeight];
  Node* at[kMaxHeight];
  const int height = height_of(user_key, trailer, kMaxHeight);
  int list_height = height_.load(std::memory_order_relaxed);
  while (height > list_height &&
         !height_.compare_exchange_weak(list_height, height, std::memory_order_relaxed)) {
  }
  if (list_height < height) list_height = height;
  Node* from = head_;
  for (int level = list_height - 1; level >= 0; level--) {
    find_on_level(user_key, trailer, level, from, &below[level], &at[level]);
    from = below[level];
  }
  if (at[0] != nullptr && compare_node(key(at[0]), user_key, trailer) == 0) return false;

  Node* node = make_node(user_key, trailer, value, height);
  for (int level = 0; level < height; level++) {
    for (;;) {
      node->links()[level].store(at[level], std::memory_order_relaxed);
      if (below[level]->links()[level].compare_exchange_strong(
              at[level], node, std::memory_order_release, std::memory_order_relaxed)) {
        break;
      }
      find_on_level(user_key, trailer, level, below[level], &below[level], &at[level]);
      if (level == 0 && at[0] != nullptr && compare_node(key(at[0]), user_key, trailer) == 0) {
        return false;  // another thread added it meanwhile; the node stays unused in the arena
      }
    }
  }
  entries_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

const SkipList::Node* SkipList::at_or_after(Slice user_key, uint64_t trailer) const {
  Node* node = head_;
  Node* at = nullptr;
  for (int level = height_.load(std::memory_order_relaxed) - 1; level >= 0; level--) {
    // A node that stopped the level above need not be compared again.
    const Node* known = at;
    for (;;) {
      at = node->next(level);
      if (at == nullptr || at == known || compare_node(key(at), user_key, trailer) >= 0) break;
      node = at;
    }
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
    find_on_level(user_key, trailer, level, node, &node, &at);
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
