// Sorted runs of transactions: written and read before their commit, with timestamp 0.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/coding.h"
#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/table_output.h"

namespace pgz {

namespace {

TableOptions run_options(const LsmOptions& options) {
  TableOptions table;
  table.block_bytes = options.block_bytes;
  table.global_ts = true;
  return table;
}

FileMeta meta_of(const RunFile& run) {
  FileMeta meta;
  meta.number = run.number;
  meta.file_bytes = run.file_bytes;
  meta.entries = run.entries;
  meta.tombstones = run.tombstones;
  // A reader wants a commit timestamp and the run has none yet: any will do for its own writer.
  meta.global_ts = meta.min_ts = meta.max_ts = 1;
  meta.smallest = run.smallest;
  meta.largest = run.largest;
  return meta;
}

class TableRunWriter final : public RunWriter {
 public:
  TableRunWriter(Io* io, const std::string& sst_dir, uint64_t number, const TableOptions& options)
      : output_(io, sst_dir, number, options) {}

  Status open() { return output_.open(); }
  Status add(Slice user_key, Kind kind, Slice value) override {
    key_.clear();
    append_internal_key(&key_, user_key, make_trailer(0, static_cast<uint8_t>(kind)));
    return output_.add(key_, value);
  }
  uint64_t estimated_bytes() const override { return output_.estimated_bytes(); }
  Result<RunFile> finish() override {
    if (output_.entries() == 0) return Status::make(Code::kInvalidArgument, "an empty run");
    FileMeta meta;
    PGZ_TRY(output_.finish(&meta));
    RunFile run;
    run.number = meta.number;
    run.file_bytes = meta.file_bytes;
    run.entries = meta.entries;
    run.tombstones = meta.tombstones;
    run.smallest = std::move(meta.smallest);
    run.largest = std::move(meta.largest);
    return run;
  }

 private:
  TableOutput output_;
  std::string key_;
};

class TableRunReader final : public RunReader {
 public:
  explicit TableRunReader(TableRef table) : table_(std::move(table)) {}

  Status get(Slice user_key, std::string* value, Kind* kind) const override {
    std::string seek;
    append_internal_key(&seek, user_key, make_trailer(kMaxTimestamp, 0xff));
    TableGetResult result;
    PGZ_TRY(table_->reader().get(seek, value, &result));
    if (!result.found) return Status::make(Code::kNotFound, std::string());
    *kind = result.kind;
    return Status::ok();
  }
  std::unique_ptr<Iterator> new_iterator() const override {
    return table_->reader().new_iterator();
  }

 private:
  TableRef table_;
};

}  // namespace

void RunFile::encode(std::string* to) const {
  put_varint64(to, number);
  put_varint64(to, file_bytes);
  put_varint64(to, entries);
  put_varint64(to, tombstones);
  put_length_prefixed(to, smallest);
  put_length_prefixed(to, largest);
}

bool RunFile::decode(Slice* from, RunFile* run) {
  Slice smallest;
  Slice largest;
  if (!get_varint64(from, &run->number) || !get_varint64(from, &run->file_bytes) ||
      !get_varint64(from, &run->entries) || !get_varint64(from, &run->tombstones) ||
      !get_length_prefixed(from, &smallest) || !get_length_prefixed(from, &largest)) {
    return false;
  }
  if (run->number == 0 || run->number >= kFileNumberEnd) return false;
  run->smallest.assign(smallest);
  run->largest.assign(largest);
  return true;
}

Result<std::unique_ptr<RunWriter>> Lsm::new_run() {
  Rep& rep = *rep_;
  auto writer = std::make_unique<TableRunWriter>(rep.runtime.io, rep.sst_dir, rep.new_file_number(),
                                                 run_options(rep.options));
  PGZ_TRY(writer->open());
  return std::unique_ptr<RunWriter>(std::move(writer));
}

// A table, or a run that will be one.
bool Lsm::Rep::has_table(uint64_t number) const {
  const auto is_it = [number](const TableRef& table) { return table->meta().number == number; };
  const auto has = [&is_it](const std::vector<TableRef>& tables) {
    return std::any_of(tables.begin(), tables.end(), is_it);
  };
  return std::any_of(std::begin(version->levels), std::end(version->levels), has) ||
         std::any_of(queue.begin(), queue.end(), [&has](const auto& e) { return has(e->runs); });
}

Result<MemTableRef> Lsm::ingest(std::vector<RunFile> runs, uint64_t ts, uint64_t lsn_end) {
  Rep& rep = *rep_;
  auto entry = std::make_shared<MemTableHandle>();
  for (const RunFile& run : runs) {
    FileMeta meta;
    meta.number = run.number;
    meta.file_bytes = run.file_bytes;
    meta.entries = run.entries;
    meta.tombstones = run.tombstones;
    meta.min_ts = meta.max_ts = meta.global_ts = ts;
    meta.smallest = run.smallest;
    meta.largest = run.largest;
    PGZ_ASSIGN(TableRef table, rep.open_table(meta));
    entry->runs.push_back(std::move(table));
  }
  entry->lsn_end = lsn_end;
  MutexLock lock(&rep.mutex);
  std::set<uint64_t> numbers;
  for (const TableRef& run : entry->runs) {
    const uint64_t number = run->meta().number;
    if (numbers.insert(number).second && !rep.has_table(number)) continue;
    return Status::make(Code::kCorruption, table_path(rep.sst_dir, number) +
                                               " at 0: two commits, or a commit and the manifest,"
                                               " name this table");
  }
  rep.rotate_locked();
  // The entry becomes the active one, so that what else the commit writes is flushed in one edit
  // with its runs: flushed_lsn must not pass a record of which a part is not in tables.
  MemTableRef ref;
  ref.lsm_ = this;
  ref.handle_ = entry.get();
  entry->writers = 1;
  rep.queue.front() = std::move(entry);
  rep.install_view();
  return ref;
}

Result<std::unique_ptr<RunReader>> Lsm::open_run(const RunFile& run) const {
  PGZ_ASSIGN(TableRef table, rep_->open_table(meta_of(run)));
  return std::unique_ptr<RunReader>(std::make_unique<TableRunReader>(std::move(table)));
}

void Lsm::discard_run(const RunFile& run) {
  // What cannot be removed now is an orphan at the next start.
  (void)rep_->runtime.io->remove(table_path(rep_->sst_dir, run.number)).is_ok();
}

}  // namespace pgz
