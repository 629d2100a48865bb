// AlignedBuffer: memory whose address is a multiple of an alignment, as direct I/O wants it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace pgz {

// What every direct transfer of the engine is aligned to: block sizes are multiples of it, and a
// device that wants more is used through the page cache.
inline constexpr size_t kIoAlignment = 4096;

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Contents undefined. alignment is a power of two.
  explicit AlignedBuffer(size_t bytes, size_t alignment = kIoAlignment);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  void zero();

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace pgz
