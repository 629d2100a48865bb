// Group: the blocks that will be written together, in aligned chunks. Private to log/.
#pragma once

#include <vector>

#include "engine/io/io.h"
#include "engine/log/format.h"

namespace pgz::log {

// Chunks that are not in use; bounded. The caller's mutex protects it.
class ChunkPool {
 public:
  static constexpr size_t kBlocksPerChunk = 64;
  static constexpr size_t kChunkBytes = kBlocksPerChunk * kBlockBytes;
  static constexpr size_t kKeptMax = 32;

  AlignedBuffer take() {
    if (free_.empty()) return AlignedBuffer(kChunkBytes);
    AlignedBuffer chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
  }
  void give(std::vector<AlignedBuffer>* chunks) {
    for (AlignedBuffer& chunk : *chunks) {
      if (free_.size() < kKeptMax) free_.push_back(std::move(chunk));
    }
    chunks->clear();
  }

 private:
  std::vector<AlignedBuffer> free_;
};

struct Group {
  Lsn begin = 0;
  size_t blocks = 0;
  std::vector<AlignedBuffer> chunks;

  Lsn end() const { return begin + blocks * kBlockBytes; }
  char* block(size_t i) {
    return chunks[i / ChunkPool::kBlocksPerChunk].data() +
           i % ChunkPool::kBlocksPerChunk * kBlockBytes;
  }
  char* add_block(ChunkPool* pool) {
    if (blocks % ChunkPool::kBlocksPerChunk == 0) chunks.push_back(pool->take());
    return block(blocks++);
  }
  // The memory of blocks [from, to).
  std::vector<IoSlice> slices(size_t from, size_t to) {
    std::vector<IoSlice> out;
    while (from < to) {
      const size_t room = ChunkPool::kBlocksPerChunk - from % ChunkPool::kBlocksPerChunk;
      const size_t n = room < to - from ? room : to - from;
      out.push_back({block(from), n * kBlockBytes});
      from += n;
    }
    return out;
  }
};

}  // namespace pgz::log
