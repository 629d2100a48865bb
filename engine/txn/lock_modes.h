// Lock spaces and modes: PostgreSQL's four row modes and eight table modes, and what conflicts.
#pragma once

#include <cstdint>

namespace pgz {

// Names of one space never meet those of another.
enum class LockSpace : uint8_t { kRow = 1, kTable = 2, kAdvisory = 3, kName = 4 };

// Weakest first. Row spaces use 1..4, the others 1..8.
using LockMode = uint8_t;
inline constexpr LockMode kRowKeyShare = 1;
inline constexpr LockMode kRowShare = 2;
inline constexpr LockMode kRowNoKeyUpdate = 3;
inline constexpr LockMode kRowUpdate = 4;
inline constexpr LockMode kAccessShare = 1;
inline constexpr LockMode kRowShareTable = 2;
inline constexpr LockMode kRowExclusive = 3;
inline constexpr LockMode kShareUpdateExclusive = 4;
inline constexpr LockMode kShare = 5;
inline constexpr LockMode kShareRowExclusive = 6;
inline constexpr LockMode kExclusive = 7;
inline constexpr LockMode kAccessExclusive = 8;

// A set of modes: bit m for mode m.
using LockModes = uint16_t;
constexpr LockModes mode_bit(LockMode mode) { return static_cast<LockModes>(1u << mode); }

constexpr bool valid_lock(LockSpace space, LockMode mode) {
  switch (space) {
    case LockSpace::kRow:
      return mode >= kRowKeyShare && mode <= kRowUpdate;
    case LockSpace::kTable:
    case LockSpace::kAdvisory:
    case LockSpace::kName:
      return mode >= kAccessShare && mode <= kAccessExclusive;
  }
  return false;
}

// The modes that two owners cannot hold together with `mode`.
constexpr LockModes conflicting_modes(LockSpace space, LockMode mode) {
  constexpr auto range = [](LockMode from, LockMode to) {
    LockModes modes = 0;
    for (LockMode m = from; m <= to; m++) modes = static_cast<LockModes>(modes | mode_bit(m));
    return modes;
  };
  if (space == LockSpace::kRow) {
    switch (mode) {
      case kRowKeyShare:
        return range(kRowUpdate, kRowUpdate);
      case kRowShare:
        return range(kRowNoKeyUpdate, kRowUpdate);
      case kRowNoKeyUpdate:
        return range(kRowShare, kRowUpdate);
      default:
        return range(kRowKeyShare, kRowUpdate);
    }
  }
  switch (mode) {
    case kAccessShare:
      return range(kAccessExclusive, kAccessExclusive);
    case kRowShareTable:
      return range(kExclusive, kAccessExclusive);
    case kRowExclusive:
      return range(kShare, kAccessExclusive);
    case kShareUpdateExclusive:
      return range(kShareUpdateExclusive, kAccessExclusive);
    case kShare:
      return static_cast<LockModes>(range(kRowExclusive, kShareUpdateExclusive) |
                                    range(kShareRowExclusive, kAccessExclusive));
    case kShareRowExclusive:
      return range(kRowExclusive, kAccessExclusive);
    case kExclusive:
      return range(kRowShareTable, kAccessExclusive);
    default:
      return range(kAccessShare, kAccessExclusive);
  }
}

// Whether an owner holding `held` needs nothing more to have `mode`: some held mode conflicts with
// all that `mode` conflicts with.
constexpr bool covers(LockSpace space, LockModes held, LockMode mode) {
  const LockModes wanted = conflicting_modes(space, mode);
  for (LockMode m = 1; m <= kAccessExclusive; m++) {
    if ((held & mode_bit(m)) == 0) continue;
    if (m == mode || (conflicting_modes(space, m) & wanted) == wanted) return true;
  }
  return false;
}

}  // namespace pgz
