// What a table reader wants of a block cache. The cache room knows nothing of blocks and this room
// nothing of the cache; lsm/ joins the two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/slice.h"

namespace pgz {

struct BlockContents;

struct BlockFree {
  void operator()(BlockContents* block) const;
};
using OwnedBlock = std::unique_ptr<BlockContents, BlockFree>;

// One verified, uncompressed block and, behind its bytes, the index a look-up uses if it has one
// (block_index.h): one piece of memory, so that a look-up follows one pointer only.
// Its first line says all that a look-up has to know of the whole.
struct alignas(16) BlockContents {
  enum class Index : uint8_t { kNone, kHash, kPrefix };
  static constexpr size_t kSharedMax = 32;

  // Room for `size` bytes and for `spare` more; throws std::bad_alloc.
  static OwnedBlock make(size_t size, size_t spare);

  uint64_t size = 0;
  uint64_t memory_bytes = 0;  // of all this, as allocated
  uint32_t restarts = 0;      // with an index: the number of restart points
  uint32_t index_count = 0;   // kHash: buckets; kPrefix: entries
  uint8_t index_shared = 0;   // kPrefix: bytes that all keys begin with
  Index index_kind = Index::kNone;
  char shared[kSharedMax] = {};  // and these bytes

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  Slice slice() const { return Slice(bytes(), size); }
  static size_t index_offset(size_t size) { return (size + 7) & ~size_t{7}; }
  char* index() { return bytes() + index_offset(size); }
  const char* index() const { return bytes() + index_offset(size); }
};

class BlockCache {
 public:
  struct Pin {
    const BlockContents* block = nullptr;
    void* handle = nullptr;  // give back to release(); null on a miss
  };
  virtual ~BlockCache() = default;
  virtual Pin lookup(uint64_t table_id, uint64_t offset) = 0;
  virtual Pin insert(uint64_t table_id, uint64_t offset, OwnedBlock block) = 0;
  virtual void release(void* handle) = 0;
  // Whether a table may keep a block of so many bytes pinned while it is open; taken back with
  // unkeep().
  virtual bool keep(uint64_t bytes) = 0;
  virtual void unkeep(uint64_t bytes) = 0;
  // Whether a read may have so many bytes for reading ahead, out of what is set aside for that;
  // given back with take_back().
  virtual bool lend(uint64_t bytes) = 0;
  virtual void take_back(uint64_t bytes) = 0;
};
static_assert(sizeof(BlockContents) == 64);

}  // namespace pgz
