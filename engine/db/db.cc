#include "engine/db/db.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/db/transaction.h"

namespace pgz {

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kFlushOnCloseBytes = kMiB;  // less is replayed at once by the next open

}  // namespace

DbOptions DbOptions::resolved() const {
  DbOptions o = *this;
  if (o.memory_budget_bytes == 0) o.memory_budget_bytes = 384 * kMiB;
  o.memory_budget_bytes = std::max(o.memory_budget_bytes, kMiB);
  if (o.memtable_bytes == 0) {
    o.memtable_bytes = std::clamp(o.memory_budget_bytes / 8, kMiB / 4, 32 * kMiB);
  }
  // A start reads the slots that were begun since the last flush whole: many small ones are less to
  // read than a few large ones.
  if (o.log_slot_bytes == 0) o.log_slot_bytes = std::clamp(o.memtable_bytes, 4 * kMiB, 32 * kMiB);
  if (o.spill_bytes == 0) o.spill_bytes = 4 * kMiB;
  // Some three million row locks: an UPDATE of a large table takes one for each row.
  if (o.lock_memory_bytes == 0) {
    o.lock_memory_bytes = std::max(o.memory_budget_bytes / 4, 256 * kMiB);
  }
  if (o.deadlock_timeout_micros == 0) o.deadlock_timeout_micros = 1'000'000;
  return o;
}

Db::Db(const Runtime& runtime, std::string dir, const DbOptions& options,
       std::function<void()> notify)
    : runtime_(runtime),
      dir_(std::move(dir)),
      options_(options.resolved()),
      completions_(std::move(notify)),
      space_(runtime, dir_, options_.memtable_bytes, first_slot_bytes()) {}

uint64_t Db::first_slot_bytes() const {
  constexpr uint64_t kFirstSlotBytes = 4 * kMiB;
  return std::min(kFirstSlotBytes, options_.log_slot_bytes);
}

Db::~Db() {
  if (Status s = close(); !s.is_ok()) return;  // who wants to know calls close()
}

void Db::begin_close() {
  if (locks_ != nullptr) {
    locks_->end_waits(Status::make(Code::kClosed, "the database is being closed"));
    serializability_->end_waits(Code::kClosed);
  }
}

Status Db::close() {
  if (closed_) return Status::ok();
  closed_ = true;
  begin_close();
  tuning_.reset();
  Status status;
  if (pipeline_ != nullptr) {
    if (counters_ != nullptr && check().is_ok()) {
      counters_->give_back();
      if (lsm_->stats().memtable_bytes >= kFlushOnCloseBytes) status = flush();
      if (status.is(Code::kNoSpace)) status = Status::ok();  // the log has it all
    }
    if (Status s = pipeline_->stop(); !s.is_ok()) status = s;
  }
  if (lsm_ != nullptr) lsm_->shutdown();
  if (status.is_ok() && slots_ != nullptr) {
    status = lsm_->note_log_end(log_->durable_lsn());
    if (status.is(Code::kNoSpace)) status = Status::ok();  // the next open knows less
  }
  slots_.reset();
  counters_.reset();
  pipeline_.reset();
  locks_.reset();
  serializability_.reset();
  lsm_.reset();
  log_.reset();
  snapshots_.reset();
  file_lock_.reset();
  return status;
}

std::shared_ptr<Transaction> Db::begin(const TransactionOptions& options) {
  return std::make_shared<Transaction>(this, options);
}

void Db::lock_wait_ended(uint64_t tag, Status status) {
  completions_.finish(Completion{tag, 0, status.code(), status.sys_errno()});
}

void Db::read(Transaction* txn, uint64_t ts, OpNum op, Slice key, ReadResult* result) {
  result->own = false;
  result->version_ts = 0;
  result->status = check();
  if (!result->status.is_ok()) return;
  if (key.empty() || key.size() > kMaxUserKeyBytes) {
    result->status = Status::make(Code::kInvalidArgument, "a key has 1 to 16384 bytes");
    return;
  }
  OwnWrites* own = txn == nullptr || op <= 1 ? nullptr : txn->own();
  if (own != nullptr) {
    OwnVersion version;
    OwnWrites::Answer answer = OwnWrites::Answer::kCommitted;
    std::string scratch;
    result->status = own->find(key, op, &scratch, &version, &answer);
    if (!result->status.is_ok()) return;
    if (answer != OwnWrites::Answer::kCommitted) {
      result->status = Status::make(Code::kNotFound, "");
      if (answer == OwnWrites::Answer::kNothing) return;
      result->own = true;
      result->kind = version.kind;
      result->value.assign(version.value);
      if (version.kind == Kind::kValue) result->status = Status::ok();
      return;
    }
  }
  if (txn != nullptr && txn->is_marked(ts)) {
    result->status = txn->mark_read(key);
    if (!result->status.is_ok()) return;
  }
  const uint64_t at = ts == kNewest ? snapshots_->acquire() : ts;
  result->status = lsm_->get(key, at, &result->value, &result->version_ts, &result->kind);
  if (ts == kNewest) snapshots_->release(at);
  // A locked row that the snapshot sees too was read as if at the snapshot.
  if (ts == kNewest && txn != nullptr && txn->is_serializable() && result->status.is_ok() &&
      result->version_ts <= txn->serial_snapshot()) {
    if (Status s = txn->mark_read(key); !s.is_ok()) result->status = std::move(s);
  }
}

Status Db::flush() {
  PGZ_TRY(check());
  lsm_->rotate();
  return lsm_->flush_now();
}

DbStats Db::stats() const {
  DbStats s;
  s.horizon = snapshots_->horizon();
  s.snapshots = snapshots_->count();
  s.oldest_snapshot = snapshots_->oldest();
  s.transactions = transactions_.load(std::memory_order_relaxed);
  s.spilled_runs = spilled_runs_.load(std::memory_order_relaxed);
  s.pipeline = pipeline_->stats();
  s.locks = locks_->stats();
  s.serializable = serializability_->stats();
  s.lsm = lsm_->stats();
  return s;
}

std::vector<SnapshotPins> Db::snapshot_pins(size_t max, size_t* count) const {
  const std::vector<Snapshots::Registered> all = snapshots_->list();
  const uint64_t newest = snapshots_->base();
  const uint64_t now = runtime_.clock->now_micros();
  *count = all.size();
  const size_t n = std::min(max, all.size());
  std::vector<uint64_t> boundaries;
  for (size_t i = 0; i < n; i++) boundaries.push_back(all[i].ts);
  const uint64_t end = n < all.size() ? all[n].ts : newest;
  const std::vector<VersionCount> replaced = lsm_->versions_between(boundaries, end);
  std::vector<SnapshotPins> pins;
  for (size_t i = 0; i < n; i++) {
    pins.push_back({all[i].ts, all[i].users, now - std::min(now, all[i].since_micros),
                    newest - std::min(newest, all[i].ts), replaced[i]});
  }
  return pins;
}

uint64_t Db::approximate_bytes(Slice lower, Slice upper) const {
  return lsm_->approximate_bytes(lower, upper);
}

}  // namespace pgz
