// Where the large values of one table being written go: segments that end with the table.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/io.h"
#include "engine/sst/internal_key.h"
#include "engine/vlog/compress.h"
#include "engine/vlog/vlog.h"

namespace pgz {

struct ValueOutputOptions {
  std::string vlog_dir;
  uint32_t inline_max_bytes = 0;  // values from this size on leave the table; 0: none does
  uint64_t segment_bytes = uint64_t{64} << 20;  // a new segment begins beyond
  std::function<uint64_t()> new_number;         // for segment ids and files
  SegmentFiles* files = nullptr;                // where the segments made are read from
  bool compress = false;                        // values are compressed where that is worth it
};

// Threads: one at a time. After an error only destruction is allowed; unfinished files are removed.
class ValueOutput {
 public:
  ValueOutput(Io* io, ValueOutputOptions options) : io_(io), options_(std::move(options)) {}
  ~ValueOutput();
  ValueOutput(const ValueOutput&) = delete;
  ValueOutput& operator=(const ValueOutput&) = delete;

  // Takes an entry of the table to be. A large value goes to a segment, and *key and *value become
  // those of its pointer, valid until the next call; a pointer is counted and stays.
  Status separate(Slice* key, Slice* value);
  // *value is what lies where `from`, the entry's pointer, leads. It goes to a segment as it is.
  Status move(const ValuePointer& from, Slice* key, Slice* value);
  // Syncs and opens the segments written.
  Status finish();
  const SegmentUses& uses() const { return uses_; }
  // Whether any pointer in the table leads to a compressed value.
  bool has_compressed() const { return has_compressed_; }
  // What finish() opened, the caller's from then on.
  std::vector<SegmentRef> take_segments() { return std::move(segments_); }

 private:
  Status begin_segment(uint64_t bytes);
  Status write(Slice value, ValuePointer* pointer);
  // *key and *value become those of a pointer.
  void point(const ValuePointer& pointer, Slice* key, Slice* value);
  Status end_segment();

  Io* io_;
  const ValueOutputOptions options_;
  std::unique_ptr<SegmentWriter> writer_;
  std::vector<SegmentRef> segments_;
  ValueCompressor compressor_;
  SegmentUses uses_;
  bool has_compressed_ = false;
  std::string key_;
  std::string pointer_;
};

}  // namespace pgz
