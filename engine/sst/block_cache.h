// What a table reader wants of a block cache. The cache room knows nothing of blocks and this room
// nothing of the cache; lsm/ joins the two.
#pragma once

#include <mimalloc.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>

#include "engine/base/slice.h"

namespace pgz {

// Memory of a block, from mimalloc: blocks come and go on all threads by the hundred thousand, and
// the C library's arenas, one for each thread, would keep a multiple of what is in use.
struct BlockBytesFree {
  void operator()(char* bytes) const { mi_free(bytes); }
};
using BlockBytes = std::unique_ptr<char[], BlockBytesFree>;
inline BlockBytes make_block_bytes(size_t n) {
  char* bytes = static_cast<char*>(mi_malloc(n));
  if (bytes == nullptr) throw std::bad_alloc();
  return BlockBytes(bytes);
}

// One verified, uncompressed block.
struct BlockContents {
  BlockBytes bytes;
  size_t size = 0;
  Slice slice() const { return Slice(bytes.get(), size); }
};

class BlockCache {
 public:
  struct Pin {
    const BlockContents* block = nullptr;
    void* handle = nullptr;  // give back to release(); null on a miss
  };
  virtual ~BlockCache() = default;
  virtual Pin lookup(uint64_t table_id, uint64_t offset) = 0;
  virtual Pin insert(uint64_t table_id, uint64_t offset, std::unique_ptr<BlockContents> block) = 0;
  virtual void release(void* handle) = 0;
};

}  // namespace pgz
