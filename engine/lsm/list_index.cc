#include "engine/lsm/list_index.h"

#include <algorithm>
#include <new>

#include "engine/base/assert.h"

namespace pgz {

namespace {

constexpr uint32_t kSlots = 32;
constexpr size_t kLineBytes = 64;
// A longer prefix is worth new tags from here on: until then three of four bytes tell keys apart.
constexpr uint32_t kPrefixGain = 2;

uint32_t tag_of(Slice user_key, uint32_t prefix) {
  uint32_t tag = 0;
  if (user_key.size() >= prefix + sizeof(tag)) {
    std::memcpy(&tag, user_key.data() + prefix, sizeof(tag));
    return std::endian::native == std::endian::little ? __builtin_bswap32(tag) : tag;
  }
  for (size_t i = prefix; i < prefix + sizeof(tag); i++) {
    tag = tag << 8 | (i < user_key.size() ? static_cast<unsigned char>(user_key[i]) : 0);
  }
  return tag;
}

// What a comparison with the key reads of the node: it may lie across two lines.
void prefetch_node(const ListNode* node, const ListKey& key) {
  if (node == nullptr) return;
  __builtin_prefetch(node);
  __builtin_prefetch(node->bytes() + std::min(key.user_key.size(), kLineBytes) + kTrailerBytes - 1);
}

ListKey key_of(const ListNode* node) { return {node->user_key(), load_trailer(node->key())}; }

}  // namespace

struct ListIndex::Block {
  explicit Block(int at_level) : level(at_level) {}

  const int level;  // 0: the lowest
  std::atomic<uint32_t> count{0};
  std::atomic<uint32_t> prefix{0};  // so many bytes are common to all keys of the block
  std::atomic<bool> busy{false};    // a writer is at work
  std::atomic<Block*> right{nullptr};
  std::atomic<uint32_t> tags[kSlots];  // the anchor's is not used
  std::atomic<ListNode*> nodes[kSlots];
  // Behind it, above level 0: the children.

  std::atomic<Block*>* children() { return reinterpret_cast<std::atomic<Block*>*>(this + 1); }
  ListNode* node(uint32_t slot) const { return nodes[slot].load(std::memory_order_acquire); }
  ListNode* anchor() const { return node(0); }
  Block* child(uint32_t slot) { return children()[slot].load(std::memory_order_acquire); }
  Block* next() const { return right.load(std::memory_order_acquire); }

  // Writers do not wait long: what they do here can be left undone.
  bool try_lock() {
    for (int tries = 0; tries < 64; tries++) {
      if (!busy.load(std::memory_order_relaxed) &&
          !busy.exchange(true, std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }
  void unlock() { busy.store(false, std::memory_order_release); }

  void put(uint32_t slot, uint32_t tag, ListNode* node, Block* child) {
    if (level > 0) children()[slot].store(child, std::memory_order_release);
    nodes[slot].store(node, std::memory_order_release);
    tags[slot].store(tag, std::memory_order_release);
  }

  // Locked, with room.
  void insert(uint32_t slot, ListNode* node, Block* child) {
    const uint32_t n = count.load(std::memory_order_relaxed);
    for (uint32_t i = n; i > slot; i--) {
      put(i, tags[i - 1].load(std::memory_order_relaxed),
          nodes[i - 1].load(std::memory_order_relaxed),
          level > 0 ? children()[i - 1].load(std::memory_order_relaxed) : nullptr);
    }
    put(slot, tag_of(node->user_key(), prefix.load(std::memory_order_relaxed)), node, child);
    count.store(n + 1, std::memory_order_release);
  }

  // The slot of the last node below the key; the anchor's, if none of the others is.
  template <bool kByTags>
  uint32_t last_below(const ListKey& key) const {
    const uint32_t end = count.load(std::memory_order_acquire);
    uint32_t from = 1;  // the first node that is not below lies in [from, to]
    uint32_t to = end;
    if constexpr (kByTags) {
      const uint32_t tag = tag_of(key.user_key, prefix.load(std::memory_order_acquire));
      const auto tag_at = [this](uint32_t i) { return tags[i].load(std::memory_order_acquire); };
      for (uint32_t n = end - 1; n > 0;) {
        const uint32_t half = (n + 1) / 2;
        from += tag_at(from + half - 1) < tag ? half : 0;
        n -= half;
      }
      if (from == end || tag_at(from) != tag) return from - 1;
      to = from + 1;
      while (to < end && tag_at(to) == tag) to++;
    }
    while (from < to) {
      const uint32_t middle = (from + to) / 2;
      if (compare_node(node(middle), key) < 0) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from - 1;
  }

  // All lines together: then a search waits once, not line by line. The level is asked of the
  // parent, so as not to wait for it.
  void prefetch(int own_level) const {
    const auto* line = reinterpret_cast<const char*>(this);
    const size_t children = own_level > 0 ? kSlots * sizeof(std::atomic<Block*>) : 0;
    for (size_t at = 0; at < sizeof(Block) + children; at += kLineBytes) {
      __builtin_prefetch(line + at);
    }
  }
};

ListIndex::Block* ListIndex::make_block(int level) {
  const size_t bytes = sizeof(Block) + (level > 0 ? kSlots * sizeof(std::atomic<Block*>) : 0);
  const auto memory = reinterpret_cast<uintptr_t>(arena_->allocate_words(bytes + kLineBytes - 8));
  const uintptr_t aligned = (memory + kLineBytes - 1) & ~uintptr_t{kLineBytes - 1};
  auto* block = new (reinterpret_cast<void*>(aligned)) Block(level);
  for (uint32_t i = 0; i < kSlots && level > 0; i++) {
    new (&block->children()[i]) std::atomic<Block*>(nullptr);
  }
  return block;
}

ListIndex::ListIndex(ConcurrentArena* arena, ListNode* head)
    : arena_(arena), head_(head), root_(make_block(0)) {
  Block* root = root_.load(std::memory_order_relaxed);
  root->put(0, 0, head_, nullptr);
  root->count.store(1, std::memory_order_release);
}

bool ListIndex::is_below(const ListNode* node, const ListKey& key) const {
  return node == head_ || compare_node(node, key) < 0;
}

template <bool kByTags>
ListIndex::Place ListIndex::descend(const ListKey& key, int level) const {
  Block* block = root_.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t slot = block->last_below<kByTags>(key);
    if (block->level == level) {
      // Who inserts or reads will look at the next one too.
      if (slot + 1 < kSlots) __builtin_prefetch(block->node(slot + 1));
      return {block->node(slot), block, slot};
    }
    const int child_level = block->level - 1;
    block = block->child(slot);
    block->prefetch(child_level);
  }
}

ListIndex::Place ListIndex::find(const ListKey& key) const {
  return checked(descend<true>(key, 0), key);
}

ListIndex::Place ListIndex::checked(Place place, const ListKey& key) const {
  if (is_below(place.below, key)) return place;
  place = descend<false>(key, 0);
  if (!is_below(place.below, key)) place.below = head_;
  return place;
}

void ListIndex::find_together(std::span<const ListKey> keys, Place* places) const {
  PGZ_DCHECK(keys.size() <= kTogether);
  Block* const root = root_.load(std::memory_order_acquire);
  for (size_t i = 0; i < keys.size(); i++) {
    places[i].block = root;
    __builtin_prefetch(keys[i].user_key.data());
  }
  for (int level = root->level; level > 0; level--) {
    for (size_t i = 0; i < keys.size(); i++) {
      Block* const block = places[i].block;
      places[i].block = block->child(block->last_below<true>(keys[i]));
      places[i].block->prefetch(level - 1);
    }
  }
  for (size_t i = 0; i < keys.size(); i++) {
    Place& place = places[i];
    place.slot = place.block->last_below<true>(keys[i]);
    place.below = place.block->node(place.slot);
    prefetch_node(place.below, keys[i]);
    // Who inserts will look at the next one too.
    if (place.slot + 1 < kSlots) prefetch_node(place.block->node(place.slot + 1), keys[i]);
  }
  for (size_t i = 0; i < keys.size(); i++) places[i] = checked(places[i], keys[i]);
}

ListNode* ListIndex::near_end() const {
  Block* block = root_.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t last = block->count.load(std::memory_order_acquire) - 1;
    if (block->level == 0) return block->node(last);
    block = block->child(last);
  }
}

ListIndex::Block* ListIndex::lock_for(const Place& from, const ListKey& key, uint32_t* slot,
                                      bool* moved) const {
  *moved = false;
  const auto is_after = [&key](const ListNode* node) { return compare_node(node, key) > 0; };
  for (Block* block = from.block; block->try_lock(); *moved = true) {
    const uint32_t count = block->count.load(std::memory_order_relaxed);
    Block* const right = block->next();
    const auto ends_before_right = [&] { return right == nullptr || is_after(right->anchor()); };
    // Tags say nothing of a key that lies outside of the block; its neighbours do.
    const auto fits = [&](uint32_t at) {
      const ListNode* left = block->node(at - 1);
      return (left == from.below || left == head_ || !is_after(left)) &&
             (at < count ? compare_node(block->node(at), key) >= 0 : ends_before_right());
    };
    // Mostly nothing has come between since the place was found.
    const bool is_known =
        from.below != nullptr && from.slot < count && block->node(from.slot) == from.below;
    uint32_t at = is_known ? from.slot + 1 : 0;
    if (!is_known || !fits(at)) {
      at = block->last_below<true>(key) + 1;
      if (!fits(at)) at = 0;
    }
    if (at != 0) {
      *slot = at;
      return block;
    }
    block->unlock();
    if (ends_before_right()) return nullptr;
    block = right;
  }
  return nullptr;
}

// For the range that the block has now.
void ListIndex::set_prefix(Block* block) const {
  const ListNode* anchor = block->anchor();
  Block* const right = block->next();
  if (right == nullptr || anchor == head_) return;
  const auto prefix =
      static_cast<uint32_t>(common_prefix(anchor->user_key(), right->anchor()->user_key()));
  if (prefix < block->prefix.load(std::memory_order_relaxed) + kPrefixGain) return;
  block->prefix.store(prefix, std::memory_order_release);
  const uint32_t count = block->count.load(std::memory_order_relaxed);
  for (uint32_t i = 1; i < count; i++) {
    block->tags[i].store(tag_of(block->node(i)->user_key(), prefix), std::memory_order_release);
  }
}

ListIndex::Block* ListIndex::split(Block* block, uint32_t slot, ListNode* node, Block* child) {
  Block* const right = make_block(block->level);
  right->right.store(block->next(), std::memory_order_relaxed);
  // Keys that come in order leave full blocks behind.
  const uint32_t cut = slot == kSlots ? kSlots : kSlots / 2;
  if (cut == kSlots) {
    right->put(0, 0, node, child);
    right->count.store(1, std::memory_order_relaxed);
  } else {
    for (uint32_t i = cut; i < kSlots; i++) {
      right->put(i - cut, block->tags[i].load(std::memory_order_relaxed), block->node(i),
                 block->level > 0 ? block->child(i) : nullptr);
    }
    right->count.store(kSlots - cut, std::memory_order_relaxed);
    right->prefix.store(block->prefix.load(std::memory_order_relaxed), std::memory_order_relaxed);
    block->count.store(cut, std::memory_order_release);
  }
  set_prefix(right);
  if (cut < kSlots && slot > cut) right->insert(slot - cut, node, child);
  block->right.store(right, std::memory_order_release);
  set_prefix(block);
  if (cut < kSlots && slot <= cut) block->insert(slot, node, child);

  if (root_.load(std::memory_order_relaxed) == block) {
    Block* const root = make_block(block->level + 1);
    root->put(0, 0, block->anchor(), block);
    root->put(1, tag_of(right->anchor()->user_key(), 0), right->anchor(), right);
    root->count.store(2, std::memory_order_relaxed);
    root_.store(root, std::memory_order_release);
  }
  return right;
}

ListIndex::Place ListIndex::insert(const Place& from, ListNode* node, Block* child) {
  const ListKey key = key_of(node);
  uint32_t slot = 0;
  bool moved = false;
  Block* const block = lock_for(from, key, &slot, &moved);
  if (block == nullptr) return {node, from.block};
  const uint32_t count = block->count.load(std::memory_order_relaxed);
  Block* right = nullptr;
  const bool is_there =
      block->node(slot - 1) == node || (slot < count && block->node(slot) == node);
  if (!is_there && count < kSlots) {
    block->insert(slot, node, child);
  } else if (!is_there) {
    right = split(block, slot, node, child);
  }
  block->unlock();
  // The parent was left without this block when it was made, or has not got it yet.
  if (moved) add_to_parent(block);
  if (right == nullptr) return {node, block, slot};
  add_to_parent(right);
  if (compare_node(right->anchor(), key) > 0) return {node, block, slot};
  return {node, right, slot == kSlots ? 0 : slot - kSlots / 2};
}

void ListIndex::add_to_parent(Block* block) {
  ListNode* const anchor = block->anchor();
  const Place place = descend<true>(key_of(anchor), block->level + 1);
  insert({nullptr, place.block}, anchor, block);
}

bool ListIndex::hold(Block* block) { return block->try_lock(); }

void ListIndex::let_go(Block* block) { block->unlock(); }

ListIndex::Place ListIndex::add(ListNode* node, const Place& place) {
  return insert(place, node, nullptr);
}

}  // namespace pgz
