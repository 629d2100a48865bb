#include "engine/io/aligned_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/heap.h"
#include "engine/base/spin.h"

namespace pgz {

namespace {

// Buffers of these sizes come and go with every scan, on all threads. They are from the system
// itself, and those that are free are kept for whoever comes next, up to a bound: an allocator with
// a heap for each thread would hold a multiple of them, with pages of its own for each size. What
// lies between two sizes takes the larger.
[[maybe_unused]] constexpr size_t kBufferSmallest = size_t{8} << 10;  // smaller: the heap's
constexpr size_t kSpareSmallest = size_t{32} << 10;
constexpr size_t kSpareLargest = size_t{256} << 10;
constexpr size_t kSpareBytesMax = size_t{4} << 20;

class Spares {
 public:
  void* take(size_t bytes) {
    const Spin spin(&busy_);
    void*& first = first_[class_of(bytes)];
    void* buffer = first;
    if (buffer == nullptr) return nullptr;
    first = *static_cast<void**>(buffer);
    held_ -= bytes;
    return buffer;
  }
  bool give(void* buffer, size_t bytes) {
    const Spin spin(&busy_);
    if (held_ + bytes > kSpareBytesMax) return false;
    void*& first = first_[class_of(bytes)];
    *static_cast<void**>(buffer) = first;
    first = buffer;
    held_ += bytes;
    return true;
  }

 private:
  static size_t class_of(size_t bytes) {
    return static_cast<size_t>(std::countr_zero(bytes) - std::countr_zero(kSpareSmallest));
  }

  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::array<void*, 4> first_{};
  size_t held_ = 0;
};
static_assert(kSpareSmallest << 3 == kSpareLargest);

Spares* spares() {
  static Spares instance;
  return &instance;
}

void* map_pages(size_t bytes) {
  void* got = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return got == MAP_FAILED ? nullptr : got;
}

// Of the spare a buffer of so many bytes is made of; 0: it is none.
size_t spare_bytes(size_t bytes) {
#ifdef PGZ_HEAP_LIBC
  (void)bytes;
  return 0;  // the tools shall see every buffer
#else
  if (bytes < kBufferSmallest || bytes > kSpareLargest) return 0;
  return std::bit_ceil(std::max(bytes, kSpareSmallest));
#endif
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes, size_t alignment) : size_(bytes) {
  PGZ_ASSERT(alignment <= kIoAlignment);
  void* memory = nullptr;
  if (const size_t spare = spare_bytes(bytes); spare > 0) {
    memory = spares()->take(spare);
    if (memory == nullptr) memory = map_pages(spare);
  } else {
    memory = heap_alloc_aligned(bytes, kIoAlignment);
  }
  data_ = static_cast<char*>(memory);
  PGZ_ASSERT(data_ != nullptr);
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ == nullptr) return;
  const size_t spare = spare_bytes(size_);
  if (spare == 0) {
    heap_free(data_);
  } else if (!spares()->give(data_, spare)) {
    ::munmap(data_, spare);
  }
}

void AlignedBuffer::zero() {
  if (size_ > 0) std::memset(data_, 0, size_);
}

}  // namespace pgz
