#include "engine/lsm/version_filter.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/planted.h"

namespace pgz {

VersionFilter::VersionFilter(std::vector<uint64_t> boundaries, std::vector<RangeDrop> drops,
                             bool bottom)
    : boundaries_(std::move(boundaries)), drops_(std::move(drops)), bottom_(bottom) {
  PGZ_ASSERT(!boundaries_.empty());
  std::sort(boundaries_.begin(), boundaries_.end());
}

bool VersionFilter::seen_between(uint64_t from, uint64_t to) const {
  const auto at = std::lower_bound(boundaries_.begin(), boundaries_.end(), from);
  return at == boundaries_.end() || *at < to;
}

bool VersionFilter::keep(Slice internal_key) {
  const Slice user_key = user_key_of(internal_key);
  const uint64_t trailer = load_trailer(internal_key);
  const uint64_t ts = trailer_ts(trailer);
  uint64_t replaced_ts = kMaxTimestamp;
  if (started_ && user_key == user_key_) {
    replaced_ts = newer_ts_;
  } else {
    user_key_.assign(user_key);
    started_ = true;
  }
  newer_ts_ = ts;
  for (const RangeDrop& drop : drops_) {
    if (drop.ts > ts && drop.ts < replaced_ts && drop.covers(user_key)) replaced_ts = drop.ts;
  }
  if (!seen_between(ts, replaced_ts)) return false;
  return !((bottom_ || PGZ_PLANTED(kDropTombstoneEarly)) && is_tombstone(trailer_kind(trailer)) &&
           ts <= boundaries_.front());
}

}  // namespace pgz
