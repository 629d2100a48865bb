#include "engine/base/block_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/heap.h"
#include "engine/base/spin.h"

namespace pgz {

namespace {

constexpr size_t kRegionBytes = size_t{2} << 20;
constexpr size_t kGranuleBytes = 256;
constexpr uint32_t kGranules = kRegionBytes / kGranuleBytes;
constexpr uint32_t kSmallest = 4;  // granules; a remainder of less goes to the block as well
#ifdef PGZ_HEAP_LIBC
constexpr size_t kLargest = 0;  // the tools shall see every block
#else
constexpr size_t kLargest = kBlockMemoryLargest;
#endif

// A free stretch begins with this.
struct Hole {
  Hole* next = nullptr;
  Hole* before = nullptr;
};

// At the beginning of its memory.
struct Region {
  // Of the first and the last granule of each stretch its length in granules, with kFree when no
  // block is in it. The others mean nothing.
  std::array<uint16_t, kGranules> tags;
};
constexpr uint16_t kFree = 0x8000;
constexpr uint32_t kHeaderGranules = sizeof(Region) / kGranuleBytes;
constexpr uint32_t kGranulesUsable = kGranules - kHeaderGranules;
static_assert(sizeof(Region) % kGranuleBytes == 0);

// Holes by length: one list for each up to that of the largest block, then one for a doubling.
constexpr uint32_t kExact = kBlockMemoryLargest / kGranuleBytes;
constexpr uint32_t kLists = kExact + std::bit_width(kGranules / kExact);
constexpr uint32_t kListWords = (kLists + 63) / 64;
static_assert(std::has_single_bit(kExact) && kExact * kGranuleBytes == kBlockMemoryLargest);

constexpr uint32_t list_of(uint32_t granules) {
  return granules <= kExact ? granules - 1
                            : kExact - 1 + static_cast<uint32_t>(std::bit_width(granules / kExact));
}

// From the system itself: a heap keeps what it got back until it is called again, and with regions
// that may be long. Aligned to its size; null when there is none.
void* map_region() {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  void* got = ::mmap(nullptr, 2 * kRegionBytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(got);
  const size_t before = (0 - reinterpret_cast<uintptr_t>(begin)) % kRegionBytes;
  if (before != 0) ::munmap(begin, before);
  if (before != kRegionBytes) ::munmap(begin + before + kRegionBytes, kRegionBytes - before);
  return begin + before;
}

class Pool {
 public:
  void* allocate(uint32_t granules, size_t* got);
  void give_back(void* block, uint32_t granules);
  BlockMemoryStats stats() const {
    return {used_.load(std::memory_order_relaxed), held_.load(std::memory_order_relaxed)};
  }

 private:
  static Region* region_of(void* at) {
    return reinterpret_cast<Region*>(reinterpret_cast<uintptr_t>(at) & ~(kRegionBytes - 1));
  }
  static uint32_t granule_of(void* at) {
    return static_cast<uint32_t>((reinterpret_cast<uintptr_t>(at) & (kRegionBytes - 1)) /
                                 kGranuleBytes);
  }
  static void tag(Region* region, uint32_t first, uint32_t granules, uint16_t free) {
    const auto value = static_cast<uint16_t>(granules | free);
    region->tags[first] = value;
    region->tags[first + granules - 1] = value;
  }
  // The list to take from for so many granules, or kLists.
  uint32_t find(uint32_t granules) const;
  void add_hole(Region* region, uint32_t first, uint32_t granules);
  // Takes the hole out of its list.
  void remove_hole(Region* region, uint32_t first, uint32_t granules);
  void add_region();

  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::array<Hole*, kLists> lists_{};
  std::array<uint64_t, kListWords> filled_{};  // a bit for each list that is not empty
  bool has_spare_ = false;                     // a region with no block in it
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> held_{0};
};

uint32_t Pool::find(uint32_t granules) const {
  uint32_t word = (granules - 1) / 64;
  uint64_t bits = filled_[word] & (~uint64_t{0} << ((granules - 1) % 64));
  while (bits == 0) {
    if (++word == kListWords) return kLists;
    bits = filled_[word];
  }
  return word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
}

void Pool::add_hole(Region* region, uint32_t first, uint32_t granules) {
  tag(region, first, granules, kFree);
  const uint32_t list = list_of(granules);
  auto* hole = new (reinterpret_cast<char*>(region) + size_t{first} * kGranuleBytes) Hole;
  hole->next = lists_[list];
  if (hole->next != nullptr) hole->next->before = hole;
  lists_[list] = hole;
  filled_[list / 64] |= uint64_t{1} << (list % 64);
}

void Pool::remove_hole(Region* region, uint32_t first, uint32_t granules) {
  auto* hole =
      reinterpret_cast<Hole*>(reinterpret_cast<char*>(region) + size_t{first} * kGranuleBytes);
  const uint32_t list = list_of(granules);
  (hole->before == nullptr ? lists_[list] : hole->before->next) = hole->next;
  if (hole->next != nullptr) hole->next->before = hole->before;
  if (lists_[list] == nullptr) filled_[list / 64] &= ~(uint64_t{1} << (list % 64));
}

void Pool::add_region() {
  void* memory = map_region();
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // Rows are read at random: with small pages most reads would wait for the page tables as well.
  // Not the first region, or an idle database would hold two megabytes.
  if (held_.load(std::memory_order_relaxed) != 0) ::madvise(memory, kRegionBytes, MADV_HUGEPAGE);
#endif
  held_.fetch_add(kRegionBytes, std::memory_order_relaxed);
  auto* region = static_cast<Region*>(memory);
  // No stretch to join with before the first.
  region->tags[kHeaderGranules - 1] = 1;
  add_hole(region, kHeaderGranules, kGranulesUsable);
  has_spare_ = true;
}

void* Pool::allocate(uint32_t granules, size_t* got) {
  const Spin spin(&busy_);
  uint32_t list = find(granules);
  if (list == kLists) {
    add_region();
    list = find(granules);
  }
  Hole* hole = lists_[list];
  Region* region = region_of(hole);
  const uint32_t first = granule_of(hole);
  const uint32_t room = region->tags[first] & ~uint32_t{kFree};
  remove_hole(region, first, room);
  if (room == kGranulesUsable) has_spare_ = false;
  if (room - granules < kSmallest && room <= kExact) {
    granules = room;
  } else if (room != granules) {
    add_hole(region, first + granules, room - granules);
  }
  tag(region, first, granules, 0);
  *got = granules * kGranuleBytes;
  used_.fetch_add(*got, std::memory_order_relaxed);
  return hole;
}

void Pool::give_back(void* block, uint32_t granules) {
  const Spin spin(&busy_);
  used_.fetch_sub(size_t{granules} * kGranuleBytes, std::memory_order_relaxed);
  Region* region = region_of(block);
  uint32_t first = granule_of(block);
  PGZ_ASSERT(region->tags[first] == granules);
  if (const uint16_t before = region->tags[first - 1]; (before & kFree) != 0) {
    const uint32_t joined = before & ~uint32_t{kFree};
    first -= joined;
    granules += joined;
    remove_hole(region, first, joined);
  }
  if (const uint32_t end = first + granules; end < kGranules) {
    if (const uint16_t next = region->tags[end]; (next & kFree) != 0) {
      const uint32_t joined = next & ~uint32_t{kFree};
      granules += joined;
      remove_hole(region, end, joined);
    }
  }
  if (granules == kGranulesUsable && has_spare_) {
    ::munmap(region, kRegionBytes);
    held_.fetch_sub(kRegionBytes, std::memory_order_relaxed);
    return;
  }
  if (granules == kGranulesUsable) has_spare_ = true;
  add_hole(region, first, granules);
}

Pool* pool() {
  static Pool instance;
  return &instance;
}

}  // namespace

void* allocate_block(size_t bytes, size_t* got) {
  if (bytes > kLargest) {
    void* block = heap_alloc_aligned(bytes, 64);
    if (block == nullptr) throw std::bad_alloc();
    *got = heap_usable_bytes(block);
    return block;
  }
  const size_t granules = (bytes + kGranuleBytes - 1) / kGranuleBytes;
  return pool()->allocate(std::max(static_cast<uint32_t>(granules), kSmallest), got);
}

void free_block(void* block, size_t got) {
  if (got > kLargest) {
    heap_free(block);
  } else {
    pool()->give_back(block, static_cast<uint32_t>(got / kGranuleBytes));
  }
}

BlockMemoryStats block_memory_stats() { return pool()->stats(); }

}  // namespace pgz
