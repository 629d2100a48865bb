// Keys as the rooms above see them: kinds, timestamps, limits (see engine/sst/internal_key.h for
// the layout) and range drops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/sst/internal_key.h"

namespace pgz {

// Timestamps on disk lie below; what is greater is damage. So those that commits go on to give stay
// far from kMaxTimestamp, which would keep nothing.
inline constexpr uint64_t kStoredTimestampEnd = uint64_t{1} << 55;

// What a commit does to one key.
struct KeyWrite {
  Slice user_key;
  Kind kind = Kind::kValue;
  Slice value;
};

// Every version of a key in [begin, end) with a commit timestamp strictly below `ts` is gone for
// readers at or above `ts`. An empty `end` means "to the last key". A transaction that drops a
// range leaves out its own earlier writes to it; its later writes carry `ts` and survive.
struct RangeDrop {
  std::string begin;
  std::string end;
  uint64_t ts = 0;

  bool covers(Slice user_key) const {
    return user_key >= Slice(begin) && (end.empty() || user_key < Slice(end));
  }
  bool operator==(const RangeDrop&) const = default;
};

// The timestamp of the newest drop at or below `read_ts` that covers `user_key`; 0 if none.
inline uint64_t newest_drop(const std::vector<RangeDrop>& drops, Slice user_key, uint64_t read_ts) {
  uint64_t newest = 0;
  for (const RangeDrop& drop : drops) {
    if (drop.ts <= read_ts && drop.ts > newest && drop.covers(user_key)) newest = drop.ts;
  }
  return newest;
}

}  // namespace pgz
