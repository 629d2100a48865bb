#include "engine/base/block_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/heap.h"
#include "engine/base/sync.h"

namespace pgz {

namespace {

constexpr size_t kRegionBytes = size_t{2} << 20;
constexpr size_t kRunBytes = size_t{128} << 10;
constexpr uint32_t kRunsPerRegion = kRegionBytes / kRunBytes;
constexpr size_t kSmallest = 1024;
constexpr size_t kRunHeaderBytes = 128;
#ifdef PGZ_HEAP_LIBC
constexpr size_t kLargest = 0;  // the tools shall see every block
#else
constexpr size_t kLargest = kBlockMemoryLargest;
#endif
constexpr uint32_t kClasses = 5 * 8 + 1;

uint32_t class_of(size_t bytes) {
  if (bytes <= kSmallest) return 0;
  const auto doubling = static_cast<uint32_t>(std::bit_width(bytes - 1)) - 11;  // from 1024
  return doubling * 8 + static_cast<uint32_t>((bytes - 1) >> (doubling + 7)) - 8 + 1;
}
constexpr size_t class_bytes(uint32_t number) {
  if (number == 0) return kSmallest;
  const uint32_t doubling = (number - 1) / 8;
  return std::min((size_t{(number - 1) % 8 + 9} << 7) << doubling, kBlockMemoryLargest);
}

struct Region;

// At the beginning of its memory; slots follow.
struct Run {
  Run* next = nullptr;  // among the runs of its size that have a free slot
  Run* before = nullptr;
  void* free = nullptr;  // freed slots, each holding the next one's address
  uint32_t carved = 0;   // slots ever given out; those behind were never touched
  uint32_t used = 0;
  uint32_t slots = 0;
  uint32_t class_number = 0;
  Region* region = nullptr;
};
static_assert(sizeof(Run) <= 64);
static_assert(kBlockMemoryLargest == (kRunBytes - kRunHeaderBytes) / 4 / 64 * 64);

// In the first run's header, behind the run's own part.
struct Region {
  Region* next = nullptr;  // among the regions that have a free run
  Region* before = nullptr;
  uint32_t free_runs = 0;  // a bit for each
};
static_assert(sizeof(Region) <= 64);

template <class T>
struct List {
  T* first = nullptr;
  void push_back(T* item) {
    item->next = nullptr;
    item->before = last;
    (last == nullptr ? first : last->next) = item;
    last = item;
  }
  void remove(T* item) {
    (item->before == nullptr ? first : item->before->next) = item->next;
    (item->next == nullptr ? last : item->next->before) = item->before;
  }
  T* last = nullptr;
};

// Held for a few instructions, or for a region from the heap; no yield point of the simulator.
class Spin {
 public:
  explicit Spin(std::atomic_flag* flag) : flag_(flag) {
    while (flag_->test_and_set(std::memory_order_acquire)) spin_pause();
  }
  ~Spin() { flag_->clear(std::memory_order_release); }
  Spin(const Spin&) = delete;
  Spin& operator=(const Spin&) = delete;

 private:
  std::atomic_flag* flag_;
};

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
  void* allocate(uint32_t number);
  void give_back(void* block);
  BlockMemoryStats stats() const {
    return {used_.load(std::memory_order_relaxed), held_.load(std::memory_order_relaxed)};
  }

 private:
  struct alignas(64) Class {
    std::atomic_flag busy = ATOMIC_FLAG_INIT;
    List<Run> partial;
  };

  Run* take_run(uint32_t number);
  void give_back_run(Run* run);

  std::array<Class, kClasses> classes_;
  std::atomic_flag regions_busy_ = ATOMIC_FLAG_INIT;
  List<Region> regions_;
  Region* spare_ = nullptr;  // one of them with no run in use
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> held_{0};
};

Run* Pool::take_run(uint32_t number) {
  const Spin spin(&regions_busy_);
  Region* region = regions_.first;
  if (region == nullptr) {
    void* memory = map_region();
    if (memory == nullptr) throw std::bad_alloc();
    region = new (static_cast<char*>(memory) + sizeof(Run)) Region;
    region->free_runs = (1u << kRunsPerRegion) - 1;
    regions_.push_back(region);
#ifdef MADV_HUGEPAGE
    // Rows are read at random: with small pages most reads would wait for the page tables as well.
    // Not the first region, or an idle database would hold two megabytes.
    if (held_.load(std::memory_order_relaxed) != 0) ::madvise(memory, kRegionBytes, MADV_HUGEPAGE);
#endif
    held_.fetch_add(kRegionBytes, std::memory_order_relaxed);
  }
  if (region == spare_) spare_ = nullptr;
  const auto index = static_cast<uint32_t>(std::countr_zero(region->free_runs));
  region->free_runs &= ~(1u << index);
  if (region->free_runs == 0) regions_.remove(region);
  char* base = reinterpret_cast<char*>(region) - sizeof(Run);
  auto* run = new (base + size_t{index} * kRunBytes) Run;
  run->class_number = number;
  run->slots = static_cast<uint32_t>((kRunBytes - kRunHeaderBytes) / class_bytes(number));
  run->region = region;
  return run;
}

void Pool::give_back_run(Run* run) {
  const Spin spin(&regions_busy_);
  Region* region = run->region;
  char* base = reinterpret_cast<char*>(region) - sizeof(Run);
  const auto index = static_cast<uint32_t>((reinterpret_cast<char*>(run) - base) / kRunBytes);
  if (region->free_runs == 0) regions_.push_back(region);
  region->free_runs |= 1u << index;
  if (region->free_runs != (1u << kRunsPerRegion) - 1) return;
  if (spare_ == nullptr) {
    spare_ = region;
    return;
  }
  regions_.remove(region);
  ::munmap(base, kRegionBytes);
  held_.fetch_sub(kRegionBytes, std::memory_order_relaxed);
}

void* Pool::allocate(uint32_t number) {
  Class& mine = classes_[number];
  const Spin spin(&mine.busy);
  Run* run = mine.partial.first;
  if (run == nullptr) {
    run = take_run(number);
    mine.partial.push_back(run);
  }
  void* slot = run->free;
  if (slot != nullptr) {
    run->free = *static_cast<void**>(slot);
  } else {
    slot = reinterpret_cast<char*>(run) + kRunHeaderBytes + run->carved++ * class_bytes(number);
  }
  if (++run->used == run->slots) mine.partial.remove(run);
  used_.fetch_add(class_bytes(number), std::memory_order_relaxed);
  return slot;
}

void Pool::give_back(void* block) {
  auto* run = reinterpret_cast<Run*>(reinterpret_cast<uintptr_t>(block) & ~(kRunBytes - 1));
  Class& mine = classes_[run->class_number];
  const Spin spin(&mine.busy);
  PGZ_ASSERT(run->used > 0);
  used_.fetch_sub(class_bytes(run->class_number), std::memory_order_relaxed);
  *static_cast<void**>(block) = run->free;
  run->free = block;
  if (run->used-- == run->slots) mine.partial.push_back(run);
  if (run->used != 0) return;
  mine.partial.remove(run);
  give_back_run(run);
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
  const uint32_t number = class_of(bytes);
  *got = class_bytes(number);
  return pool()->allocate(number);
}

void free_block(void* block, size_t got) {
  if (got > kLargest) {
    heap_free(block);
  } else {
    pool()->give_back(block);
  }
}

BlockMemoryStats block_memory_stats() { return pool()->stats(); }

}  // namespace pgz
