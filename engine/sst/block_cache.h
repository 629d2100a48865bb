// What a table reader wants of a block cache. The cache room knows nothing of blocks and this room
// nothing of the cache; lsm/ joins the two.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/slice.h"

namespace pgz {

// One verified, uncompressed block.
struct BlockContents {
  std::unique_ptr<char[]> bytes;
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
