#include "engine/cache/cache.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "engine/base/assert.h"
#include "engine/base/sync.h"

namespace pgz {

struct Cache::Entry {
  void* object = nullptr;
  uint64_t charge = 0;
  bool in_table = false;
};

namespace {

// A slot's word: pins in the low half, then two bits of CLOCK countdown, then the state. Whoever
// moved a slot to kBuilding alone may touch its plain fields; pins taken by mistake (a look-up that
// then finds another key) may come and go in every state and are preserved by all transitions.
constexpr uint64_t kPin = 1;
constexpr uint64_t kPinMask = (uint64_t{1} << 32) - 1;
constexpr uint64_t kUse = uint64_t{1} << 32;
constexpr uint64_t kUseMask = uint64_t{3} << 32;
constexpr uint64_t kStateMask = uint64_t{3} << 34;
constexpr uint64_t kEmpty = 0;
constexpr uint64_t kBuilding = uint64_t{1} << 34;
constexpr uint64_t kVisible = uint64_t{2} << 34;

uint64_t mix(CacheKey key) {
  uint64_t hash = (key.high * 0x9e3779b97f4a7c15u) ^ key.low;
  hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
  hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
  return hash ^ (hash >> 32);
}

}  // namespace

struct Cache::Rep {
  struct alignas(64) Slot : Cache::Entry {
    std::atomic<uint64_t> word{kEmpty};
    std::atomic<uint32_t> tag{0};            // upper half of the key's hash
    std::atomic<uint32_t> displacements{0};  // entries that had to go past this slot
    CacheKey key;
  };
  struct alignas(64) Counters {
    std::atomic<uint64_t> hits{0};
    std::atomic<uint64_t> misses{0};
  };

  Rep(uint64_t capacity_bytes, Destroy destroy_object)
      : destroy(destroy_object), capacity(capacity_bytes), capacity_max(capacity_bytes) {
    const uint64_t wanted = std::max<uint64_t>(capacity_bytes / kExpectedObjectBytes * 3 / 2, 64);
    mask = std::bit_ceil(wanted) - 1;
    occupancy_max = (mask + 1) * 3 / 4;
  }

  Slot* table() { return slots.load(std::memory_order_acquire); }
  Slot* make_table();
  Slot& at(Slot* table, uint64_t hash, uint64_t probe) const {
    return table[(hash + probe * ((hash >> 40) | 1)) & mask];
  }
  void count(bool hit);
  // Takes an empty slot for the hash, or null when the table is too full.
  Slot* claim(Slot* table, uint64_t hash);
  void take_back_displacements(Slot* table, uint64_t hash, const Slot* until);
  // One step of the hand over a slot; true when its entry was evicted.
  bool tick(Slot* table, Slot* slot);
  void make_room(Slot* table);

  const Destroy destroy;
  std::atomic<uint64_t> capacity;
  const uint64_t capacity_max;
  uint64_t mask = 0;
  uint64_t occupancy_max = 0;
  Mutex make_mutex;
  std::unique_ptr<Slot[]> owner;  // written once under make_mutex
  std::atomic<Slot*> slots{nullptr};
  alignas(64) std::atomic<uint64_t> usage{0};
  std::atomic<uint64_t> entries{0};
  std::atomic<uint64_t> hand{0};
  std::atomic<uint64_t> evictions{0};
  std::array<Counters, 16> counters;
};

Cache::Cache(uint64_t capacity_bytes, Destroy destroy)
    : rep_(std::make_unique<Rep>(capacity_bytes, destroy)) {}

Cache::~Cache() {
  Rep::Slot* table = rep_->table();
  if (table == nullptr) return;
  for (uint64_t i = 0; i <= rep_->mask; i++) {
    const uint64_t word = table[i].word.load(std::memory_order_acquire);
    PGZ_ASSERT((word & kPinMask) == 0);
    if (table[i].object != nullptr) rep_->destroy(table[i].object);
  }
}

Cache::Rep::Slot* Cache::Rep::make_table() {
  MutexLock lock(&make_mutex);
  if (owner == nullptr) {
    owner = std::make_unique<Slot[]>(mask + 1);
    slots.store(owner.get(), std::memory_order_release);
  }
  return owner.get();
}

void Cache::Rep::count(bool hit) {
  Counters& mine = counters[thread_number() % counters.size()];
  std::atomic<uint64_t>& counter = hit ? mine.hits : mine.misses;
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

Cache::Entry* Cache::lookup(CacheKey key) {
  Rep::Slot* table = rep_->table();
  const uint64_t hash = mix(key);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (uint64_t probe = 0; table != nullptr && probe <= rep_->mask; probe++) {
    Rep::Slot& slot = rep_->at(table, hash, probe);
    if (slot.tag.load(std::memory_order_relaxed) == tag &&
        (slot.word.load(std::memory_order_relaxed) & kStateMask) == kVisible) {
      const uint64_t word = slot.word.fetch_add(kPin, std::memory_order_acquire);
      if ((word & kStateMask) == kVisible && slot.key == key) {
        // A hit outlives three rounds of the hand, a block read once only one.
        if ((word & kUseMask) != kUseMask) slot.word.fetch_or(kUseMask, std::memory_order_relaxed);
        rep_->count(true);
        return &slot;
      }
      slot.word.fetch_sub(kPin, std::memory_order_release);
    }
    if (slot.displacements.load(std::memory_order_acquire) == 0) break;
  }
  rep_->count(false);
  return nullptr;
}

void Cache::Rep::take_back_displacements(Slot* table, uint64_t hash, const Slot* until) {
  for (uint64_t probe = 0; probe <= mask; probe++) {
    Slot& slot = at(table, hash, probe);
    if (&slot == until) return;
    slot.displacements.fetch_sub(1, std::memory_order_release);
  }
}

Cache::Rep::Slot* Cache::Rep::claim(Slot* table, uint64_t hash) {
  if (entries.fetch_add(1, std::memory_order_relaxed) >= occupancy_max) {
    entries.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  for (uint64_t probe = 0; probe <= mask; probe++) {
    Slot& slot = at(table, hash, probe);
    uint64_t word = slot.word.load(std::memory_order_relaxed);
    while ((word & kStateMask) == kEmpty) {
      if (slot.word.compare_exchange_weak(word, word + kBuilding, std::memory_order_acquire)) {
        return &slot;
      }
    }
    slot.displacements.fetch_add(1, std::memory_order_release);
  }
  take_back_displacements(table, hash, nullptr);
  entries.fetch_sub(1, std::memory_order_relaxed);
  return nullptr;
}

bool Cache::Rep::tick(Slot* table, Slot* slot) {
  uint64_t word = slot->word.load(std::memory_order_relaxed);
  if ((word & kStateMask) != kVisible || (word & kPinMask) != 0) return false;
  if ((word & kUseMask) != 0) {
    slot->word.compare_exchange_strong(word, word - kUse, std::memory_order_relaxed);
    return false;
  }
  if (!slot->word.compare_exchange_strong(word, word - kVisible + kBuilding,
                                          std::memory_order_acquire)) {
    return false;
  }
  destroy(slot->object);
  slot->object = nullptr;
  usage.fetch_sub(slot->charge, std::memory_order_relaxed);
  take_back_displacements(table, mix(slot->key), slot);
  slot->word.fetch_sub(kBuilding, std::memory_order_release);
  entries.fetch_sub(1, std::memory_order_relaxed);
  evictions.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Cache::Rep::make_room(Slot* table) {
  // Four rounds evict every unpinned entry; what is left then is in use.
  for (uint64_t step = 0; step < 5 * (mask + 1); step++) {
    if (usage.load(std::memory_order_relaxed) <= capacity.load(std::memory_order_relaxed) &&
        entries.load(std::memory_order_relaxed) < occupancy_max) {
      return;
    }
    tick(table, &table[hand.fetch_add(1, std::memory_order_relaxed) & mask]);
  }
}

Cache::Entry* Cache::insert(CacheKey key, void* object, uint64_t charge_bytes) {
  Rep::Slot* table = rep_->table();
  if (table == nullptr) table = rep_->make_table();
  rep_->usage.fetch_add(charge_bytes, std::memory_order_relaxed);
  rep_->make_room(table);
  const uint64_t hash = mix(key);
  Rep::Slot* slot = rep_->claim(table, hash);
  if (slot == nullptr) {
    auto alone = std::make_unique<Entry>();
    alone->object = object;
    alone->charge = charge_bytes;
    return alone.release();
  }
  slot->object = object;
  slot->charge = charge_bytes;
  slot->in_table = true;
  slot->key = key;
  slot->tag.store(static_cast<uint32_t>(hash >> 32), std::memory_order_relaxed);
  slot->word.fetch_add(kVisible - kBuilding + kUse + kPin, std::memory_order_release);
  return slot;
}

void Cache::release(Entry* entry) {
  if (entry->in_table) {
    static_cast<Rep::Slot*>(entry)->word.fetch_sub(kPin, std::memory_order_release);
    return;
  }
  rep_->usage.fetch_sub(entry->charge, std::memory_order_relaxed);
  const std::unique_ptr<Entry> alone(entry);
  rep_->destroy(alone->object);
}

void* Cache::object(Entry* entry) { return entry->object; }

void Cache::set_capacity(uint64_t capacity_bytes) {
  rep_->capacity.store(std::min(capacity_bytes, rep_->capacity_max), std::memory_order_relaxed);
  if (Rep::Slot* table = rep_->table()) rep_->make_room(table);
}

uint64_t Cache::table_bytes() const { return (rep_->mask + 1) * sizeof(Rep::Slot); }

CacheStats Cache::stats() const {
  CacheStats stats;
  for (const Rep::Counters& counters : rep_->counters) {
    stats.hits += counters.hits.load(std::memory_order_relaxed);
    stats.misses += counters.misses.load(std::memory_order_relaxed);
  }
  stats.evictions = rep_->evictions.load(std::memory_order_relaxed);
  stats.usage_bytes = rep_->usage.load(std::memory_order_relaxed);
  stats.capacity_bytes = rep_->capacity.load(std::memory_order_relaxed);
  stats.entries = rep_->entries.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace pgz
