// Internal keys: what sorted tables and memtables are ordered by.
//
// An internal key is the user key followed by an 8-byte trailer, the big-endian complement of
// (commit timestamp << 8 | kind). Order: user key ascending by bytes, then trailer ascending, so
// that the newest version of a user key comes first. Because user keys differ in length the
// trailer must not take part in comparing user keys: use compare_internal, never memcmp.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "engine/base/slice.h"

namespace pgz {

// On disk; append only.
enum class Kind : uint8_t {
  kValue = 1,
  kTombstone = 2,
  kMovedTombstone = 3,  // value: the user key the row moved to
  kValuePointer = 4,    // value: where in the value log the value is
};

inline bool is_kind(Kind kind) { return kind >= Kind::kValue && kind <= Kind::kValuePointer; }
inline bool is_tombstone(Kind kind) {
  return kind == Kind::kTombstone || kind == Kind::kMovedTombstone;
}

inline constexpr size_t kTrailerBytes = 8;
// Timestamps are 56 bits wide; the largest is never a commit's and means "no upper bound".
inline constexpr uint64_t kMaxTimestamp = (uint64_t{1} << 56) - 1;
inline constexpr size_t kMaxUserKeyBytes = 16 * 1024;
inline constexpr uint64_t kMaxValueBytes = uint64_t{1} << 30;

inline uint64_t make_trailer(uint64_t ts, uint8_t kind) { return ~((ts << 8) | kind); }
inline uint64_t trailer_ts(uint64_t trailer) { return ~trailer >> 8; }
inline Kind trailer_kind(uint64_t trailer) { return static_cast<Kind>(~trailer & 0xff); }

inline void store_trailer(char* to, uint64_t trailer) {
  trailer = __builtin_bswap64(trailer);
  std::memcpy(to, &trailer, sizeof(trailer));
}

// Requires an internal key, hence at least kTrailerBytes bytes.
inline uint64_t load_trailer(Slice internal_key) {
  uint64_t trailer = 0;
  std::memcpy(&trailer, internal_key.data() + internal_key.size() - kTrailerBytes, sizeof(trailer));
  return __builtin_bswap64(trailer);
}

inline Slice user_key_of(Slice internal_key) {
  return internal_key.substr(0, internal_key.size() - kTrailerBytes);
}

inline void append_internal_key(std::string* to, Slice user_key, uint64_t trailer) {
  to->append(user_key);
  char bytes[kTrailerBytes];
  store_trailer(bytes, trailer);
  to->append(bytes, kTrailerBytes);
}

inline void append_internal_key(std::string* to, Slice user_key, uint64_t ts, Kind kind) {
  append_internal_key(to, user_key, make_trailer(ts, static_cast<uint8_t>(kind)));
}

// The internal key at which a seek finds the newest version of `user_key` at or below `read_ts`.
inline void append_seek_key(std::string* to, Slice user_key, uint64_t read_ts) {
  append_internal_key(to, user_key, make_trailer(read_ts, 0xff));
}

inline int compare_internal(Slice a, Slice b) {
  const int order = user_key_of(a).compare(user_key_of(b));
  if (order != 0) return order;
  const uint64_t left = load_trailer(a);
  const uint64_t right = load_trailer(b);
  return left < right ? -1 : (left > right ? 1 : 0);
}

}  // namespace pgz
