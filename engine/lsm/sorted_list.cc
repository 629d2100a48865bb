#include "engine/lsm/sorted_list.h"

#include <cstring>
#include <new>

namespace pgz {

SortedList::SortedList() : head_(make_node({Slice(), 0}, Slice())), index_(&arena_, head_) {}

ListNode* SortedList::make_node(const ListKey& key, Slice value) {
  const size_t key_bytes = key.user_key.size() + kTrailerBytes;
  auto* node = new (arena_.allocate_words(sizeof(ListNode) + key_bytes + value.size())) ListNode;
  node->key_bytes = static_cast<uint16_t>(key_bytes);
  node->value_bytes = static_cast<uint32_t>(value.size());
  char* to = node->bytes();
  if (!key.user_key.empty()) std::memcpy(to, key.user_key.data(), key.user_key.size());
  store_trailer(to + key.user_key.size(), key.trailer);
  if (!value.empty()) std::memcpy(to + key_bytes, value.data(), value.size());
  return node;
}

// What a writer left out of the index because somebody held a block (and maybe lost the processor
// meanwhile) would be walked by all that come after. So who walks far puts some of it in.
ListNode* SortedList::walk(const ListKey& key, ListIndex::Place* place, bool* found) const {
  constexpr int kFarSteps = 16;
  *found = false;
  ListNode* indexed = place->below;
  for (int steps = 1;; steps++) {
    ListNode* next = place->below->next.load(std::memory_order_acquire);
    if (next == nullptr) return nullptr;
    const int order = compare_node(next, key);
    if (order >= 0) {
      *found = order == 0;
      return next;
    }
    place->below = next;
    if (steps % kFarSteps == 0) {
      place->block = index_.add(next, {indexed, place->block});
      indexed = next;
    }
  }
}

// Whether the key's place is right behind the last insert, or one node further.
bool SortedList::is_behind(const InsertHint& hint, const ListKey& key) {
  if (hint.node == nullptr) return false;
  const auto* node = static_cast<const ListNode*>(hint.node);
  if (compare_node(node, key) >= 0) return false;
  for (int step = 0; step < 2; step++) {
    node = next(node);
    if (node == nullptr || compare_node(node, key) >= 0) return true;
  }
  return false;
}

bool SortedList::insert(Slice user_key, uint64_t trailer, Slice value, InsertHint* hint) {
  const ListKey key{user_key, trailer};
  ListIndex::Place place{};
  if (hint != nullptr && is_behind(*hint, key)) {
    place = {static_cast<ListNode*>(hint->node), static_cast<ListIndex::Block*>(hint->block)};
  } else {
    place = index_.find(key);
  }
  ListNode* node = nullptr;
  for (;;) {
    bool found = false;
    ListNode* at = walk(key, &place, &found);
    if (found) return false;  // the node, if there is one, stays unused in the arena
    if (node == nullptr) node = make_node(key, value);
    node->next.store(at, std::memory_order_relaxed);
    if (place.below->next.compare_exchange_strong(at, node, std::memory_order_release,
                                                  std::memory_order_relaxed)) {
      break;
    }
  }
  entries_.fetch_add(1, std::memory_order_relaxed);
  ListIndex::Block* block = index_.add(node, place);
  if (hint != nullptr) *hint = {node, block};
  return true;
}

const ListNode* SortedList::at_or_after(Slice user_key, uint64_t trailer) const {
  const ListKey key{user_key, trailer};
  ListIndex::Place place = index_.find(key);
  bool found = false;
  return walk(key, &place, &found);
}

const ListNode* SortedList::at_or_after(Slice internal_key) const {
  return at_or_after(user_key_of(internal_key), load_trailer(internal_key));
}

const ListNode* SortedList::before(Slice internal_key) const {
  const ListKey key{user_key_of(internal_key), load_trailer(internal_key)};
  ListIndex::Place place = index_.find(key);
  bool found = false;
  walk(key, &place, &found);
  return place.below == head_ ? nullptr : place.below;
}

const ListNode* SortedList::last() const {
  const ListNode* node = index_.near_end();
  while (const ListNode* after = next(node)) node = after;
  return node == head_ ? nullptr : node;
}

}  // namespace pgz
