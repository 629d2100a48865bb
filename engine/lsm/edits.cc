// What flushes and merges share: writing tables, and making an edit durable, then visible.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/table_output.h"
#include "engine/lsm/version_filter.h"

namespace pgz {

namespace {

// Where one output table ends and the next begins, asked at each new user key.
class Cutter {
 public:
  Cutter(const OutputPlan& plan, uint64_t table_bytes)
      : plan_(plan), table_bytes_(table_bytes), overlap_bytes_max_(10 * table_bytes) {}

  // Whether the table of `bytes` so far (0: none) should end before `user_key`.
  bool cuts_before(Slice user_key, uint64_t bytes) {
    bool at_drop = false;
    while (cut_ < plan_.cuts.size() && Slice(plan_.cuts[cut_]) <= user_key) {
      at_drop = true;
      cut_++;
    }
    bool at_boundary = false;
    while (grandparent_ < plan_.grandparents.size() &&
           Slice(plan_.grandparents[grandparent_]->meta().largest) < user_key) {
      overlap_bytes_ += plan_.grandparents[grandparent_]->meta().file_bytes;
      at_boundary = true;
      grandparent_++;
    }
    if (bytes == 0) {
      overlap_bytes_ = 0;
      return false;
    }
    const bool ends = at_drop || bytes >= table_bytes_ || overlap_bytes_ > overlap_bytes_max_ ||
                      (at_boundary && bytes >= table_bytes_ / 2);
    if (ends) overlap_bytes_ = 0;
    return ends;
  }

 private:
  const OutputPlan& plan_;
  const uint64_t table_bytes_;
  const uint64_t overlap_bytes_max_;
  size_t cut_ = 0;
  size_t grandparent_ = 0;
  uint64_t overlap_bytes_ = 0;
};

}  // namespace

// Tables end between user keys only, so that a table of level 0 holds all the versions of a key
// that its input had, and those of a deeper level are disjoint.
Status Lsm::Rep::write_tables(Iterator* it, VersionFilter* filter, const OutputPlan& plan,
                              std::vector<TableRef>* tables) {
  TableOptions table_options;
  table_options.block_bytes = options.block_bytes;
  table_options.compression = plan.compression;
  Cutter cutter(plan, options.table_file_bytes);
  std::unique_ptr<TableOutput> output;
  const auto finish = [&]() -> Status {
    if (output == nullptr) return Status::ok();
    FileMeta meta;
    PGZ_TRY(output->finish(&meta));
    std::vector<SegmentRef> segments = output->take_segments();
    output.reset();
    for (const SegmentRef& segment : segments) {
      *plan.written_bytes += segment->meta().file_bytes;
    }
    *plan.written_bytes += meta.file_bytes;
    Result<TableRef> table = open_table(meta);
    if (!table.is_ok()) {
      for (const SegmentRef& segment : segments) segment->set_obsolete();
      return table.take_status();
    }
    table.value()->new_segments() = std::move(segments);
    tables->push_back(table.take());
    return Status::ok();
  };
  std::string last_key;
  uint64_t since_pause = 0;
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (stopping) return Status::make(Code::kClosed, "the store is being shut down");
    const Slice key = it->key();
    since_pause += key.size() + it->value().size();
    if (since_pause >= kBetweenBytes && plan.between) {
      since_pause = 0;
      PGZ_TRY(plan.between());
    }
    if (!filter->keep(key)) continue;
    if (output == nullptr || user_key_of(key) != Slice(last_key)) {
      const uint64_t bytes = output == nullptr ? 0 : output->estimated_bytes();
      if (cutter.cuts_before(user_key_of(key), bytes)) PGZ_TRY(finish());
    }
    if (output == nullptr) {
      output =
          std::make_unique<TableOutput>(runtime.io, sst_dir, new_file_number(), table_options,
                                        plan.separates ? value_options() : ValueOutputOptions{});
      PGZ_TRY(output->open());
    }
    PGZ_TRY(output->add(key, it->value()));
    last_key.assign(user_key_of(key));
  }
  PGZ_TRY(it->status());
  return finish();
}

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

ValueOutputOptions Lsm::Rep::value_options() {
  return {vlog_dir,
          options.value_inline_max_bytes,
          options.value_segment_bytes,
          [this] { return new_file_number(); },
          &files,
          options.compress};
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
