// Lock spaces and modes: PostgreSQL's four row modes and eight table modes, and what conflicts.
//
// Two of the row modes are there once more for those who lock a row and do not write it, and a
// seventh waits only for those who may have: PostgreSQL tells a row that is locked from one that is
// changed, and its unique checks wait for changes alone.
#pragma once

#include <cstdint>

namespace pgz {

// Names of one space never meet those of another. kRead is no space of locks: reads of serializable
// transactions are listed under it.
enum class LockSpace : uint8_t { kRow = 1, kTable = 2, kAdvisory = 3, kName = 4, kRead = 5 };

// Row spaces use 1..7, the others 1..8.
using LockMode = uint8_t;
inline constexpr LockMode kRowKeyShare = 1;
inline constexpr LockMode kRowShare = 2;
inline constexpr LockMode kRowNoKeyUpdate = 3;
inline constexpr LockMode kRowUpdate = 4;
inline constexpr LockMode kRowForNoKeyUpdate = 5;  // as 3 and 4, but who holds only these does not
inline constexpr LockMode kRowForUpdate = 6;       // write the row
inline constexpr LockMode kRowUnwritten = 7;       // nobody else has written it
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
      return mode >= kRowKeyShare && mode <= kRowUnwritten;
    case LockSpace::kTable:
    case LockSpace::kAdvisory:
    case LockSpace::kName:
      return mode >= kAccessShare && mode <= kAccessExclusive;
    case LockSpace::kRead:
      return false;
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
        return static_cast<LockModes>(mode_bit(kRowUpdate) | mode_bit(kRowForUpdate));
      case kRowShare:
        return range(kRowNoKeyUpdate, kRowForUpdate);
      case kRowNoKeyUpdate:
        return range(kRowShare, kRowUnwritten);
      case kRowForNoKeyUpdate:
        return range(kRowShare, kRowForUpdate);
      case kRowForUpdate:
        return range(kRowKeyShare, kRowForUpdate);
      case kRowUnwritten:
        return range(kRowNoKeyUpdate, kRowUpdate);
      default:
        return range(kRowKeyShare, kRowUnwritten);
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
