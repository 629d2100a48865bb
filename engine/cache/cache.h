// A CLOCK cache from 128-bit keys to owned objects, with a capacity in bytes.
//
// The table is lock-free: a hit is one atomic addition (the pin, which is also what keeps the entry
// from eviction) and a release another one; the use mark is written only when it is not set yet.
// There is nothing to shard: no word is shared by hits on different entries.
//
// Entries in use are never evicted; they may push usage over the capacity until released. Two
// threads that insert one key at a time both get their own entry; look-ups find one of them.
// The table is allocated at the first insert, sized for the capacity given at construction and
// objects of kExpectedObjectBytes; where it has no room an entry stands outside it and dies on
// release. All functions but the destructor may be called from any thread; none blocks.
#pragma once

#include <cstdint>
#include <memory>

namespace pgz {

struct CacheKey {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const CacheKey&) const = default;
};

struct CacheStats {
  uint64_t hits = 0;    // approximate: counted without atomic additions
  uint64_t misses = 0;  // likewise
  uint64_t evictions = 0;
  uint64_t usage_bytes = 0;
  uint64_t capacity_bytes = 0;
  uint64_t entries = 0;
};

class Cache {
 public:
  struct Entry;  // opaque; pinned while a caller holds it
  static constexpr uint64_t kExpectedObjectBytes = 4096;
  // Ends an object's life; called on eviction, on the release of an entry outside the table and by
  // the destructor.
  using Destroy = void (*)(void* object);

  Cache(uint64_t capacity_bytes, Destroy destroy);
  ~Cache();  // every entry must have been released
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // The pinned entry, or nullptr. Release it.
  Entry* lookup(CacheKey key);
  // Takes the object, which must not be null; returns its pinned entry. `charge_bytes` counts
  // against the capacity.
  Entry* insert(CacheKey key, void* object, uint64_t charge_bytes);
  void release(Entry* entry);
  static void* object(Entry* entry);

  // At most the capacity given at construction; evicts down to it as far as pins allow.
  void set_capacity(uint64_t capacity_bytes);
  // Of the table itself, over and above the capacity.
  uint64_t table_bytes() const;
  CacheStats stats() const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace pgz
