#include "tests/sim/selftest.h"

#include <cstdio>
#include <map>

#include "engine/base/clock.h"
#include "tests/sim/runner.h"

namespace pgz::sim {
namespace {

using Ull = unsigned long long;

void choose([[maybe_unused]] Planted bug) {
#ifdef PGZ_PLANTED_BUGS
  planted_bug = bug;
#endif
}

// The first seed under which the scenario fails, or 0.
uint64_t first_failure(const PlantedInfo& info, std::string* wrong) {
  for (uint64_t seed = 1; seed <= info.seeds; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.quiet = true;
    const RunResult result = run_scenario(*find_scenario(info.scenario), options);
    if (!result.failed) continue;
    *wrong = result.wrong;
    return seed;
  }
  return 0;
}

}  // namespace

const std::vector<PlantedInfo>& planted_infos() {
  static const std::vector<PlantedInfo> all = {
      {Planted::kSkipLogSync, "skip_log_sync", "a commit is acknowledged when written, not synced",
       "crash", 2},
      {Planted::kSkipTableSync, "skip_table_sync", "a sorted table is not synced", "random", 10},
      {Planted::kSkipTableDirSync, "skip_table_dir_sync", "a sorted table's name is not synced",
       "random", 10},
      {Planted::kSkipSlotDirSync, "skip_slot_dir_sync", "a log slot's name is not synced", "crash",
       10},
      {Planted::kSkipRecoverySync, "skip_recovery_sync",
       "recovery serves what is only in the page cache", "kill_then_power", 10},
      {Planted::kSwapEdits, "swap_edits", "two manifest edits change places", "random", 10},
      {Planted::kIgnoreTableCrc, "ignore_table_crc", "checksums of sorted tables are not looked at",
       "corruption", 5},
      {Planted::kIgnoreLogCrc, "ignore_log_crc", "checksums of log blocks are not looked at",
       "completion_corruption", 30},
      {Planted::kIgnoreLogGap, "ignore_log_gap", "any bad log block is taken for the log's end",
       "completion_corruption", 5},
      {Planted::kReplayHalf, "replay_half", "replay applies half of a transaction", "crash", 2},
      {Planted::kForgetDrops, "forget_drops", "replay forgets range drops", "random", 20},
      {Planted::kReleaseEarly, "release_early", "locks are released before the commit is durable",
       "random", 20},
      {Planted::kHorizonEarly, "horizon_early", "the horizon moves before the commit is durable",
       "perfect", 10},
      {Planted::kDropTombstoneEarly, "drop_tombstone_early",
       "a tombstone goes while older versions lie beneath", "random", 10},
      {Planted::kIgnoreSnapshots, "ignore_snapshots", "versions go that a snapshot still sees",
       "perfect", 10},
      {Planted::kRecycleSlotEarly, "recycle_slot_early",
       "a log slot is used again before its records are in tables", "random", 60},
      {Planted::kFlushAheadOfLog, "flush_ahead_of_log",
       "a table holds what the log does not have durably", "random", 150},
      {Planted::kKeepRolledBack, "keep_rolled_back", "writes behind a savepoint are committed",
       "perfect", 2},
      {Planted::kCounterNotDurable, "counter_not_durable",
       "numbers are given out before the log knows", "crash", 10},
      {Planted::kSkipConflictCheck, "skip_conflict_check",
       "a repeatable read transaction overwrites what it did not see", "perfect", 5},
      {Planted::kIgnoreRangeMarks, "ignore_range_marks",
       "serializable transactions forget the ranges they scanned", "perfect", 60},
      {Planted::kIgnoreCommittedReaders, "ignore_committed_readers",
       "serializable transactions forget what committed ones read", "perfect", 200},
      {Planted::kForgetLogEnd, "forget_log_end", "recovery does not know where the log ended",
       "truncation", 30},
      {Planted::kLogEndAhead, "log_end_ahead", "the log's end is noted before it is durable",
       "random", 10},
      {Planted::kSkipSegmentSync, "skip_segment_sync", "a value segment is not synced", "random",
       10},
      {Planted::kSkipSegmentDirSync, "skip_segment_dir_sync",
       "a value segment's name is not synced", "random", 20},
      {Planted::kSkipPlacedSync, "skip_placed_sync",
       "the log points at values that are not durable", "random", 10},
      {Planted::kSkipPlacedDirSync, "skip_placed_dir_sync",
       "the name of a segment that commits write to is not synced", "random", 10},
      {Planted::kSkipSlotDirectory, "skip_slot_directory", "the directory of slots is not written",
       "random", 5},
      {Planted::kIgnoreValueCrc, "ignore_value_crc", "checksums of values are not looked at",
       "corruption", 10},
      {Planted::kDropLiveValue, "drop_live_value",
       "a collection takes what further tables point at for garbage", "random", 20},
      {Planted::kRemoveSegmentEarly, "remove_segment_early",
       "a segment's file goes before the edit that says so", "random", 150},
      {Planted::kCollectHeld, "collect_held", "a segment is collected that a memtable points into",
       "random", 20},
      {Planted::kFirstRunWins, "first_run_wins",
       "of a transaction's spilled runs the oldest one's writes count", "random", 120},
      {Planted::kForgetRunCut, "forget_run_cut",
       "writes behind a savepoint that were spilled are committed", "perfect", 10},
  };
  return all;
}

bool plant(const std::string& name) {
  for (const PlantedInfo& info : planted_infos()) {
    if (!kPlantedBuild || name != info.name) continue;
    choose(info.bug);
    return true;
  }
  return false;
}

const char* planted_name() {
#ifdef PGZ_PLANTED_BUGS
  for (const PlantedInfo& info : planted_infos()) {
    if (info.bug == planted_bug) return info.name;
  }
#endif
  return "";
}

int self_test() {
  if (!kPlantedBuild) {
    std::fputs("this build has no planted bugs: meson setup ... -Dplanted_bugs=true\n", stderr);
    return 2;
  }
  int missed = 0;
  std::map<std::string, PlantedInfo> widest;
  for (const PlantedInfo& info : planted_infos()) {
    choose(info.bug);
    std::string wrong;
    const uint64_t start = system_clock()->now_micros();
    const uint64_t seed = first_failure(info, &wrong);
    const double seconds = static_cast<double>(system_clock()->now_micros() - start) / 1e6;
    if (seed == 0) {
      ++missed;
      std::printf("%-20s MISSED by %s within %llu seeds (%.1f s)\n", info.name, info.scenario,
                  static_cast<Ull>(info.seeds), seconds);
    } else {
      std::printf("%-20s found by %s, seed %llu of at most %llu (%.1f s): %s\n", info.name,
                  info.scenario, static_cast<Ull>(seed), static_cast<Ull>(info.seeds), seconds,
                  wrong.substr(0, 110).c_str());
    }
    std::fflush(stdout);
    PlantedInfo& most = widest.try_emplace(info.scenario, info).first->second;
    if (info.seeds > most.seeds) most = info;
  }
  choose(Planted::kNone);
  for (const auto& [scenario, info] : widest) {
    std::string wrong;
    const uint64_t seed = first_failure(info, &wrong);
    std::printf("%-20s %s over %llu seeds%s\n", "(none)", scenario.c_str(),
                static_cast<Ull>(info.seeds), seed == 0 ? ": nothing found" : "");
    if (seed == 0) continue;
    ++missed;
    std::printf("  FAILED without a planted bug under seed %llu: %s\n", static_cast<Ull>(seed),
                wrong.c_str());
  }
  std::printf("planted bugs: %zu, %d wrong\n", planted_infos().size(), missed);
  return missed == 0 ? 0 : 1;
}

}  // namespace pgz::sim
