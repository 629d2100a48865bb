// Opening and closing, and the write side: reservations, rotation, ingestion, counters, admission.
#include "engine/lsm/lsm.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "engine/base/planted.h"
#include "engine/base/slices.h"
#include "engine/lsm/lsm_rep.h"

namespace pgz {

namespace {

constexpr uint32_t kSealed = MemTableHandle::kSealed;

// The number in "<number>.sst"; 0 for other names.
uint64_t table_number(const std::string& name) {
  const size_t dot = name.rfind(".sst");
  uint64_t number = 0;
  if (dot == std::string::npos || dot + 4 != name.size()) return 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dot, number);
  return error == std::errc() && end == name.data() + dot ? number : 0;
}

Status check_options(const LsmOptions& options) {
  if (!options.wait_durable || !options.boundaries) {
    return Status::make(Code::kInvalidArgument, "lsm options lack a callback");
  }
  return Status::ok();
}

}  // namespace

Lsm::Rep::Rep(const Runtime& r, const std::string& dir_of_database, const LsmOptions& o)
    : runtime(r),
      dir(dir_of_database),
      sst_dir(path_join(dir, "sst")),
      vlog_dir(path_join(dir, "vlog")),
      manifest_dir(path_join(dir, "manifest")),
      options(o),
      cache(o.memory_budget_bytes),
      files(r.io, o.open_files_max),
      values(r.io, &cache, [this] { note_scattered_scans(); }),
      placer(r.io, {vlog_dir, o.value_segment_bytes, [this] { return new_file_number(); }, &files}),
      scheduler(r.clock) {}

Lsm::Lsm(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}

Lsm::~Lsm() { shutdown(); }

Result<std::unique_ptr<Lsm>> Lsm::create(const Runtime& runtime, const std::string& dir,
                                         const LsmOptions& options) {
  PGZ_TRY(check_options(options));
  auto rep = std::make_unique<Rep>(runtime, dir, options);
  PGZ_TRY(runtime.io->mkdir(rep->sst_dir));
  PGZ_ASSIGN(const std::vector<std::string> leftovers, runtime.io->list(rep->sst_dir));
  for (const std::string& name : leftovers) {
    PGZ_TRY(runtime.io->remove(path_join(rep->sst_dir, name)));
  }
  PGZ_TRY(runtime.io->sync_dir(rep->sst_dir));
  PGZ_TRY(runtime.io->mkdir(rep->vlog_dir));
  {
    MutexLock lock(&rep->manifest_mutex);
    PGZ_ASSIGN(rep->manifest, Manifest::create(runtime, rep->manifest_dir, {.uuid = options.uuid}));
  }
  PGZ_TRY(runtime.io->sync_dir(dir));
  PGZ_TRY(rep->open_tables());
  return std::unique_ptr<Lsm>(new Lsm(std::move(rep)));
}

Result<std::unique_ptr<Lsm>> Lsm::open(const Runtime& runtime, const std::string& dir,
                                       const LsmOptions& options, LsmRecovered* recovered,
                                       const std::function<void()>& meanwhile) {
  PGZ_TRY(check_options(options));
  auto rep = std::make_unique<Rep>(runtime, dir, options);
  {
    MutexLock lock(&rep->manifest_mutex);
    PGZ_ASSIGN(rep->manifest, Manifest::open(runtime, rep->manifest_dir,
                                             {.uuid = options.uuid, .reads_end_later = true}));
    recovered->flushed_lsn = rep->manifest->state().flushed_lsn;
    recovered->last_ts = rep->manifest->state().last_ts;
    recovered->log_end = rep->manifest->state().log_end;
  }
  if (meanwhile) meanwhile();
  Status opened = rep->open_tables();
  {
    // Where the manifest is damaged, tables that are gone only follow from it.
    MutexLock lock(&rep->manifest_mutex);
    PGZ_TRY(rep->manifest->finish_reading());
  }
  PGZ_TRY(std::move(opened));
  return std::unique_ptr<Lsm>(new Lsm(std::move(rep)));
}

Result<TableRef> Lsm::Rep::open_table(const FileMeta& meta) {
  return Table::open(runtime.io, sst_dir, meta, &files, &cache);
}

// Makes the first version and view of what the manifest says.
Status Lsm::Rep::open_tables() {
  MutexLock manifest_lock(&manifest_mutex);
  const ManifestState& state = manifest->state();
  if (const Status status = state.check(); !status.is_ok()) {
    return Status::make(status.code(), manifest_dir + ": " + status.message());
  }
  auto first = std::make_shared<Version>();
  for (int level = 0; level < kLevels; level++) {
    for (const FileMeta& meta : state.levels[level]) {
      PGZ_ASSIGN(TableRef table, open_table(meta));
      first->levels[level].push_back(std::move(table));
    }
  }
  first->drops = state.drops;
  auto segments = std::make_shared<SegmentMap>();
  for (const auto& [id, meta] : state.segments) {
    PGZ_ASSIGN((*segments)[id], Segment::open(runtime.io, vlog_dir, meta, &files));
  }
  first->segments = std::move(segments);
  PGZ_TRY(check_segments(*first));
  // Runs that only the log names, and orphans, keep their numbers to themselves.
  uint64_t next = state.next_file_number;
  const auto keep_off = [&next](uint64_t number) {
    if (number < kFileNumberEnd) next = std::max(next, number + 1);
  };
  PGZ_ASSIGN(const std::vector<std::string> names, runtime.io->list(sst_dir));
  for (const std::string& name : names) keep_off(table_number(name));
  PGZ_ASSIGN(const bool has_vlog, runtime.io->exists(vlog_dir));
  std::vector<std::string> segment_names;
  if (has_vlog) {
    PGZ_ASSIGN(segment_names, runtime.io->list(vlog_dir));
  }
  for (const std::string& name : segment_names) keep_off(segment_file_number(name));
  if (next >= kFileNumberEnd / 2) {
    return Status::make(Code::kCorruption, manifest_dir + " or a file's name in " + sst_dir +
                                               " or " + vlog_dir + ": the next file number is " +
                                               std::to_string(next));
  }
  next_file_number = next;
  flushed_lsn = state.flushed_lsn;

  MutexLock lock(&mutex);
  note_version(*first);
  counters.insert(state.counters.begin(), state.counters.end());
  version = std::move(first);
  queue.push_front(std::make_shared<MemTableHandle>());
  queue.front()->lsn_end = state.flushed_lsn;
  auto view = std::make_unique<View>();
  view->queue.assign(queue.begin(), queue.end());
  view->version = version;
  views = std::make_unique<ViewCell>(std::move(view));
  fit_cache();
  return Status::ok();
}

Status Lsm::Rep::remove_orphans() {
  std::set<uint64_t> live;
  std::set<uint64_t> live_segments;
  {
    MutexLock lock(&mutex);
    for (const auto& [id, segment] : *version->segments) {
      live_segments.insert(segment->meta().file);
    }
    for (const std::vector<TableRef>& level : version->levels) {
      for (const TableRef& table : level) live.insert(table->meta().number);
    }
    for (const auto& entry : queue) {
      for (const TableRef& run : entry->runs) live.insert(run->meta().number);
      for (const auto& [id, open] : entry->segments()) {
        if (open != nullptr) live_segments.insert(id);
      }
    }
  }
  PGZ_ASSIGN(const std::vector<std::string> names, runtime.io->list(sst_dir));
  bool removed = false;
  for (const std::string& name : names) {
    const uint64_t number = table_number(name);
    if (number == 0 || live.contains(number)) continue;  // foreign files are not ours to delete
    PGZ_TRY(runtime.io->remove(path_join(sst_dir, name)));
    removed = true;
  }
  if (removed) PGZ_TRY(runtime.io->sync_dir(sst_dir));
  PGZ_ASSIGN(const std::vector<std::string> segment_names, runtime.io->list(vlog_dir));
  for (const std::string& name : segment_names) {
    const uint64_t number = segment_file_number(name);
    if (number == 0 || live_segments.contains(number)) continue;
    PGZ_TRY(runtime.io->remove(path_join(vlog_dir, name)));
  }
  return Status::ok();
}

Status Lsm::settle() {
  Rep& rep = *rep_;
  PGZ_ASSIGN(const bool has_vlog, rep.runtime.io->exists(rep.vlog_dir));
  if (!has_vlog) {  // made by a version without a value log
    PGZ_TRY(rep.runtime.io->mkdir(rep.vlog_dir));
    PGZ_TRY(rep.runtime.io->sync_dir(rep.dir));
  }
  MutexLock lock(&rep.manifest_mutex);
  return rep.manifest->settle();
}

Status Lsm::note_log_end(uint64_t lsn) {
  MutexLock lock(&rep_->manifest_mutex);
  VersionEdit edit;
  edit.log_end = lsn;
  return rep_->manifest->append(edit);
}

Status Lsm::start() {
  Rep& rep = *rep_;
  PGZ_TRY(settle());
  PGZ_TRY(rep.remove_orphans());
  if (!rep.options.background) return Status::ok();
  poke();  // debt of the last life
  // Those who read and commit come first where processors are busy (docs/decisions/0023).
  const auto spawn = [&rep](const char* name, void (Rep::*loop)()) {
    return rep.runtime.executor->spawn(name, [&rep, loop] {
      if (rep.runtime.executor == thread_executor()) work_in_background();
      (rep.*loop)();
    });
  };
  rep.flush_thread = spawn("pgz-flush", &Rep::flush_loop);
  rep.merge_thread = spawn("pgz-merge", &Rep::merge_loop);
  rep.collect_thread = spawn("pgz-collect", &Rep::collect_loop);
  return Status::ok();
}

void Lsm::shutdown() {
  Rep& rep = *rep_;
  {
    MutexLock lock(&rep.mutex);
    rep.stopping = true;
    rep.scheduler.stop();
    rep.flush_work.notify_all();
    rep.merge_work.notify_all();
    rep.collect_work.notify_all();
    rep.progress.notify_all();
  }
  rep.flush_thread.reset();
  rep.merge_thread.reset();
  rep.collect_thread.reset();
}

void Lsm::Rep::fail(const Status& status) {
  {
    MutexLock lock(&mutex);
    if (!background.is_ok()) return;
    background = status;
    is_failed = true;
    progress.notify_all();
    flush_work.notify_all();
    merge_work.notify_all();
    collect_work.notify_all();
  }
  if (options.on_failed) options.on_failed(status);
}

uint64_t Lsm::Rep::memtable_limit() const {
  return std::min(options.memtable_bytes, options.memory_budget_bytes / 4);
}

// The cache gets what memtables, open tables, reading ahead and its own slots leave of the budget.
// Two memtables always count as full: were the cache to take a memtable's place each time one has
// been flushed and give it back for the next, the memory would go back and forth between blocks of
// different sizes, and half of it lie in gaps.
//
// And what nobody counts: code, buffers, the heap's share for each thread. It is as large with
// little memory as with much, so that it is paid for where that leaves the cache most of what it
// has.
void Lsm::Rep::fit_cache() {
  constexpr uint64_t kUncountedBytes = 8 << 20;
  constexpr uint64_t kTooSmallBytes = 32 << 20;
  const uint64_t budget = options.memory_budget_bytes;
  uint64_t used = 2 * memtable_limit() + cache.table_bytes() + cache.lent_max();
  if (budget > kTooSmallBytes) used += std::min(kUncountedBytes, (budget - kTooSmallBytes) / 4);
  for (const std::vector<TableRef>& level : version->levels) {
    for (const TableRef& table : level) {
      used += table->reader().memory_bytes() + table->uses().memory_bytes();
    }
  }
  for (const auto& [id, segment] : *version->segments) used += segment->memory_bytes();
  for (size_t i = 2; i < queue.size(); i++) used += queue[i]->table.memory_bytes();
  cache.set_capacity(std::max(budget / 4, budget - std::min(used, budget)));
}

void Lsm::Rep::install_view() {
  auto view = std::make_unique<View>();
  view->queue.assign(queue.begin(), queue.end());
  view->version = version;
  views->install(std::move(view));
  queued = static_cast<uint32_t>(queue.size()) - 1;
  fit_cache();
}

void Lsm::Rep::rotate_locked() {
  MemTableHandle& active = *queue.front();
  if (active.is_empty() && active.writers.load() == 0) return;
  auto next = std::make_shared<MemTableHandle>();
  next->lsn_end = active.lsn_end;
  active.writers.fetch_or(kSealed);
  queue.push_front(std::move(next));
  sealed_total++;
  install_view();
  flush_work.notify_all();
}

MemTableRef Lsm::reserve_active(uint64_t lsn_end) {
  Rep& rep = *rep_;
  MutexLock lock(&rep.mutex);
  // A flush adds the segments pointed into: they bound what is written between two of them too.
  const MemTableHandle& front = *rep.queue.front();
  if (front.table.memory_bytes() >= rep.memtable_limit() ||
      front.placed_bytes >= 2 * rep.memtable_limit()) {
    rep.rotate_locked();
  }
  MemTableHandle& active = *rep.queue.front();
  active.writers.fetch_add(1);
  active.lsn_end = std::max(active.lsn_end, lsn_end);
  MemTableRef ref;
  ref.lsm_ = this;
  ref.handle_ = &active;
  return ref;
}

void Lsm::rotate() {
  MutexLock lock(&rep_->mutex);
  rep_->rotate_locked();
}

void Lsm::Rep::writer_done(MemTableHandle* handle) {
  // The handle may be flushed and gone as soon as the last writer has left.
  if (handle->writers.fetch_sub(1) != (kSealed | 1)) return;
  MutexLock lock(&mutex);
  flush_work.notify_all();
  progress.notify_all();
}

MemTableRef::MemTableRef(MemTableRef&& other) noexcept
    : lsm_(std::exchange(other.lsm_, nullptr)), handle_(std::exchange(other.handle_, nullptr)) {}

MemTableRef& MemTableRef::operator=(MemTableRef&& other) noexcept {
  if (this != &other) {
    reset();
    lsm_ = std::exchange(other.lsm_, nullptr);
    handle_ = std::exchange(other.handle_, nullptr);
    hint_ = InsertHint{};
  }
  return *this;
}

Status MemTableRef::add(Kind kind, Slice user_key, uint64_t ts, Slice value) {
  PGZ_DCHECK(handle_ != nullptr);
  note_large(kind, value);
  return handle_->table.add(user_key, ts, kind, value, &hint_);
}

// Values that leave the tables when the memtable is flushed.
void MemTableRef::note_large(Kind kind, Slice value) {
  const uint32_t inline_max = lsm_->rep_->options.value_inline_max_bytes;
  if (inline_max != 0 && kind == Kind::kValue && value.size() >= inline_max) {
    handle_->large_bytes.fetch_add(value.size(), std::memory_order_relaxed);
  }
}

Status MemTableRef::add_sorted(std::span<const KeyWrite> writes, uint64_t ts) {
  PGZ_DCHECK(handle_ != nullptr);
  for (const KeyWrite& write : writes) note_large(write.kind, write.value);
  return handle_->table.add_sorted(writes, ts, &hint_);
}

Status MemTableRef::add_placed(Slice user_key, uint64_t ts, const PlacedValues& placed, size_t i) {
  handle_->hold_segment(placed.segment(i)->id(), placed.segment(i));
  handle_->placed_bytes += placed.bytes(i);
  return add(Kind::kValuePointer, user_key, ts, placed.pointer(i));
}

Status MemTableRef::add_logged(Slice user_key, uint64_t ts, Slice logged) {
  PlacedValue placed;
  if (!PlacedValue::decode(logged, &placed)) {
    return Status::make(Code::kCorruption, "a value pointer in the log makes no sense");
  }
  Lsm::Rep& rep = *lsm_->rep_;
  SegmentRef known;
  {
    MutexLock lock(&rep.mutex);
    const auto at = rep.version->segments->find(placed.pointer.segment);
    if (at != rep.version->segments->end()) known = at->second;
  }
  OpenSegmentRef open;
  if (known != nullptr) {
    std::string value;
    PGZ_TRY(known->read(placed.pointer, &value));
  } else {
    PGZ_TRY(rep.placer.restore(placed, &open));
  }
  handle_->hold_segment(placed.pointer.segment, open);
  handle_->placed_bytes += placed.pointer.length;
  std::string pointer;
  placed.pointer.encode(&pointer);
  return add(Kind::kValuePointer, user_key, ts, pointer);
}

Status Lsm::place_values(std::span<const Slice> values, PlacedValues* placed) {
  Status status = rep_->placer.place(values, placed);
  if (status.is(Code::kNoSpace) && rep_->options.on_no_space) {
    uint64_t wanted = 0;
    for (const Slice value : values) wanted += value.size();
    rep_->options.on_no_space(wanted);
  }
  return status;
}

void Lsm::keep_values(const PlacedValues& placed) {
  MutexLock lock(&rep_->mutex);
  for (size_t i = 0; i < placed.size(); i++) {
    rep_->queue.front()->hold_segment(placed.segment(i)->id(), placed.segment(i));
  }
}

Status Lsm::sync_values() {
  return PGZ_PLANTED(kSkipPlacedSync) ? Status::ok() : rep_->placer.sync();
}

Status MemTableRef::drop_range(Slice begin, Slice end, uint64_t ts) {
  PGZ_DCHECK(handle_ != nullptr);
  if (!end.empty() && begin >= end) {
    return Status::make(Code::kInvalidArgument, "an empty range to drop");
  }
  handle_->table.add_drop({std::string(begin), std::string(end), ts});
  return Status::ok();
}

void MemTableRef::reset() {
  if (handle_ == nullptr) return;
  lsm_->rep_->writer_done(std::exchange(handle_, nullptr));
  lsm_ = nullptr;
}

std::optional<uint64_t> Lsm::counter(Slice name) const {
  MutexLock lock(&rep_->mutex);
  const auto at = rep_->counters.find(name);
  if (at == rep_->counters.end()) return std::nullopt;
  return at->second;
}

std::map<std::string, uint64_t> Lsm::counters() const {
  MutexLock lock(&rep_->mutex);
  return {rep_->counters.begin(), rep_->counters.end()};
}

void Lsm::set_counter(Slice name, uint64_t next, uint64_t lsn_end) {
  MutexLock lock(&rep_->mutex);
  rep_->counters.insert_or_assign(std::string(name), next);
  MemTableHandle& active = *rep_->queue.front();
  active.counters.insert_or_assign(std::string(name), next);
  active.lsn_end = std::max(active.lsn_end, lsn_end);
}

void Lsm::erase_counter(Slice name, uint64_t lsn_end) {
  MutexLock lock(&rep_->mutex);
  const auto at = rep_->counters.find(name);
  if (at != rep_->counters.end()) rep_->counters.erase(at);
  MemTableHandle& active = *rep_->queue.front();
  active.counters.insert_or_assign(std::string(name), std::nullopt);
  active.lsn_end = std::max(active.lsn_end, lsn_end);
}

void Lsm::poke() {
  MutexLock lock(&rep_->mutex);
  rep_->merge_poked = true;
  rep_->merge_work.notify_all();
}

uint64_t Lsm::flushed_lsn() const { return rep_->flushed_lsn; }

Status Lsm::background_status() const {
  MutexLock lock(&rep_->mutex);
  return rep_->background;
}

}  // namespace pgz
