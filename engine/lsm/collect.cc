// Collecting the value log: segments nothing points into go at once; while garbage takes too much
// room, the best one's live values move to a new file.
//
// What lives is what the tables of the current Version point at. Nothing else can come to point
// into a segment later: a segment enters with the tables written along with it, merges only pass on
// pointers of tables that are in the Version until their own edit, and memtables, runs of
// transactions and the log hold values, not pointers.
#include <map>
#include <utility>
#include <vector>

#include "engine/lsm/lsm_rep.h"

namespace pgz {

namespace {

constexpr uint64_t kRetryMicros = 100'000;  // between attempts on a full disk

std::vector<SegmentLoad> loads_of(const Version& version) {
  std::map<uint64_t, uint64_t> live;
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      for (const auto& [id, use] : table->uses().all()) live[id] += use.bytes;
    }
  }
  std::vector<SegmentLoad> loads;
  for (const auto& [id, segment] : *version.segments) {
    const auto at = live.find(id);
    loads.push_back(
        {id, segment->meta().file, segment->meta().value_bytes, at == live.end() ? 0 : at->second});
  }
  return loads;
}

SlotSet live_slots(const Version& version, uint64_t id) {
  SlotSet live;
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      const auto at = table->uses().all().find(id);
      if (at != table->uses().all().end()) live.unite(at->second.slots);
    }
  }
  return live;
}

}  // namespace

Status Lsm::Rep::collect_round(bool* did_something) {
  MutexLock one_at_a_time(&collect_mutex);
  *did_something = false;
  std::shared_ptr<const Version> now;
  {
    MutexLock lock(&mutex);
    now = version;
  }
  const std::vector<SegmentLoad> loads = loads_of(*now);
  const size_t pick = pick_segment(loads, next_file_number, {});
  if (pick == loads.size()) return Status::ok();
  *did_something = true;
  VersionEdit edit;
  std::vector<SegmentRef> moved;
  if (loads[pick].live_bytes == 0) {
    for (const SegmentLoad& load : loads) {
      if (load.live_bytes == 0) edit.segments_removed.push_back(load.id);
    }
  } else {
    const Segment& from = *now->segments->at(loads[pick].id);
    SegmentMeta meta;
    PGZ_TRY(rewrite_segment(runtime.io, vlog_dir, from, live_slots(*now, loads[pick].id),
                            new_file_number(), &meta));
    PGZ_ASSIGN(SegmentRef segment, Segment::open(runtime.io, vlog_dir, meta));
    collected_bytes += meta.file_bytes;
    edit.segments_added.push_back(meta);
    moved.push_back(std::move(segment));
  }
  MutexLock lock(&manifest_mutex);
  const Status status = commit_edit(std::move(edit), {}, nullptr, moved);
  // Nothing happened: the next attempt writes another file. After other errors the edit may stand.
  if (status.is(Code::kNoSpace)) {
    for (const SegmentRef& segment : moved) segment->set_obsolete();
  }
  return status;
}

void Lsm::Rep::collect_loop() {
  for (;;) {
    {
      MutexLock lock(&mutex);
      while (!stopping && background.is_ok() && !collect_poked) collect_work.wait(&mutex);
      if (stopping || !background.is_ok()) return;
      collect_poked = false;
    }
    bool did_something = true;
    Status status;
    while (status.is_ok() && did_something && !stopping) status = collect_round(&did_something);
    if (status.is_ok()) continue;
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
  while (status.is_ok() && did_something) status = rep.collect_round(&did_something);
  if (!status.is_ok() && !status.is(Code::kNoSpace)) rep.fail(status);
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
