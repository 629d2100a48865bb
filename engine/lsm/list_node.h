// A node of the memtable's list, and how nodes are ordered.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/base/key_compare.h"
#include "engine/base/slice.h"
#include "engine/sst/internal_key.h"

namespace pgz {

// In an arena: the struct, the internal key, the value. Constant once linked, but for `next`.
struct ListNode {
  std::atomic<ListNode*> next{nullptr};
  uint32_t value_bytes = 0;
  uint16_t key_bytes = 0;  // of the internal key

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  Slice key() const { return Slice(bytes(), key_bytes); }
  Slice user_key() const { return Slice(bytes(), key_bytes - kTrailerBytes); }
  Slice value() const { return Slice(bytes() + key_bytes, value_bytes); }
};
static_assert(kMaxUserKeyBytes + kTrailerBytes <= UINT16_MAX);

// What is looked for: an internal key, not joined.
struct ListKey {
  Slice user_key;
  uint64_t trailer;
};

// Inlined by force: it is what searches spend their time on.
[[gnu::always_inline]] inline int compare_node(const ListNode* node, const ListKey& key) {
  const int order = compare_keys(node->user_key(), key.user_key);
  if (order != 0) return order;
  const uint64_t own = load_trailer(node->key());
  return own < key.trailer ? -1 : (own > key.trailer ? 1 : 0);
}

}  // namespace pgz
