// Leveled compaction: the shape the tree should have, and which tables to merge next.
//
// Level 0 holds what flushes wrote, newest first, overlapping. Each deeper level is one sorted run
// of disjoint tables; of two levels the upper one holds the newer versions of a key. Sizes come
// from the bottom: the largest level is taken for the last one (kLevels - 1), the levels above it
// shrink by an even factor (at most `fan_out`) to `base_bytes`, and tables of level 0 go to the
// uppermost of them, the base level. Levels between 0 and the base level stay empty, or drain when
// data shrinks. A small store so has level 0 and the last level, and a key is rewritten only as
// often as the size of the store demands.
//
// Rules that keep the order of versions
//   - A job takes from level 0 the oldest table and everything there that its range touches.
//   - Level 0 never goes below a level that holds anything: base <= first level with tables.
//   - A table moves down without being read only past levels with nothing in its range; never from
//     under an older table of level 0, and never into the range of a running job.
//   - Two jobs may run at once when they share no table and no range of an output level.
//
// Everything here decides and does nothing: no I/O, no locks. Cost: linear in the tables of a
// level.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/lsm/version.h"

namespace pgz {

struct CompactionLimits {
  uint64_t base_bytes = 0;  // aim of the base level
  uint64_t fan_out = 10;    // at most this much between neighbouring levels
  uint64_t table_bytes = 0;
  uint32_t level0_trigger = 0;
  // A table may overlap at most this much of the level below the one it is written to.
  uint64_t overlap_bytes_max() const { return 10 * table_bytes; }
  // A job's inputs stay below it where they can, so that urgent work waits for seconds at most.
  uint64_t job_bytes_max() const { return 25 * table_bytes; }
};

struct LevelShape {
  int base = kLevels - 1;
  uint64_t target_bytes[kLevels] = {};  // 0: should be empty; the last level has no bound
  double score[kLevels] = {};           // from 1 on the level wants a merge
  uint64_t debt_bytes = 0;              // above the targets, what waits in level 0 included

  static LevelShape of(const Version& version, const CompactionLimits& limits);
  static LevelShape of(const uint64_t (&level_bytes)[kLevels], size_t level0_files,
                       const CompactionLimits& limits);
};

// Merges `inputs` (of `level`) and `below` (of `target`) into new tables of `target`.
struct CompactionJob {
  int level = 0;
  int target = 0;  // == level: tables are rewritten in place
  std::vector<TableRef> inputs;
  std::vector<TableRef> below;
  std::vector<TableRef> grandparents;  // of target + 1, overlapping
  bool bottom = false;                 // nothing older lies deeper in the range
  TableRange range;                    // of inputs and below

  uint64_t input_bytes() const;
  bool has(uint64_t table_number) const;
};

class CompactionPicker {
 public:
  // All arguments must outlive the picker.
  CompactionPicker(const Version& version, const CompactionLimits& limits,
                   std::span<const CompactionJob* const> running);

  const LevelShape& shape() const { return shape_; }
  // Tables of level 0, or of a level that wants to shrink, that can go deeper unread.
  void add_moves(VersionEdit* edit) const;
  // Level 0 when it has `trigger` tables.
  std::optional<CompactionJob> level0_job(size_t trigger) const;
  // The table of the level whose rewriting costs least per byte it brings down.
  std::optional<CompactionJob> level_job(int level) const;
  // A table below level 0 of which a drop at or below `lowest` covers some older versions.
  std::optional<CompactionJob> drop_job(uint64_t lowest) const;
  // A table with nothing beneath it, of a number below `before`, whose values lie in so many
  // segments.
  std::optional<CompactionJob> order_job(uint64_t before, size_t segments) const;
  // The most urgent of all: by score, level 0 first among equals.
  std::optional<CompactionJob> next_job() const;
  // The deepest level the range may be put to over nothing but older versions; `from` when none.
  int sink_level(Slice smallest, Slice largest, int from) const;

 private:
  bool is_busy(uint64_t table_number) const;
  bool fits_beside_running(const CompactionJob& job) const;
  uint64_t overlap_bytes(int level, Slice smallest, Slice largest) const;
  std::optional<CompactionJob> complete(CompactionJob job) const;
  void widen(CompactionJob* job) const;

  const Version& version_;
  const CompactionLimits& limits_;
  const std::span<const CompactionJob* const> running_;
  LevelShape shape_;
};

}  // namespace pgz
