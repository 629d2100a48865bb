// Flushing: the oldest entry of the queue becomes tables once the log is durable behind it.
#include <algorithm>
#include <utility>

#include "engine/base/planted.h"
#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/version_filter.h"

namespace pgz {

namespace {

constexpr uint64_t kRetryMicros = 100'000;  // between attempts on a full disk

}  // namespace

// The oldest entry, if nobody writes to it any more.
std::shared_ptr<MemTableHandle> Lsm::Rep::next_to_flush() {
  if (queue.size() < 2) return nullptr;
  const std::shared_ptr<MemTableHandle>& oldest = queue.back();
  return oldest->writers.load(std::memory_order_acquire) == MemTableHandle::kSealed ? oldest
                                                                                    : nullptr;
}

bool Lsm::Rep::flush_can_proceed() { return next_to_flush() != nullptr; }

Status Lsm::Rep::write_memtable(const MemTableHandle& entry, std::vector<TableRef>* tables) {
  VersionFilter filter(options.boundaries(), entry.table.drops(), false);
  const std::unique_ptr<Iterator> it = entry.table.new_iterator();
  OutputPlan plan;
  plan.written_bytes = &flushed_bytes;
  // A segment for a few values costs more than it saves: those stay in the table.
  constexpr uint64_t kLargeBytesMin = 1 << 20;
  plan.separates = entry.large_bytes >= std::min(kLargeBytesMin, memtable_limit() / 16);
  return write_tables(it.get(), &filter, plan, tables);
}

// Runs sink as deep as nothing overlapping lies above or there, nor is being merged.
int Lsm::Rep::level_for_run(const Version& now, const MemTableHandle& entry, const Table& run) {
  const FileMeta& meta = run.meta();
  bool sinks = now.overlapping(0, meta.smallest, meta.largest).empty();
  for (const TableRef& other : entry.runs) {
    sinks = sinks &&
            (other.get() == &run || !run.overlaps(other->meta().smallest, other->meta().largest));
  }
  if (!sinks) return 0;
  const CompactionLimits compaction_limits = limits();
  return CompactionPicker(now, compaction_limits, running)
      .sink_level(meta.smallest, meta.largest, 0);
}

// One edit for the whole entry: its runs, what its memtable became (newer, so added last), drops
// and counters.
Status Lsm::Rep::commit_flush(const MemTableHandle& entry, const std::vector<TableRef>& tables,
                              const std::vector<SegmentRef>& segments) {
  MutexLock lock(&manifest_mutex);
  std::shared_ptr<const Version> now;
  {
    MutexLock state_lock(&mutex);
    now = version;
  }
  VersionEdit edit;
  uint64_t last_ts = std::max(manifest->state().last_ts, entry.table.max_ts());
  for (const TableRef& run : entry.runs) {
    edit.added.emplace_back(level_for_run(*now, entry, *run), run->meta());
    last_ts = std::max(last_ts, run->meta().max_ts);
  }
  for (const TableRef& table : tables) edit.added.emplace_back(0, table->meta());
  edit.drops_added = entry.table.drops();
  for (const RangeDrop& drop : edit.drops_added) last_ts = std::max(last_ts, drop.ts);
  for (const auto& [name, next] : entry.counters) {
    if (next) {
      edit.counters.emplace_back(name, *next);
    } else {
      edit.counters_erased.push_back(name);
    }
  }
  edit.flushed_lsn = entry.lsn_end;
  edit.last_ts = last_ts;
  if (options.log_durable) edit.log_end = options.log_durable();
  std::vector<TableRef> opened = entry.runs;
  opened.insert(opened.end(), tables.begin(), tables.end());
  for (const SegmentRef& segment : segments) edit.segments_added.push_back(segment->meta());
  return commit_edit(std::move(edit), std::move(opened), &entry, segments);
}

// An earlier memtable's flush may have added one already.
Status Lsm::Rep::finish_segments(const MemTableHandle& entry, std::vector<SegmentRef>* finished) {
  std::shared_ptr<const Version> now;
  {
    MutexLock lock(&mutex);
    now = version;
  }
  for (const auto& [id, open] : entry.segments()) {
    if (open == nullptr || now->segments->contains(id)) continue;
    placer.close(open);
    SegmentMeta meta;
    PGZ_TRY(open->finish(&meta));
    finished->push_back(open->segment());
  }
  return Status::ok();
}

// Not to write most of a table every time it is tried on a full disk. But it may take less than it
// does in memory, so every now and then it is tried without asking.
Status Lsm::Rep::check_flush_room(const MemTableHandle& entry) {
  constexpr uint32_t kTryEvery = 16;
  const uint32_t refusals = flush_refusals.load(std::memory_order_relaxed);
  if (refusals % kTryEvery == kTryEvery - 1) return Status::ok();
  return check_room(entry.table.memory_bytes());
}

void Lsm::Rep::note_flush_refused(const MemTableHandle& entry) {
  const bool again = flush_refusals.fetch_add(1, std::memory_order_relaxed) > 0;
  if (options.on_no_space) options.on_no_space(again ? 0 : entry.table.memory_bytes());
}

Status Lsm::Rep::flush_entry(const std::shared_ptr<MemTableHandle>& entry) {
  if (!PGZ_PLANTED(kFlushAheadOfLog)) PGZ_TRY(options.wait_durable(entry->lsn_end));
  if (PGZ_PLANTED(kRecycleSlotEarly)) options.on_flushed(entry->lsn_end);
  PGZ_TRY(check_flush_room(*entry));
  const JobTurn turn(&scheduler, JobClass::kFlush);
  std::vector<TableRef> tables;
  std::vector<SegmentRef> segments;
  const uint64_t begin = runtime.clock->now_micros();
  Status status = finish_segments(*entry, &segments);
  if (status.is_ok()) status = write_memtable(*entry, &tables);
  if (status.is_ok()) {
    status = commit_flush(*entry, tables, segments);
    if (!status.is_ok() && !status.is(Code::kNoSpace)) return status;  // the edit may be durable
  }
  if (!status.is_ok()) {
    for (const TableRef& table : tables) table->set_obsolete();
    return status;
  }
  for (const auto& [id, open] : entry->segments()) {
    if (open != nullptr) placer.forget(open);
  }
  flush_rate.add(entry->table.memory_bytes() + entry->placed_bytes,
                 runtime.clock->now_micros() - begin);
  flushes++;
  if (options.on_flushed) options.on_flushed(entry->lsn_end);
  return Status::ok();
}

// Flushes everything that can be. kNoSpace is passed on and remembered; other failures are final.
Status Lsm::Rep::flush_all() {
  MutexLock one_at_a_time(&flush_mutex);
  for (;;) {
    std::shared_ptr<MemTableHandle> entry;
    {
      MutexLock lock(&mutex);
      PGZ_TRY(background);
      entry = next_to_flush();
    }
    if (entry == nullptr) return Status::ok();
    const Status flushed = flush_entry(entry);
    {
      MutexLock lock(&mutex);
      no_space = flushed.is(Code::kNoSpace);
      progress.notify_all();
    }
    if (flushed.is_ok()) {
      flush_refusals = 0;
      continue;
    }
    if (flushed.is(Code::kNoSpace)) note_flush_refused(*entry);
    if (!flushed.is(Code::kNoSpace) && !flushed.is(Code::kClosed)) fail(flushed);
    return flushed;
  }
}

void Lsm::Rep::flush_loop() {
  for (;;) {
    {
      MutexLock lock(&mutex);
      while (!stopping && background.is_ok() && !flush_can_proceed()) flush_work.wait(&mutex);
      if (stopping || !background.is_ok()) return;
    }
    if (flush_all().is(Code::kNoSpace)) {
      MutexLock lock(&mutex);
      if (!stopping) flush_work.wait_for(&mutex, kRetryMicros);
    }
  }
}

Status Lsm::flush_now() {
  Rep& rep = *rep_;
  uint64_t wanted = 0;
  {
    MutexLock lock(&rep.mutex);
    wanted = rep.sealed_total;
  }
  for (;;) {
    PGZ_TRY(rep.flush_all());
    MutexLock lock(&rep.mutex);
    if (rep.flushed_total >= wanted) return Status::ok();
    PGZ_TRY(rep.background);
    if (rep.stopping) return Status::make(Code::kClosed, "the store is being shut down");
    // A sealed memtable has writers left.
    if (!rep.flush_can_proceed()) rep.progress.wait_for(&rep.mutex, kRetryMicros);
  }
}

}  // namespace pgz
