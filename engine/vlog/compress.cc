#include "engine/vlog/compress.h"

#include <lz4.h>

#include <algorithm>
#include <new>

#include "engine/vlog/vlog.h"

namespace pgz {

namespace {

constexpr uint32_t kMissesMax = 4;
constexpr uint32_t kPauseMin = 8;
constexpr uint32_t kPauseMax = 256;
// Up to here clearing LZ4's table costs more than what is slower without (decision 0021).
constexpr size_t kKeptTableMax = 768;

// At most what LZ4_compressBound() says, for which there is room, so that it cannot fail; 0 if it
// does.
int lz4_compress(LZ4_stream_t* stream, Slice from, std::string* to) {
  const int size = static_cast<int>(from.size());
  const int room = static_cast<int>(to->size());
  if (from.size() > kKeptTableMax) {
    return LZ4_compress_fast_extState(stream, from.data(), to->data(), size, room, 1);
  }
  // Entries of values before stay in the table and are told by their positions.
  LZ4_resetStream_fast(stream);
  return LZ4_compress_fast_continue(stream, from.data(), to->data(), size, room, 1);
}

}  // namespace

ValueCompressor::ValueCompressor() = default;
ValueCompressor::~ValueCompressor() = default;

void ValueCompressor::FreeStream::operator()(LZ4_stream_u* stream) const { LZ4_freeStream(stream); }

void ValueCompressor::note_miss() {
  if (++misses_ < kMissesMax) return;
  pause_ = std::clamp(2 * pause_, kPauseMin, kPauseMax);
  pause_left_ = pause_;
}

Slice ValueCompressor::compress(Slice value) {
  if (value.empty() || value.size() > kCompressedRawMax) return {};
  if (pause_left_ > 0) {
    pause_left_--;
    return {};
  }
  if (stream_ == nullptr) stream_.reset(LZ4_createStream());
  if (stream_ == nullptr) return {};
  const auto bound = static_cast<size_t>(LZ4_compressBound(static_cast<int>(value.size())));
  if (output_.size() < bound) output_.resize(bound);
  const int got = lz4_compress(stream_.get(), value, &output_);
  if (got <= 0) stream_.reset();  // what state it is in is not said
  if (got <= 0 || static_cast<size_t>(got) > value.size() - (value.size() + 7) / 8) {
    note_miss();
    return {};
  }
  misses_ = 0;
  pause_ = 0;
  return {output_.data(), static_cast<size_t>(got)};
}

bool uncompress_value(Slice stored, uint32_t raw_length, char* to) {
  if (raw_length > kCompressedRawMax || stored.size() >= raw_length) return false;
  const int got = LZ4_decompress_safe(stored.data(), to, static_cast<int>(stored.size()),
                                      static_cast<int>(raw_length));
  return got >= 0 && static_cast<uint32_t>(got) == raw_length;
}

bool uncompress_value(Slice stored, std::string* value) {
  if (stored.size() >= kCompressedRawMax) return false;
  value->resize(kCompressedRawMax);
  const int got = LZ4_decompress_safe(stored.data(), value->data(), static_cast<int>(stored.size()),
                                      static_cast<int>(kCompressedRawMax));
  value->resize(static_cast<size_t>(std::max(got, 0)));
  return value->size() > stored.size();
}

}  // namespace pgz
