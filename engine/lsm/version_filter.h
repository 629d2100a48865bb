// Which versions a flush or merge keeps (rule 7 of the engine's correctness rules).
//
// A version committed at t and replaced at u (by a newer version of its key or a range drop) is
// seen by the snapshots in [t, u). It is kept when a boundary lies there, or when t lies above the
// newest boundary, because snapshots between are still to come. A kept tombstone at or below the
// lowest boundary goes all the same where nothing older can lie beneath.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/lsm/keys.h"

namespace pgz {

class VersionFilter {
 public:
  // `bottom`: no older version of these keys exists outside the input.
  VersionFilter(std::vector<uint64_t> boundaries, std::vector<RangeDrop> drops, bool bottom);

  // Called with every internal key of the input, in order.
  bool keep(Slice internal_key);

 private:
  bool seen_between(uint64_t from, uint64_t to) const;

  std::vector<uint64_t> boundaries_;  // ascending, not empty
  std::vector<RangeDrop> drops_;
  const bool bottom_;
  std::string user_key_;
  bool started_ = false;
  uint64_t newer_ts_ = 0;  // of the version before, when it has the same user key
};

}  // namespace pgz
