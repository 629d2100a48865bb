#include "engine/io/aligned_buffer.h"

#include <mimalloc.h>

#include <cstring>

#include "engine/base/assert.h"

namespace pgz {

AlignedBuffer::AlignedBuffer(size_t bytes, size_t alignment)
    : data_(static_cast<char*>(mi_malloc_aligned(bytes, alignment))), size_(bytes) {
  PGZ_ASSERT(data_ != nullptr);
}

AlignedBuffer::~AlignedBuffer() { mi_free(data_); }

void AlignedBuffer::zero() {
  if (size_ > 0) std::memset(data_, 0, size_);
}

}  // namespace pgz
