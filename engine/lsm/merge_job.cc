// Merging: level 0 with what it overlaps in level 1 becomes level 1. Keeps the number of runs a
// read meets bounded, and drops what no boundary needs.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/merge_iterator.h"
#include "engine/lsm/version_filter.h"

namespace pgz {

namespace {

// Every table a read could meet that may hold a version older than the drop, in its range.
bool still_hides(const Version& version, const RangeDrop& drop) {
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      const FileMeta& meta = table->meta();
      if (meta.min_ts < drop.ts && Slice(meta.largest) >= Slice(drop.begin) &&
          (drop.end.empty() || meta.smallest < drop.end)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

// Range drops that every boundary is past: whole tables below them go at once, and the drops that
// hide nothing any more go too.
void Lsm::Rep::pick_drops(const std::vector<uint64_t>& bounds, MergePick* pick) {
  const uint64_t lowest = *std::min_element(bounds.begin(), bounds.end());
  for (const RangeDrop& drop : pick->version->drops) {
    if (drop.ts > lowest) continue;
    if (!still_hides(*pick->version, drop)) {
      pick->edit.drops_removed.push_back(drop);
      continue;
    }
    for (int level = 0; level < kLevels; level++) {
      for (const TableRef& table : pick->version->levels[level]) {
        const FileMeta& meta = table->meta();
        const std::pair<int, uint64_t> name{level, meta.number};
        if (meta.max_ts < drop.ts && drop.covers(meta.smallest) && drop.covers(meta.largest) &&
            std::find(pick->edit.removed.begin(), pick->edit.removed.end(), name) ==
                pick->edit.removed.end()) {
          pick->edit.removed.push_back(name);
        }
      }
    }
  }
}

// A single level-0 table over nothing needs no rewriting.
void Lsm::Rep::pick_moves(MergePick* pick) {
  if (pick->level0.size() != 1 || !pick->level1.empty()) return;
  const FileMeta& meta = pick->level0[0]->meta();
  pick->edit.removed.emplace_back(0, meta.number);
  pick->edit.added.emplace_back(1, meta);
  pick->level0.clear();
}

Lsm::Rep::MergePick Lsm::Rep::pick_merge(bool forced) {
  MergePick pick;
  {
    MutexLock lock(&mutex);
    pick.version = version;
  }
  const std::vector<uint64_t> bounds = options.boundaries();
  pick_drops(bounds, &pick);
  if (!pick.is_empty()) return pick;  // merge over what is left in the next round
  const std::vector<TableRef>& level0 = pick.version->levels[0];
  if (level0.size() < (forced ? 1 : options.level0_merge_trigger)) return pick;
  pick.level0 = level0;
  const TableRange range = range_of(level0);
  pick.level1 = pick.version->overlapping(1, range.smallest, range.largest);
  if (!forced) pick_moves(&pick);
  return pick;
}

Status Lsm::Rep::run_merge(MergePick pick) {
  std::vector<std::unique_ptr<Iterator>> children;
  for (const TableRef& table : pick.level0) children.push_back(table->reader().new_iterator(false));
  if (!pick.level1.empty()) children.push_back(new_level_iterator(&pick.level1, false));
  const std::unique_ptr<Iterator> it = new_merge_iterator(std::move(children));
  bool bottom = true;
  for (int level = 2; level < kLevels; level++) {
    bottom = bottom && pick.version->levels[level].empty();
  }
  VersionFilter filter(options.boundaries(), pick.version->drops, bottom);
  std::vector<TableRef> tables;
  const Status written = write_tables(it.get(), &filter, &merged_bytes, &tables);
  if (!written.is_ok()) {
    for (const TableRef& table : tables) table->set_obsolete();
    return written;
  }
  for (const TableRef& table : pick.level0) pick.edit.removed.emplace_back(0, table->meta().number);
  for (const TableRef& table : pick.level1) pick.edit.removed.emplace_back(1, table->meta().number);
  for (const TableRef& table : tables) pick.edit.added.emplace_back(1, table->meta());
  MutexLock lock(&manifest_mutex);
  return commit_edit(std::move(pick.edit), std::move(tables), nullptr);
}

Status Lsm::Rep::merge_round(bool forced, bool* did_something) {
  MutexLock one_at_a_time(&merge_mutex);
  MergePick pick;
  {
    // From the pick on nothing may sink into the range that is being merged.
    MutexLock lock(&manifest_mutex);
    pick = pick_merge(forced);
    if (!pick.is_empty() && pick.level0.empty()) {
      *did_something = true;
      return commit_edit(std::move(pick.edit), {}, nullptr);
    }
    if (!pick.level0.empty()) {
      std::vector<TableRef> all = pick.level0;
      all.insert(all.end(), pick.level1.begin(), pick.level1.end());
      merging.push_back(range_of(all));
    }
  }
  *did_something = !pick.is_empty();
  if (pick.is_empty()) return Status::ok();
  const Status merged = run_merge(std::move(pick));
  {
    MutexLock lock(&manifest_mutex);
    merging.clear();
  }
  if (merged.is_ok()) merges++;
  return merged;
}

void Lsm::Rep::merge_loop() {
  constexpr uint64_t kRetryMicros = 100'000;
  for (;;) {
    {
      MutexLock lock(&mutex);
      while (!stopping && background.is_ok() && !merge_poked &&
             version->levels[0].size() < options.level0_merge_trigger) {
        merge_work.wait(&mutex);
      }
      if (stopping || !background.is_ok()) return;
      merge_poked = false;
    }
    bool did_something = true;
    Status status;
    while (status.is_ok() && did_something && !stopping)
      status = merge_round(false, &did_something);
    if (!status.is_ok() && !status.is(Code::kClosed) && !status.is(Code::kNoSpace)) {
      fail(status);
      return;
    }
    MutexLock lock(&mutex);
    merge_no_space = status.is(Code::kNoSpace);
    if (!merge_no_space) continue;
    progress.notify_all();
    if (!stopping) merge_work.wait_for(&mutex, kRetryMicros);
  }
}

Status Lsm::merge_now() {
  Rep& rep = *rep_;
  bool did_something = true;
  Status status;
  while (status.is_ok() && did_something) status = rep.merge_round(true, &did_something);
  if (!status.is_ok() && !status.is(Code::kNoSpace) && !status.is(Code::kClosed)) rep.fail(status);
  return status;
}

}  // namespace pgz
