#include "engine/lsm/sorted_list.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace pgz {

namespace {

// More is not taken at once: the rest of the arena's block would be lost.
constexpr size_t kRoomBytesMax = 4096;

ListIndex::Place place_of(const InsertHint& hint) {
  return {static_cast<ListNode*>(hint.node), static_cast<ListIndex::Block*>(hint.block), hint.slot};
}

void keep(const ListIndex::Place& place, InsertHint* hint) {
  *hint = {place.below, place.block, place.slot};
}

}  // namespace

SortedList::SortedList() : head_(make_node({Slice(), 0}, Slice())), index_(&arena_, head_) {}

size_t SortedList::node_bytes(const ListKey& key, Slice value) {
  return (sizeof(ListNode) + key.user_key.size() + kTrailerBytes + value.size() + 7) & ~size_t{7};
}

ListNode* SortedList::make_node(const ListKey& key, Slice value, Room* room) {
  const size_t key_bytes = key.user_key.size() + kTrailerBytes;
  const size_t bytes = node_bytes(key, value);
  char* memory = nullptr;
  if (room != nullptr && bytes <= room->left) {
    memory = room->next;
    room->next += bytes;
    room->left -= bytes;
  } else {
    memory = arena_.allocate_words(bytes);
  }
  auto* node = new (memory) ListNode;
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
      *place = index_.add(next, {indexed, place->block});
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

bool SortedList::insert_at(ListIndex::Place* place, const ListKey& key, Slice value, Room* room) {
  ListNode* node = nullptr;
  for (;;) {
    bool found = false;
    ListNode* at = walk(key, place, &found);
    if (found) return false;  // the node, if there is one, stays unused in the arena
    if (node == nullptr) node = make_node(key, value, room);
    node->next.store(at, std::memory_order_relaxed);
    if (place->below->next.compare_exchange_strong(at, node, std::memory_order_release,
                                                   std::memory_order_relaxed)) {
      break;
    }
  }
  entries_.fetch_add(1, std::memory_order_relaxed);
  *place = index_.add(node, *place);
  return true;
}

bool SortedList::insert(Slice user_key, uint64_t trailer, Slice value, InsertHint* hint) {
  const ListKey key{user_key, trailer};
  const bool behind = hint != nullptr && is_behind(*hint, key);
  ListIndex::Place place = behind ? place_of(*hint) : index_.find(key);
  if (!insert_at(&place, key, value, nullptr)) return false;
  if (hint != nullptr) keep(place, hint);
  return true;
}

void SortedList::insert_some(std::span<const Entry> entries, InsertHint* hint) {
  std::array<ListKey, ListIndex::kTogether> keys;
  std::array<ListIndex::Place, ListIndex::kTogether> places;
  size_t bytes = 0;
  for (size_t i = 0; i < entries.size(); i++) {
    keys[i] = entries[i].key;
    bytes += node_bytes(keys[i], entries[i].value);
  }
  index_.find_together({keys.data(), entries.size()}, places.data());
  Room room;
  if (bytes <= kRoomBytesMax) room = {arena_.allocate_words(bytes), bytes};
  ListIndex::Place last{};
  const ListNode* found_below = nullptr;
  for (size_t i = 0; i < entries.size(); i++) {
    // Where several belong behind one node, each goes behind the one before it.
    ListIndex::Place place = places[i].below == found_below ? last : places[i];
    found_below = places[i].below;
    if (insert_at(&place, keys[i], entries[i].value, &room)) keep(place, hint);
    last = place;
  }
}

// Of keys that come in order each is found behind the one before it; of others one in some is
// tried.
void SortedList::insert_sorted(std::span<const Entry> entries, InsertHint* hint) {
  while (!entries.empty()) {
    const Entry& first = entries.front();
    if (entries.size() == 1) {
      insert(first.key.user_key, first.key.trailer, first.value, hint);
      return;
    }
    size_t n = 1;
    if (is_behind(*hint, first.key)) {
      ListIndex::Place place = place_of(*hint);
      if (insert_at(&place, first.key, first.value, nullptr)) keep(place, hint);
    } else {
      n = std::min(entries.size(), ListIndex::kTogether);
      insert_some(entries.first(n), hint);
    }
    entries = entries.subspan(n);
  }
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
