// Collecting the value log: segments nothing points into go at once; while garbage takes too much
// room, the best one's live values move to a new file. Garbage shows when merges drop the entries
// that point at it; when the store has been idle for a while level 0 is merged to that end.
//
// What lives is what the tables of the current Version point at; segments that a memtable points
// into, and with it a record that the log still keeps, are left alone. Nothing else can come to
// point into a segment later: a segment enters with the tables written along with it, or when no
// commit holds it any more and its memtables say that they point there; merges only pass on
// pointers of tables that are in the Version until their own edit; runs of transactions hold
// values.
#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/planted.h"
#include "engine/lsm/lsm_rep.h"

namespace pgz {

namespace {

constexpr uint64_t kRetryMicros = 100'000;   // between attempts on a full disk
constexpr uint64_t kIdleMicros = 1'000'000;  // without a write: time to tidy up
// What the collector moves falls steeply with the room that garbage may take (decision 0019). Idle,
// the last tenth is not worth it.
constexpr CollectLimits kBusyLimits{.space_percent_max = kCollectPercent, .garbage_share_min = 0.2};
constexpr CollectLimits kIdleLimits{.space_percent_max = 110, .garbage_share_min = 0.06};

std::vector<SegmentLoad> loads_of(const Version& version, const std::set<uint64_t>& held) {
  std::map<uint64_t, uint64_t> live;
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      for (const auto& [id, use] : table->uses().all()) live[id] += use.bytes;
    }
  }
  std::vector<SegmentLoad> loads;
  for (const auto& [id, segment] : *version.segments) {
    const auto at = live.find(id);
    // What a table names lives, whatever the table says of its bytes.
    const uint64_t live_bytes = at == live.end() ? 0 : std::max<uint64_t>(at->second, 1);
    loads.push_back(
        {id, segment->meta().file, segment->meta().value_bytes, live_bytes, held.contains(id)});
  }
  return loads;
}

SlotSet live_slots(const Version& version, uint64_t id) {
  SlotSet live;
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      if (PGZ_PLANTED(kDropLiveValue) && !live.empty()) break;
      const auto at = table->uses().all().find(id);
      if (at != table->uses().all().end()) live.unite(at->second.slots);
    }
  }
  return live;
}

}  // namespace

Status Lsm::Rep::move_values(const Version& now, uint64_t id, std::vector<SegmentRef>* moved) {
  const SlotSet live = live_slots(now, id);
  const Segment& from = *now.segments->at(id);
  PGZ_TRY(check_room(room_beside_flush(from.meta().file_bytes)));
  SegmentMeta meta;
  JobTurn turn(&scheduler, JobClass::kCollection);
  const auto between = [this, &turn] {
    turn.give_way();
    return stopping ? Status::make(Code::kClosed, "the store is being shut down") : Status::ok();
  };
  PGZ_TRY(rewrite_segment(runtime.io, vlog_dir, from, live, new_file_number(), &meta, between));
  PGZ_ASSIGN(SegmentRef segment, Segment::open(runtime.io, vlog_dir, meta, &files));
  collected_bytes += meta.file_bytes;
  moved->push_back(std::move(segment));
  return Status::ok();
}

Status Lsm::Rep::collect_round(CollectLimits collect_limits, bool* did_something) {
  MutexLock one_at_a_time(&collect_mutex);
  *did_something = false;
  std::shared_ptr<const Version> now;
  std::set<uint64_t> held;
  {
    MutexLock lock(&mutex);
    now = version;
    for (const auto& entry : queue) {
      if (PGZ_PLANTED(kCollectHeld)) break;
      for (const auto& [id, open] : entry->segments()) held.insert(id);
    }
  }
  const uint64_t begin = runtime.clock->now_micros();
  collect_limits.hidden_bytes = level0_value_bytes;
  collect_limits.other_bytes = unflushed_value_bytes;
  const std::vector<SegmentLoad> loads = loads_of(*now, held);
  const size_t pick = pick_segment(loads, next_file_number, collect_limits);
  if (pick == loads.size()) return Status::ok();
  *did_something = true;
  VersionEdit edit;
  std::vector<SegmentRef> moved;
  const bool is_dead = loads[pick].live_bytes == 0;
  if (is_dead) {
    for (const SegmentLoad& load : loads) {
      if (load.live_bytes == 0 && !load.is_held) edit.segments_removed.push_back(load.id);
    }
  } else {
    PGZ_TRY(move_values(*now, loads[pick].id, &moved));
    // Else it would be the best one again in the next round, and in each after that.
    if (moved[0]->meta().value_bytes > loads[pick].live_bytes) {
      moved[0]->set_obsolete();
      return Status::make(Code::kCorruption, now->segments->at(loads[pick].id)->path() +
                                                 " at 0: tables say that " +
                                                 std::to_string(loads[pick].live_bytes) +
                                                 " bytes of it live, and point at " +
                                                 std::to_string(moved[0]->meta().value_bytes));
    }
    edit.segments_added.push_back(moved[0]->meta());
  }
  if (PGZ_PLANTED(kRemoveSegmentEarly)) {
    (void)runtime.io->remove(now->segments->at(loads[pick].id)->path()).is_ok();
  }
  MutexLock lock(&manifest_mutex);
  const Status status = commit_edit(std::move(edit), {}, nullptr, moved);
  // Nothing happened: the next attempt writes another file. After other errors the edit may stand.
  if (status.is(Code::kNoSpace)) {
    for (const SegmentRef& segment : moved) segment->set_obsolete();
  }
  if (status.is_ok() && !is_dead) {
    collect_rate.add(loads[pick].value_bytes - loads[pick].live_bytes,
                     runtime.clock->now_micros() - begin);
  }
  return status;
}

bool Lsm::Rep::wait_to_collect(bool* is_idle) {
  MutexLock lock(&mutex);
  *is_idle = false;
  const auto writes = [this]() PGZ_REQUIRES(mutex) {
    return std::pair(sealed_total, queue.front()->table.entries());
  };
  auto seen = writes();
  while (!stopping && background.is_ok() && !collect_poked && !*is_idle) {
    if (collect_settled) {
      collect_work.wait(&mutex);
    } else {
      const bool timed_out = !collect_work.wait_for(&mutex, kIdleMicros);
      *is_idle = timed_out && !collect_poked && seen == writes();
      seen = writes();
    }
  }
  collect_poked = false;
  collect_settled = *is_idle;
  if (stopping || !background.is_ok()) return false;
  const bool wants_order = *is_idle && order_owed.exchange(false);
  if (*is_idle && (wants_order || level0_value_bytes > live_value_bytes / 64)) {
    merge_forced = merge_poked = true;
    merge_work.notify_all();
  }
  return true;
}

void Lsm::Rep::collect_loop() {
  bool is_idle = false;
  while (wait_to_collect(&is_idle)) {
    bool did_something = true;
    Status status;
    while (status.is_ok() && did_something && !stopping) {
      status = collect_round(is_idle ? kIdleLimits : kBusyLimits, &did_something);
    }
    if (status.is_ok() || status.is(Code::kClosed)) continue;
    if (!status.is(Code::kNoSpace)) {
      fail(status);
      return;
    }
    MutexLock lock(&mutex);
    collect_poked = true;
    if (!stopping) collect_work.wait_for(&mutex, kRetryMicros);
  }
}

Status Lsm::collect_now() {
  Rep& rep = *rep_;
  bool did_something = true;
  Status status;
  while (status.is_ok() && did_something) status = rep.collect_round(kIdleLimits, &did_something);
  if (!status.is_ok() && !status.is(Code::kNoSpace) && !status.is(Code::kClosed)) {
    rep.fail(status);
  }
  return status;
}

Status Lsm::Rep::check_segments(const Version& first) {
  for (const std::vector<TableRef>& level : first.levels) {
    for (const TableRef& table : level) {
      for (const auto& [id, use] : table->uses().all()) {
        const auto at = first.segments->find(id);
        if (at != first.segments->end() && use.slots.limit() <= at->second->meta().slots) continue;
        return Status::make(Code::kCorruption, table_path(sst_dir, table->meta().number) +
                                                   " at 0: the table points into segment " +
                                                   std::to_string(id) +
                                                   ", which the manifest does not have");
      }
    }
  }
  return Status::ok();
}

}  // namespace pgz
