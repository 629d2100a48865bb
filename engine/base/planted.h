// Planted bugs: faults that the engine has on demand, so that the simulator can show that it finds
// each of them (tests/sim/selftest.cc says what they are and within how many seeds). They exist
// only in builds with -Dplanted_bugs=true; everywhere else PGZ_PLANTED(...) is the constant false
// and the code behind it is gone.
#pragma once

#include <cstdint>

namespace pgz {

enum class Planted : uint8_t {
  kNone,
  kSkipLogSync,
  kSkipTableSync,
  kSkipTableDirSync,
  kSkipSlotDirSync,
  kSkipRecoverySync,
  kSwapEdits,
  kIgnoreTableCrc,
  kIgnoreLogCrc,
  kIgnoreLogGap,
  kReplayHalf,
  kForgetDrops,
  kReleaseEarly,
  kHorizonEarly,
  kDropTombstoneEarly,
  kIgnoreSnapshots,
  kRecycleSlotEarly,
  kFlushAheadOfLog,
  kKeepRolledBack,
  kCounterNotDurable,
  kSkipConflictCheck,
  kIgnoreRangeMarks,
  kIgnoreCommittedReaders,
  kForgetLogEnd,
  kLogEndAhead,
  kSkipSegmentSync,
  kSkipSegmentDirSync,
  kSkipPlacedSync,
  kSkipPlacedDirSync,
  kSkipSlotDirectory,
  kIgnoreValueCrc,
  kDropLiveValue,
  kRemoveSegmentEarly,
  kCollectHeld,
  kFirstRunWins,
  kForgetRunCut,
};

#ifdef PGZ_PLANTED_BUGS
inline constexpr bool kPlantedBuild = true;
inline Planted planted_bug = Planted::kNone;  // set before anything runs
#define PGZ_PLANTED(bug) (::pgz::planted_bug == ::pgz::Planted::bug)
#else
inline constexpr bool kPlantedBuild = false;
#define PGZ_PLANTED(bug) false
#endif

}  // namespace pgz
