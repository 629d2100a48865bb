// Opening a database: creating its files, or reading what the last owner left.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/base/heap.h"
#include "engine/base/planted.h"
#include "engine/base/rng.h"
#include "engine/db/db.h"
#include "engine/db/identity.h"
#include "engine/db/record.h"
#include "engine/log/format.h"

namespace pgz {

namespace {

// Unflushed log, in slots, at which a memtable is flushed before it is full. Recovery reads all of
// it: eight slots of 32 MiB take it about half a second.
constexpr uint64_t kUnflushedSlotsMax = 8;

// Applies the records of the log to memtables, as their commits did.
class Replay final : public CommitVisitor {
 public:
  explicit Replay(Lsm* lsm) : lsm_(lsm) {}

  Status apply(Lsn lsn_end, Slice record) {
    lsn_end_ = lsn_end;
    RecordType type{};
    PGZ_TRY(parse_record_type(record, &type));
    if (type == RecordType::kCounter) {
      Slice name;
      uint64_t next = 0;
      PGZ_TRY(parse_counter(record, &name, &next));
      lsm_->set_counter(name, next, lsn_end);
      return Status::ok();
    }
    Status s = parse_commit(record, this);
    ref_.reset();
    return s;
  }
  uint64_t last_ts() const { return ts_; }

  Status begin(uint64_t ts, uint64_t) override {
    if (ts >= kStoredTimestampEnd) {
      return Status::make(Code::kCorruption, "a commit timestamp of " + std::to_string(ts) +
                                                 " leaves no room for later ones");
    }
    if (ts <= ts_) return Status::make(Code::kCorruption, "commit timestamps do not grow");
    ts_ = ts;
    have_ref_ = false;
    return Status::ok();
  }
  Status drop(Slice begin, Slice end) override {
    if (!PGZ_PLANTED(kForgetDrops)) drops_.emplace_back(begin, end);
    return Status::ok();
  }
  Status runs(std::vector<RunFile> runs) override {
    PGZ_ASSIGN(ref_, lsm_->ingest(std::move(runs), ts_, lsn_end_));
    have_ref_ = true;
    return put_drops();
  }
  Status write(Kind kind, Slice key, Slice value) override {
    PGZ_TRY(reserve());
    if (PGZ_PLANTED(kReplayHalf) && lsn_end_ % 2 != 0) return Status::ok();
    if (kind == Kind::kValuePointer) return ref_.add_logged(key, ts_, value);
    return ref_.add(kind, key, ts_, value);
  }
  Status end() override { return reserve(); }

 private:
  // As when it was committed: one record, one entry of the memtable queue.
  Status reserve() {
    if (have_ref_) return Status::ok();
    have_ref_ = true;
    ref_ = lsm_->reserve_active(lsn_end_);
    return put_drops();
  }
  Status put_drops() {
    for (const auto& [begin, end] : drops_) PGZ_TRY(ref_.drop_range(begin, end, ts_));
    drops_.clear();
    return Status::ok();
  }

  Lsm* const lsm_;
  Lsn lsn_end_ = 0;
  uint64_t ts_ = 0;
  bool have_ref_ = false;
  MemTableRef ref_;
  std::vector<std::pair<std::string, std::string>> drops_;
};

struct SetAtEnd {
  Event* const event;
  ~SetAtEnd() { event->set(); }
};

// Whether a log slot has more than its header: blocks behind the first are zeros until then.
Result<bool> holds_records(Io* io, const std::string& path) {
  PGZ_ASSIGN(auto file, io->open(path, OpenMode::kRead));
  PGZ_ASSIGN(const uint64_t size, file->size());
  std::string piece(256 << 10, '\0');
  for (uint64_t at = log::kBlockBytes; at < size; at += piece.size()) {
    PGZ_ASSIGN(const size_t n, file->read_some(at, piece.data(), piece.size()));
    if (n == 0) break;
    if (piece.find_first_not_of('\0') < n) return true;
  }
  return false;
}

// The folders of a database.
bool is_part(const std::string& name) {
  return name == "log" || name == "sst" || name == "vlog" || name == "manifest";
}

// IDENTITY is written last: without it, tables, segments or log records are those of a database
// that has lost it, not of a creation that was cut short.
Status refuse_lost_identity(Io* io, const std::string& dir) {
  for (const char* part : {"log", "sst", "vlog"}) {
    const std::string path = path_join(dir, part);
    PGZ_ASSIGN(const bool there, io->exists(path));
    if (!there) continue;
    PGZ_ASSIGN(const std::vector<std::string> files, io->list(path));
    for (const std::string& file : files) {
      if (std::string_view(part) == "log") {
        PGZ_ASSIGN(const bool is_data, holds_records(io, path_join(path, file)));
        if (!is_data) continue;
      }
      return Status::make(Code::kCorruption, path_join(dir, "IDENTITY") + ": is missing, but " +
                                                 path_join(path, file) + " holds data");
    }
  }
  return Status::ok();
}

}  // namespace

Result<std::unique_ptr<Db>> Db::open(const Runtime& runtime, const std::string& dir,
                                     const DbOptions& options, std::function<void()> notify) {
  give_heap_back_early();
  std::unique_ptr<Db> db(new Db(runtime, dir, options, std::move(notify)));
  PGZ_TRY(db->open_files());
  return db;
}

LsmOptions Db::lsm_options() {
  LsmOptions o;
  o.uuid.assign(reinterpret_cast<const char*>(uuid_.data()), uuid_.size());
  o.memory_budget_bytes = options_.memory_budget_bytes;
  o.memtable_bytes = options_.memtable_bytes;
  o.value_inline_max_bytes = options_.value_inline_max_bytes;
  if (options_.value_direct_min_bytes != 0)
    o.value_order_max_bytes = options_.value_direct_min_bytes;
  if (options_.value_segment_bytes != 0) o.value_segment_bytes = options_.value_segment_bytes;
  o.log_durable = [this] {
    return PGZ_PLANTED(kLogEndAhead) ? log_->end_lsn() + (64 << 10) : log_->durable_lsn();
  };
  o.wait_durable = [this](uint64_t lsn) { return pipeline_->wait_durable(lsn); };
  o.boundaries = [this] { return snapshots_->boundaries(); };
  o.on_flushed = [this](uint64_t lsn) { slots_->recycle(lsn); };
  o.on_failed = [this](const Status& why) { pipeline_->fail(why); };
  o.on_no_space = [this](uint64_t wanted) {
    space_.spend(wanted);
    slots_->watch_space();
  };
  return o;
}

LogOptions Db::log_options() const {
  LogOptions o;
  o.before_write = [this] { return lsm_ == nullptr ? Status::ok() : lsm_->sync_values(); };
  o.uuid = uuid_;
  o.slot_bytes = options_.log_slot_bytes;
  o.first_slot_bytes = first_slot_bytes();
  return o;
}

// Before anything is written: whether this is a directory to open or to make a database in.
Status Db::check_place(bool there) {
  if (!there) {
    if (options_.create_if_missing) return Status::ok();
    return Status::make(Code::kNotFound, dir_ + ": no such directory");
  }
  PGZ_ASSIGN(const bool has_identity, runtime_.io->exists(path_join(dir_, "IDENTITY")));
  if (has_identity) return Status::ok();
  if (!options_.create_if_missing) {
    return Status::make(Code::kNotFound, dir_ + ": holds no database");
  }
  PGZ_ASSIGN(const std::vector<std::string> names, runtime_.io->list(dir_));
  for (const std::string& name : names) {
    if (name == "LOCK" || name == "IDENTITY.new" || name == "lost+found") continue;
    if (name.starts_with("flush-method") || name.starts_with("reserve") || is_part(name)) continue;
    return Status::make(Code::kInvalidArgument, dir_ + ": is not empty and holds no database");
  }
  return Status::ok();
}

Status Db::open_files() {
  PGZ_ASSIGN(const bool there, runtime_.io->exists(dir_));
  PGZ_TRY(check_place(there));
  if (!there) {
    PGZ_TRY(runtime_.io->mkdir(dir_));
    const size_t slash = dir_.find_last_of('/');
    const std::string parent = slash == std::string::npos ? "." : dir_.substr(0, slash + 1);
    PGZ_TRY(runtime_.io->sync_dir(parent));
  }
  PGZ_ASSIGN(file_lock_, runtime_.io->lock_file(path_join(dir_, "LOCK")));
  Result<Identity> identity = read_identity(runtime_, dir_);
  if (identity.is_ok()) {
    if (options_.error_if_exists) {
      return Status::make(Code::kInvalidArgument, dir_ + ": holds a database already");
    }
    uuid_ = identity.value().uuid;
    // A file that the identity, the manifest or the log promises is damage when it is missing, not
    // "no such database".
    if (Status s = open_existing(); !s.is_ok()) {
      return s.is(Code::kNotFound) ? Status::make(Code::kCorruption, s.message(), s.sys_errno())
                                   : s;
    }
  } else if (identity.code() == Code::kNotFound) {
    PGZ_TRY(create_files());
  } else {
    return identity.take_status();
  }
  return start();
}

Status Db::create_files() {
  PGZ_TRY(check_place(true));  // by now nobody else is at it
  PGZ_TRY(refuse_lost_identity(runtime_.io, dir_));
  runtime_.io->tune(dir_);
  // What an interrupted creation left is ours to replace.
  PGZ_ASSIGN(const std::vector<std::string> names, runtime_.io->list(dir_));
  for (const std::string& name : names) {
    if (!is_part(name)) continue;
    const std::string path = path_join(dir_, name);
    PGZ_ASSIGN(const std::vector<std::string> files, runtime_.io->list(path));
    for (const std::string& file : files) PGZ_TRY(runtime_.io->remove(path_join(path, file)));
    PGZ_TRY(runtime_.io->remove_dir(path));
  }
  Identity identity;
  const uint64_t high = runtime_.rng->next64();
  const uint64_t low = runtime_.rng->next64();
  std::memcpy(identity.uuid.data(), &high, 8);
  std::memcpy(identity.uuid.data() + 8, &low, 8);
  identity.created_wall_micros = runtime_.clock->wall_micros();
  uuid_ = identity.uuid;
  PGZ_ASSIGN(log_, Log::create(runtime_, path_join(dir_, "log"), log_options()));
  PGZ_ASSIGN(lsm_, Lsm::create(runtime_, dir_, lsm_options()));
  return write_identity(runtime_, dir_, identity);
}

Status Db::open_existing() {
  LsmRecovered recovered;
  // The log is read while manifest, tables and segments are: one waits for the device and the
  // others for the processor, mostly.
  Status log_read;
  std::optional<Lsn> from;
  Event from_is_known;
  const auto reader = runtime_.executor->spawn("pgz-read-log", [&] {
    log_read = read_log([&] {
      from_is_known.wait();
      return from;
    });
  });
  // Memory may run out: whoever waits for the thread on the way out must not wait for ever.
  const SetAtEnd at_end{&from_is_known};
  Result<std::unique_ptr<Lsm>> opened = Lsm::open(runtime_, dir_, lsm_options(), &recovered, [&] {
    from = recovered.flushed_lsn;
    from_is_known.set();
  });
  from_is_known.set();
  reader->join();
  if (!opened.is_ok()) return opened.take_status();
  lsm_ = opened.take();
  PGZ_TRY(std::move(log_read));
  last_ts_ = recovered.last_ts;
  PGZ_TRY(replay(recovered));
  // The slot that was just begun is not lost without notice.
  return lsm_->note_log_end(log_->durable_lsn());
}

Status Db::read_log(const std::function<std::optional<Lsn>()>& from) {
  PGZ_ASSIGN(log_, Log::open(runtime_, path_join(dir_, "log"), log_options()));
  return log_->read_ahead(from);
}

// Up to before_writes nothing has been written: a directory that is refused is as it was. Then the
// manifest and the log are made durable at the same time, since neither rests on the other; slots
// are given up when both are.
Status Db::replay(const LsmRecovered& recovered) {
  Replay replay(lsm_.get());
  RecoverResult result;
  RecoverOptions options;
  options.durable_lsn = recovered.log_end;
  Status settled;
  std::unique_ptr<Joinable> settling;
  options.before_writes = [&] {
    runtime_.io->tune(dir_);
    space_.open();
    settling = runtime_.executor->spawn("pgz-settle", [&] { settled = lsm_->settle(); });
    return runtime_.io->sync_dir(dir_);  // IDENTITY's name may stand in a cache only
  };
  options.before_reuse = [&] {
    settling->join();
    return std::move(settled);
  };
  PGZ_TRY(log_->recover(
      recovered.flushed_lsn,
      [&](Lsn lsn_end, Slice record) -> Status {
        Status s = replay.apply(lsn_end, record);
        if (s.is_ok()) return s;
        return Status::make(s.code(),
                            "log record ending at " + std::to_string(lsn_end) + ": " + s.message(),
                            s.sys_errno());
      },
      &result, options));
  last_ts_ = std::max(last_ts_, replay.last_ts());
  bound_log();
  return Status::ok();
}

// Small commits take a log block each and little of a memtable, and every restart takes a new slot:
// without a bound the log would grow until the memtable is full, however long that takes.
void Db::bound_log() {
  const Lsn end = log_->end_lsn();
  if (end - std::max(lsm_->flushed_lsn(), bounded_at_) <
      kUnflushedSlotsMax * options_.log_slot_bytes) {
    return;
  }
  bounded_at_ = end;
  lsm_->rotate();
}

// The log has no slot for a commit and found no room for one: from here on the reserve gives it to
// commits that make room.
void Db::make_log_room() {
  space_.spend(first_slot_bytes());
  slots_->watch_space();
}

// There is no room for data, or for another log slot. Flushing gives a slot back, once one is full,
// and makes drops and deletes that were let in count.
void Db::flush_for_space() {
  const uint32_t queued = lsm_->stats().queued_entries;
  if (queued > 1) return;
  if (space_.is_spent() || log_->end_lsn() - lsm_->flushed_lsn() >= first_slot_bytes()) {
    lsm_->rotate();
  }
}

// Everything recovered is durable: the horizon is its last commit.
Status Db::start() {
  snapshots_ = std::make_unique<Snapshots>(last_ts_, runtime_.clock);
  LockTableOptions locks;
  locks.memory_bytes = options_.lock_memory_bytes;
  locks.deadlock_timeout_micros = options_.deadlock_timeout_micros;
  LockSink* const sink = this;
  locks_ = std::make_unique<LockTable>(runtime_, locks, sink);
  serializability_ =
      std::make_unique<Serializability>(snapshots_.get(), options_.lock_memory_bytes / 4);
  CommitPipeline::Hooks hooks;
  hooks.after_flush = [this] {
    slots_->poke();
    bound_log();
  };
  hooks.on_failed = [this](const Status& why) {
    locks_->end_waits(Status::make(Code::kFailed, "the instance has stopped: " + why.to_string()));
  };
  // A commit may fail the pipeline under this mutex.
  hooks.after_failed = [this] { serializability_->end_waits(Code::kFailed); };
  pipeline_ = std::make_unique<CommitPipeline>(runtime_, log_.get(), lsm_.get(), snapshots_.get(),
                                               &completions_, last_ts_, std::move(hooks));
  counters_ = std::make_unique<Counters>(pipeline_.get(), lsm_.get(), &completions_);
  SlotKeeper::Hooks keeper;
  keeper.on_failed = [this](const Status& why) { pipeline_->fail(why); };
  keeper.on_full = [this] { flush_for_space(); };
  slots_ = std::make_unique<SlotKeeper>(runtime_, log_.get(), &space_, std::move(keeper));
  pipeline_->start();
  PGZ_TRY(lsm_->start());
  // What a busy machine left unmeasured takes longer than all of the above, and any method serves.
  tuning_ = runtime_.executor->spawn("pgz-tune", [this] { runtime_.io->tune(dir_); });
  return Status::ok();
}

}  // namespace pgz
