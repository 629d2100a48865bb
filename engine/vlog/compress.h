// LZ4 for the values of segments, each by itself, so that a read touches one value only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/slice.h"

union LZ4_stream_u;

namespace pgz {

// Compresses values one after the other. Values that would save less than an eighth are not worth
// uncompressing on every read; after some of them in a row it stops trying for a while, longer each
// time. Threads: one at a time.
class ValueCompressor {
 public:
  ValueCompressor();
  ~ValueCompressor();
  ValueCompressor(const ValueCompressor&) = delete;
  ValueCompressor& operator=(const ValueCompressor&) = delete;

  // The value compressed, valid until the next call; empty where it is to be stored as it is.
  Slice compress(Slice value);

 private:
  void note_miss();

  struct FreeStream {
    void operator()(LZ4_stream_u* stream) const;
  };
  std::unique_ptr<LZ4_stream_u, FreeStream> stream_;  // made for the first value
  std::string output_;
  uint32_t misses_ = 0;  // in a row
  uint32_t pause_ = 0;   // values the last pause was of
  uint32_t pause_left_ = 0;
};

// `raw_length` bytes to `to`. False when that is not what `stored` holds; `to` may be written to
// all the same, and not beyond.
bool uncompress_value(Slice stored, uint32_t raw_length, char* to);
// For tools that have no pointer, which alone says how long the value is.
bool uncompress_value(Slice stored, std::string* value);

}  // namespace pgz
