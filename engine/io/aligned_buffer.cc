#include "engine/io/aligned_buffer.h"

#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/heap.h"

namespace pgz {

AlignedBuffer::AlignedBuffer(size_t bytes, size_t alignment)
    : data_(static_cast<char*>(heap_alloc_aligned(bytes, alignment))), size_(bytes) {
  PGZ_ASSERT(data_ != nullptr);
}

AlignedBuffer::~AlignedBuffer() { heap_free(data_); }

void AlignedBuffer::zero() {
  if (size_ > 0) std::memset(data_, 0, size_);
}

}  // namespace pgz
