// What flushes and merges share beside write_tables.cc: room on the disk, and making an edit
// durable, then visible.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"

namespace pgz {

Status Lsm::Rep::check_room(uint64_t bytes) {
  PGZ_ASSIGN(const uint64_t free, runtime.io->free_space(sst_dir));
  if (free >= bytes) return Status::ok();
  return Status::make(Code::kNoSpace, sst_dir + ": " + std::to_string(free) + " bytes free, " +
                                          std::to_string(bytes) + " wanted");
}

// Room for a job that writes at most so much and for a flush beside it, which comes first on a disk
// that fills. For a job smaller than a full memtable that is what memory holds now: where writes
// are refused for want of space there will not be more, and the job may be what gives some back.
uint64_t Lsm::Rep::room_beside_flush(uint64_t job_bytes) {
  uint64_t in_memory = 0;
  {
    MutexLock lock(&mutex);
    for (const auto& entry : queue) in_memory += entry->table.memory_bytes();
  }
  return job_bytes + std::min(memtable_limit(), std::max(job_bytes, in_memory));
}

void Lsm::Rep::note_version(const Version& now) {
  level0_files = static_cast<uint32_t>(now.levels[0].size());
  debt_bytes = LevelShape::of(now, limits()).debt_bytes;
  uint64_t live = 0;
  for (const std::vector<TableRef>& level : now.levels) {
    for (const TableRef& table : level) live += table->value_bytes();
  }
  uint64_t all = 0;
  for (const auto& [id, segment] : *now.segments) all += segment->meta().value_bytes;
  uint64_t level0 = 0;
  for (const TableRef& table : now.levels[0]) level0 += table->value_bytes();
  level0_value_bytes = level0;
  live_value_bytes = live;
  value_bytes = all;
  uint64_t unflushed = 0;
  for (const auto& entry : queue) unflushed += entry->placed_bytes;
  unflushed_value_bytes = unflushed;
  version_count++;
  note_debts();
}

Status Lsm::Rep::commit_edit(VersionEdit edit, std::vector<TableRef> opened,
                             const MemTableHandle* entry, std::vector<SegmentRef> segments) {
  for (const TableRef& table : opened) {
    for (const SegmentRef& segment : table->new_segments()) {
      edit.segments_added.push_back(segment->meta());
      segments.push_back(segment);
    }
  }
  edit.next_file_number = next_file_number.load(std::memory_order_relaxed);
  PGZ_TRY(manifest->append(edit));
  for (const TableRef& table : opened) table->new_segments().clear();
  std::vector<TableRef> gone;
  std::vector<SegmentRef> gone_segments;
  {
    MutexLock lock(&mutex);
    version = version->apply(edit, opened, segments, &gone, &gone_segments);
    if (entry != nullptr) {
      const auto at = std::find_if(queue.begin(), queue.end(),
                                   [entry](const auto& e) { return e.get() == entry; });
      PGZ_ASSERT(at != queue.end());
      queue.erase(at);
      flushed_total++;
    }
    note_version(*version);
    merge_poked = true;
    if (edit.flushed_lsn) flushed_lsn = *edit.flushed_lsn;
    install_view();
    progress.notify_all();
    merge_work.notify_all();
    if (!edit.added.empty() || !edit.removed.empty()) {
      collect_poked = true;
      collect_work.notify_all();
    }
  }
  for (const TableRef& table : gone) table->set_obsolete();
  for (const SegmentRef& segment : gone_segments) segment->set_obsolete();
  return Status::ok();
}

}  // namespace pgz
