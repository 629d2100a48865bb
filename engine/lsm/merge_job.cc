// Merging: runs the jobs that compaction.h picks, one at a time, on the merge thread. Jobs give way
// between two blocks as job_scheduler.h says; a merge of level 0 runs inside one below level 0 when
// it can.
#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/merge_iterator.h"
#include "engine/lsm/version_filter.h"

namespace pgz {

namespace {

constexpr uint64_t kRetryMicros = 100'000;  // between attempts on a full disk
// So many range drops that reads should not meet make level 0 merge early.
constexpr size_t kDropsMany = 32;
// Values of so many segments make one place of several worth looking for.
constexpr size_t kOrderSegmentsMin = 16;
// Of what surely lives, values may take so much, those being written anew included.
constexpr double kOrderStop = 1.75;
// So many memtables' values may be written anew whatever that says.
constexpr uint64_t kOrderMemtables = 4;

bool still_hides(const Version& version, const RangeDrop& drop) {
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      if (hides_in(drop, table->meta())) return true;
    }
  }
  return false;
}

}  // namespace

CompactionLimits Lsm::Rep::limits() const {
  CompactionLimits l;
  l.table_bytes = options.table_file_bytes;
  l.level0_trigger = options.level0_merge_trigger;
  l.fan_out = options.level_fan_out;
  l.base_bytes = options.level_base_bytes != 0
                     ? options.level_base_bytes
                     : 2 * options.level0_merge_trigger * memtable_limit();
  return l;
}

// Range drops that every boundary is past: whole tables below them go at once, and the drops that
// hide nothing any more go too.
void Lsm::Rep::pick_drops(MergePick* pick) {
  const uint64_t lowest = *std::min_element(pick->boundaries.begin(), pick->boundaries.end());
  const std::span<const CompactionJob* const> jobs(running);
  const auto is_taken = [&](int level, uint64_t number) {
    const std::pair<int, uint64_t> name{level, number};
    return std::find(pick->edit.removed.begin(), pick->edit.removed.end(), name) !=
               pick->edit.removed.end() ||
           std::any_of(jobs.begin(), jobs.end(),
                       [number](const CompactionJob* job) { return job->has(number); });
  };
  for (const RangeDrop& drop : pick->version->drops) {
    if (drop.ts > lowest) continue;
    if (!still_hides(*pick->version, drop)) {
      pick->edit.drops_removed.push_back(drop);
      continue;
    }
    for (int level = 0; level < kLevels; level++) {
      for (const TableRef& table : pick->version->levels[level]) {
        const FileMeta& meta = table->meta();
        if (meta.max_ts < drop.ts && drop.covers(meta.smallest) && drop.covers(meta.largest) &&
            !is_taken(level, meta.number)) {
          pick->edit.removed.emplace_back(level, meta.number);
        }
      }
    }
  }
}

Lsm::Rep::MergePick Lsm::Rep::pick_merge(Choice choice) {
  MergePick pick;
  pick.is_tidy = choice == Choice::kForced;
  {
    MutexLock lock(&mutex);
    pick.version = version;
  }
  pick.boundaries = options.boundaries();
  const CompactionLimits compaction_limits = limits();
  const CompactionPicker picker(*pick.version, compaction_limits, running);
  if (choice == Choice::kLevel0Only) {
    if (picker.shape().score[0] >= 1) {
      picker.add_moves(&pick.edit);
      if (!pick.is_edit()) pick.job = picker.level0_job(options.level0_merge_trigger);
    }
    return pick;
  }
  pick_drops(&pick);
  if (pick.is_edit()) return pick;  // merge what is left in the next round
  picker.add_moves(&pick.edit);
  if (pick.is_edit()) return pick;
  pick.job = picker.next_job();
  if (pick.job) return pick;
  const uint64_t lowest = *std::min_element(pick.boundaries.begin(), pick.boundaries.end());
  const auto is_old = [lowest](const RangeDrop& drop) { return drop.ts <= lowest; };
  const bool many_drops =
      static_cast<size_t>(std::count_if(pick.version->drops.begin(), pick.version->drops.end(),
                                        is_old)) >= kDropsMany;
  if (choice == Choice::kForced || many_drops) pick.job = picker.level0_job(1);
  if (!pick.job) pick.job = picker.drop_job(lowest);
  if (!pick.job && pick.is_tidy && options.value_order_max_bytes != 0) {
    pick.job = picker.order_job(order_before, kOrderSegmentsMin);
  }
  return pick;
}

OutputPlan Lsm::Rep::plan_output(const MergePick& pick, JobTurn* turn) {
  const CompactionJob& job = *pick.job;
  OutputPlan plan;
  const int base = LevelShape::of(*pick.version, limits()).base;
  if (options.compress && job.target > base) plan.compression = Compression::kLz4;
  plan.grandparents = job.grandparents;
  plan.order = plan_order(pick);
  // Large values that are in tables still came with a transaction's runs, and then there are many,
  // or with few others like them, and then they stay (write_memtable).
  uint64_t entries = 0;
  for (const TableRef& table : job.inputs) entries += table->meta().entries;
  constexpr uint64_t kFewShare = 4;
  plan.separates =
      options.value_inline_max_bytes != 0 && job.input_bytes() / std::max<uint64_t>(entries, 1) >=
                                                 options.value_inline_max_bytes / kFewShare;
  // Ends at the bounds of drops, so that a drop and what it covers part for good.
  for (const RangeDrop& drop : pick.version->drops) {
    plan.cuts.push_back(drop.begin);
    if (!drop.end.empty()) plan.cuts.push_back(drop.end);
  }
  std::sort(plan.cuts.begin(), plan.cuts.end());
  plan.written_bytes = &merged_bytes;
  plan.between = [this, &job, turn]()
                     PGZ_NO_THREAD_SAFETY_ANALYSIS { return between_blocks(job, turn); };
  return plan;
}

// When the store is idle or scans have lately met scattered values; not while writers wait.
bool Lsm::Rep::wants_order(const MergePick& pick) {
  if (level0_files >= options.level0_slowdown_files) return false;
  return pick.is_tidy || values.scattered_scans() != 0;
}

// Scans want what merges left undone, whether or not anything else is due.
void Lsm::Rep::note_scattered_scans() {
  if (!order_owed.exchange(false)) return;
  MutexLock lock(&mutex);
  merge_forced = merge_poked = true;
  merge_work.notify_all();
}

// Not where it would take more than the room that garbage has: what is written anew lies there
// twice until the merge ends.
ValueOrderOptions Lsm::Rep::plan_order(const MergePick& pick) {
  const CompactionJob& job = *pick.job;
  ValueOrderOptions order;
  order.value_bytes_max = options.value_order_max_bytes;
  if (!job.bottom || order.value_bytes_max == 0) return order;
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> uses;  // values and bytes by segment
  for (const std::vector<TableRef>* tables : {&job.inputs, &job.below}) {
    for (const TableRef& table : *tables) {
      for (const auto& [id, use] : table->uses().all()) {
        uses[id].first += use.slots.count();
        uses[id].second += use.bytes;
      }
    }
  }
  uint64_t bytes = 0;
  size_t segments = 0;
  for (const auto& [id, use] : uses) {
    if (use.second / use.first >= order.value_bytes_max) continue;
    bytes += use.second;
    segments++;
  }
  if (segments < kOrderSegmentsMin) return order;
  if (!wants_order(pick)) {
    order_owed = true;
    return order;
  }
  const uint64_t live = live_value_bytes;
  const uint64_t surely_live = live - std::min<uint64_t>(level0_value_bytes, live / 2);
  const auto bound = static_cast<uint64_t>(static_cast<double>(surely_live) * kOrderStop);
  const uint64_t now = value_bytes + unflushed_value_bytes;
  const uint64_t room = std::max(bound - std::min(bound, now), kOrderMemtables * memtable_limit());
  const Result<uint64_t> free = runtime.io->free_space(sst_dir);
  if (!free.is_ok() || free.value() <= merge_wanted) return order;
  // Half of what is free beyond the merge's own needs: others write meanwhile.
  order.moved_bytes_max = std::min({bytes, room, (free.value() - merge_wanted) / 2});
  // Less than sixteen flushes make of what comes in key order (write_memtable).
  constexpr uint64_t kWindowBytesMin = 16 << 10;
  order.window_bytes = std::clamp<uint64_t>(memtable_limit() / 2, kWindowBytesMin, kWriteBytesMax);
  return order;
}

Status Lsm::Rep::merge_level0_first(JobTurn* turn) {
  turn->suspend();
  Status status;
  bool did_something = true;
  while (status.is_ok() && did_something && !stopping &&
         scheduler.goes_before(JobClass::kLevel0, JobClass::kDeeper)) {
    const uint64_t seen = version_count;
    status = merge_round(Choice::kLevel0Only, &did_something);
    if (!did_something) nothing_urgent_in = seen;
  }
  turn->resume();
  return status.is(Code::kNoSpace) ? Status::ok() : status;  // the room this job has is its own
}

Status Lsm::Rep::between_blocks(const CompactionJob& job, JobTurn* turn) {
  if (job.level != 0 && level0_files >= options.level0_merge_trigger &&
      nothing_urgent_in != version_count &&
      scheduler.goes_before(JobClass::kLevel0, JobClass::kDeeper)) {
    PGZ_TRY(merge_level0_first(turn));
  }
  turn->give_way();
  return Status::ok();
}

Status Lsm::Rep::run_merge(MergePick* pick) {
  const CompactionJob& job = *pick->job;
  merge_wanted = room_beside_flush(job.input_bytes());
  PGZ_TRY(check_room(merge_wanted));
  std::vector<std::unique_ptr<Iterator>> children;
  if (job.level == 0) {
    for (const TableRef& table : job.inputs) {
      children.push_back(table->reader().new_iterator(false));
    }
  } else {
    children.push_back(new_level_iterator(&job.inputs, false));
  }
  if (!job.below.empty()) children.push_back(new_level_iterator(&job.below, false));
  const std::unique_ptr<Iterator> it = new_merge_iterator(std::move(children));
  VersionFilter filter(pick->boundaries, pick->version->drops, job.bottom);
  std::vector<TableRef> tables;
  JobTurn turn(&scheduler, job.level == 0 ? JobClass::kLevel0 : JobClass::kDeeper);
  const OutputPlan plan = plan_output(*pick, &turn);
  // The job has its tables. A Version held while it runs would keep every file of values that the
  // collector moves or empties meanwhile.
  pick->version.reset();
  Status status = write_tables(it.get(), &filter, plan, &tables);
  if (status.is_ok()) {
    for (const TableRef& table : job.inputs) {
      pick->edit.removed.emplace_back(job.level, table->meta().number);
    }
    for (const TableRef& table : job.below) {
      pick->edit.removed.emplace_back(job.target, table->meta().number);
    }
    for (const TableRef& table : tables) pick->edit.added.emplace_back(job.target, table->meta());
    MutexLock lock(&manifest_mutex);
    status = commit_edit(std::move(pick->edit), tables, nullptr);
    if (!status.is_ok() && !status.is(Code::kNoSpace)) return status;  // the edit may be durable
  }
  if (!status.is_ok()) {
    for (const TableRef& table : tables) table->set_obsolete();
  }
  return status;
}

void Lsm::Rep::note_level0_drained(uint64_t bytes) {
  const uint64_t now = runtime.clock->now_micros();
  level0_rate.add(bytes, now - std::exchange(level0_since_micros, now));
}

Status Lsm::Rep::merge_round(Choice choice, bool* did_something) {
  MergePick pick;
  {
    // From the pick on nothing may sink into the range that is being merged.
    MutexLock lock(&manifest_mutex);
    pick = pick_merge(choice);
    *did_something = pick.is_edit() || pick.job;
    if (pick.is_edit()) {
      moves += pick.edit.added.size();
      return commit_edit(std::move(pick.edit), {}, nullptr);
    }
    if (!pick.job) return Status::ok();
    running.push_back(&*pick.job);
  }
  const uint64_t begin = runtime.clock->now_micros();
  // Without a backlog the time before the job was idle and says nothing about the rate.
  if (pick.job->level == 0 && level0_files < options.level0_slowdown_files) {
    level0_since_micros = begin;
  }
  const Status merged = run_merge(&pick);
  {
    MutexLock lock(&manifest_mutex);
    running.pop_back();
  }
  if (!merged.is_ok()) return merged;
  merges++;
  // Scans that still meet scattered values say so again.
  if (pick.job->bottom) values.forget_scattered_scans();
  uint64_t level0_bytes = 0;
  for (const TableRef& table : pick.job->inputs) level0_bytes += table->meta().file_bytes;
  if (pick.job->level == 0) note_level0_drained(level0_bytes);
  return merged;
}

void Lsm::Rep::merge_loop() {
  for (;;) {
    Choice choice = Choice::kDue;
    {
      MutexLock lock(&mutex);
      while (!stopping && background.is_ok() && !merge_poked) merge_work.wait(&mutex);
      if (stopping || !background.is_ok()) return;
      merge_poked = false;
      choice = std::exchange(merge_forced, false) ? Choice::kForced : Choice::kDue;
    }
    bool did_something = true;
    uint64_t wanted = 0;
    Status status;
    const uint64_t before = next_file_number;
    while (status.is_ok() && did_something && !stopping) {
      MutexLock one_at_a_time(&merge_mutex);
      order_before = before;
      status = merge_round(choice, &did_something);
      wanted = merge_wanted;
    }
    if (!status.is_ok() && !status.is(Code::kClosed) && !status.is(Code::kNoSpace)) {
      fail(status);
      return;
    }
    // While level 0 has room a merge may wait for space; the reserve is for flushes first.
    if (status.is(Code::kNoSpace) && options.on_no_space &&
        level0_files >= options.level0_stop_files) {
      options.on_no_space(wanted);
    }
    MutexLock lock(&mutex);
    merge_no_space = status.is(Code::kNoSpace);
    if (!merge_no_space) continue;
    progress.notify_all();
    if (!stopping) merge_work.wait_for(&mutex, kRetryMicros);
    merge_poked = true;
  }
}

Status Lsm::merge_now() {
  bool did_something = true;
  Status status;
  const uint64_t before = rep_->next_file_number;
  while (status.is_ok() && did_something) {
    MutexLock one_at_a_time(&rep_->merge_mutex);
    rep_->order_before = before;
    status = rep_->merge_round(Rep::Choice::kForced, &did_something);
  }
  if (!status.is_ok() && !status.is(Code::kNoSpace) && !status.is(Code::kClosed)) {
    rep_->fail(status);
  }
  return status;
}

Status Lsm::merge_step(bool* did_something) {
  MutexLock one_at_a_time(&rep_->merge_mutex);
  return rep_->merge_round(Rep::Choice::kDue, did_something);
}

}  // namespace pgz
