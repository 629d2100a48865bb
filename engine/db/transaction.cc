#include "engine/db/transaction.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/base/planted.h"
#include "engine/db/record.h"

namespace pgz {

namespace {

constexpr size_t kHeavyLocks = 10'000;
constexpr size_t kWritesTogether = 16;  // for the memtable; a stack holds them

}  // namespace

Transaction::Transaction(Db* db, const TransactionOptions& options)
    : db_(db), options_(options), owner_(options.session) {
  db_->transactions_.fetch_add(1, std::memory_order_relaxed);
  if (!options.serializable) return;
  serial_ = db_->serializability()->begin(options.read_only, options.session);
  serial_id_ = serial_->id();
}

Transaction::~Transaction() {
  if (open()) abort();
}

Status Transaction::check_open() const {
  if (!open()) return Status::make(Code::kClosed, "the transaction is over");
  if (owner_.waiting()) return Status::make(Code::kBusy, "the transaction waits for a lock");
  return db_->check();
}

Status Transaction::check_write(OpNum op) {
  PGZ_TRY(check_open());
  if (options_.read_only) return Status::make(Code::kReadOnly, "the transaction is read-only");
  if (op == 0 || op == kOpAll || op < last_op_) {
    return Status::make(Code::kInvalidArgument, "operation numbers start at 1 and do not decrease");
  }
  last_op_ = op;
  return Status::ok();
}

OwnWrites* Transaction::make_own() {
  if (own_ == nullptr) {
    own_ = std::make_unique<OwnWrites>(db_->lsm(), db_->options().spill_bytes);
  }
  return own_.get();
}

Status Transaction::add(OpNum op, Kind kind, Slice key, Slice value) {
  PGZ_TRY(check_write(op));
  if (key.empty() || key.size() > kMaxUserKeyBytes || value.size() >= kMaxValueBytes) {
    return Status::make(Code::kInvalidArgument,
                        "a key has 1 to 16384 bytes and a value less than 1 GiB");
  }
  if (serial_ != nullptr) PGZ_TRY(db_->serializability()->write(serial_, op, key));
  return make_own()->add(op, kind, key, value);
}

void Transaction::forget_serial() {
  if (serial_ != nullptr) db_->serializability()->abort(std::exchange(serial_, nullptr));
}

Status Transaction::serialize(bool read_only, Transaction* like) {
  PGZ_TRY(check_open());
  if (serial_ != nullptr) return Status::ok();
  if (own_ != nullptr && !own_->empty()) {
    return Status::make(Code::kInvalidArgument, "the transaction has written already");
  }
  Serializability* serial = db_->serializability();
  SerialTxn* txn = like == nullptr
                       ? serial->begin(read_only, options_.session)
                       : serial->begin_like(like->serial_id_, read_only, options_.session);
  if (txn == nullptr) {
    return Status::make(Code::kInvalidArgument, "that transaction has no snapshot for this one");
  }
  serial_id_ = txn->id();
  serial_ = txn;
  return Status::ok();
}

Status Transaction::mark_range(OpNum op, Slice begin, Slice end) {
  if (serial_ == nullptr) return Status::ok();
  return db_->serializability()->write_range(serial_, op, begin, {end, false, end.empty()});
}

Status Transaction::mark_read(Slice key) {
  return serial_ == nullptr ? Status::ok() : db_->serializability()->read(serial_, key);
}

Status Transaction::mark_read(Slice begin, const MarkBound& bound) {
  if (serial_ == nullptr) return Status::ok();
  return db_->serializability()->read_range(serial_, begin, bound);
}

Status Transaction::own_range(OpNum op, Slice begin, Slice end) {
  PGZ_TRY(check_write(op));
  PGZ_TRY(mark_range(op, begin, end));
  make_own()->own_range(op, begin, end);
  return Status::ok();
}

Status Transaction::drop_range(OpNum op, Slice begin, Slice end) {
  PGZ_TRY(check_write(op));
  PGZ_TRY(mark_range(op, begin, end));
  make_own()->drop_range(op, begin, end);
  return Status::ok();
}

Status Transaction::rollback_to(OpNum op) {
  PGZ_TRY(check_open());
  if (own_ != nullptr && !PGZ_PLANTED(kKeepRolledBack)) PGZ_TRY(own_->rollback_to(op));
  last_op_ = std::min(last_op_, op);  // the numbers may be used again
  if (serial_ != nullptr) db_->serializability()->rollback_to(serial_, op);
  db_->locks()->release_from(&owner_, op);
  return Status::ok();
}

Status Transaction::lock(LockSpace space, Slice name, LockMode mode, OpNum op,
                         const LockWait& wait) {
  PGZ_TRY(check_open());
  if (!valid_lock(space, mode) || name.empty() || name.size() > kMaxUserKeyBytes) {
    return Status::make(Code::kInvalidArgument, "no such lock");
  }
  LockTable* locks = db_->locks();
  if (wait.try_only || wait.tag == 0) {
    return locks->acquire(&owner_, space, name, mode, op, wait, nullptr);
  }
  // Most locks are free: room for a completion is made only for those that are not.
  LockWait first = wait;
  first.try_only = true;
  Status s = locks->acquire(&owner_, space, name, mode, op, first, nullptr);
  if (!s.is(Code::kBusy)) return s;
  PGZ_TRY(db_->completions()->reserve());
  s = locks->acquire(&owner_, space, name, mode, op, wait, nullptr);
  if (!s.is(Code::kPending)) db_->completions()->cancel_reservation();
  return s;
}

Status Transaction::unlock(LockSpace space, Slice name, LockMode mode, OpNum op) {
  PGZ_TRY(check_open());
  if (!valid_lock(space, mode) || name.empty() || name.size() > kMaxUserKeyBytes) {
    return Status::make(Code::kInvalidArgument, "no such lock");
  }
  if (space == LockSpace::kRow && own_ != nullptr) {
    std::string scratch;
    OwnVersion version;
    OwnWrites::Answer answer;
    PGZ_TRY(own_->find(name, kOpAll, &scratch, &version, &answer));
    if (answer == OwnWrites::Answer::kOwn) {
      return Status::make(Code::kInvalidArgument, "the transaction has written the row");
    }
  }
  if (!db_->locks()->release_one(&owner_, space, name, mode, op)) {
    return Status::make(Code::kNotFound, "no such lock");
  }
  return Status::ok();
}

bool Transaction::cancel_wait() {
  return db_->locks()->cancel(&owner_) ||
         (serial_id_ != 0 && db_->serializability()->cancel_wait(serial_id_));
}

Status Transaction::wait_safe(uint64_t tag) {
  PGZ_TRY(check_open());
  if (serial_ == nullptr || serial_->is_safe()) return Status::ok();
  if (tag != 0) {
    PGZ_TRY(db_->completions()->reserve());
    Completions* completions = db_->completions();
    db_->serializability()->when_safe_known(serial_, [=](Code code) {
      completions->finish(Completion{tag, 0, code, 0});
    });
    return Status::make(Code::kPending, "waiting for a safe snapshot");
  }
  struct Answer {
    Event known;
    Code code = Code::kOk;
  };
  auto answer = std::make_shared<Answer>();
  db_->serializability()->when_safe_known(serial_, [answer](Code code) {
    answer->code = code;
    answer->known.set();
  });
  answer->known.wait();
  if (answer->code == Code::kOk) return Status::ok();
  return Status::make(answer->code, "the snapshot is not safe");
}

void Transaction::abort() {
  if (!open()) return;
  cancel_wait();
  own_.reset();
  end_snapshot();
  forget_serial();
  db_->locks()->release_all(&owner_);
  state_.store(State::kOver, std::memory_order_release);
  db_->transactions_.fetch_sub(1, std::memory_order_relaxed);
}

void Transaction::end_snapshot() {
  if (snapshot_ == kNewest) return;
  db_->snapshots()->release(snapshot_);
  snapshot_ = kNewest;
}

Status Transaction::commit(bool asynchronous, uint64_t tag, uint64_t* timestamp) {
  *timestamp = 0;
  PGZ_TRY(check_open());
  if (own_ == nullptr || own_->empty()) {
    if (serial_ != nullptr) {
      PGZ_TRY(db_->serializability()->commit(serial_, nullptr));
      serial_ = nullptr;
    }
    abort();
    return Status::ok();
  }
  PGZ_TRY(refused_);
  const bool spilled = own_->has_runs();
  OwnWrites::Prepared prepared;
  Status s = own_->prepare(&prepared);
  db_->spilled_runs_.fetch_add(own_->runs_written(), std::memory_order_relaxed);
  if (s.is_ok()) s = submit(&prepared, asynchronous, tag);
  if (!s.is_ok()) {
    for (const RunFile& run : prepared.runs) db_->lsm()->discard_run(run);
    if (spilled) refused_ = s;
    return s;
  }
  if (spilled) db_->slots_->runs_came();
  if (tag != 0) return Status::make(Code::kPending, "waiting for the log");
  done_.wait();
  *timestamp = PendingCommit::timestamp();
  return outcome_;
}

// Whether it only takes things away: such a commit is let in on a full disk, since it makes room.
bool Transaction::makes_room(const OwnWrites::Prepared& prepared) {
  return prepared.runs.empty() &&
         (!prepared.drops->empty() ||
          std::all_of(prepared.writes.begin(), prepared.writes.end(),
                      [](const WriteBuffer::Node* w) { return is_tombstone(w->kind); }));
}

Status Transaction::submit(OwnWrites::Prepared* prepared, bool asynchronous, uint64_t tag) {
  const bool is_welcome = makes_room(*prepared);
  if (!is_welcome) PGZ_TRY(db_->space().check());
  uint64_t weight = prepared->write_bytes + 64 * (prepared->drops->size() + prepared->runs.size());
  if (Status s = db_->lsm()->admit(weight, is_welcome); !s.is_ok()) {
    if (s.is(Code::kNoSpace) || s.is(Code::kClosed)) return s;
    // Who waited to be let in may hear of a failed flush before the instance has: it stops for all.
    db_->pipeline()->fail(s);
    return db_->pipeline()->check();
  }
  if (tag != 0) PGZ_TRY(db_->completions()->reserve());

  CommitRecordBuilder record(db_->runtime().clock->wall_micros());
  record.reserve(weight + 16 * prepared->writes.size() + 64);
  record.begin_drops(prepared->drops->size());
  for (const OpRange& drop : *prepared->drops) record.add_drop(drop.begin, drop.end);
  record.begin_runs(prepared->runs.size());
  for (const RunFile& run : prepared->runs) record.add_run(run);
  record.begin_writes(prepared->writes.size());
  PlacedValues placed;
  placed_from_ = placed_from(*prepared, asynchronous);
  Status s = write_record(*prepared, &record, &placed);
  if (!s.is_ok()) {
    if (tag != 0) db_->completions()->cancel_reservation();
    return s;
  }

  tag_ = tag;
  dropped_ranges_ = !prepared->drops->empty();
  dropped_bytes_ = 0;
  for (const OpRange& drop : *prepared->drops) {
    dropped_bytes_ += db_->lsm()->approximate_bytes(drop.begin, drop.end);
  }
  state_.store(State::kCommitting, std::memory_order_release);
  const std::shared_ptr<Transaction> self = shared_from_this();
  MemTableRef ref;
  const auto append = [&](uint64_t* ts) -> Status {
    PGZ_TRY(db_->pipeline()->submit(self, &record, prepared->runs, asynchronous, &ref));
    *ts = PendingCommit::timestamp();
    return Status::ok();
  };
  const auto judge_and_append = [&] {
    uint64_t ts = 0;
    return serial_ == nullptr ? append(&ts) : db_->serializability()->commit(serial_, append);
  };
  s = judge_and_append();
  if (s.is(Code::kNoSpace)) {
    db_->make_log_room();
    if (is_welcome) s = judge_and_append();
  }
  if (!s.is_ok()) {
    state_.store(State::kOpen, std::memory_order_release);
    if (tag != 0) db_->completions()->cancel_reservation();
    return s;
  }
  serial_ = nullptr;
  if (ref) apply(*prepared, placed, &ref);
  if (db_->pipeline()->failed()) db_->lsm()->keep_values(placed);
  end_snapshot();
  own_.reset();
  if (PGZ_PLANTED(kReleaseEarly)) db_->locks()->release_all(&owner_);
  db_->pipeline()->applied(self);
  return Status::ok();
}

// From how many bytes on this commit's values go straight to the value log; 0: none. A group with
// such values takes two device round trips, the segment's and the log's. Who waits for a small
// commit wants one; where many bytes go by they are worth it, and nobody waits for the others.
uint64_t Transaction::placed_from(const OwnWrites::Prepared& prepared, bool asynchronous) const {
  constexpr uint64_t kLargeCommit = 64;  // times the option
  constexpr uint64_t kLargeValue = 8;
  const uint64_t min_bytes = db_->options().value_direct_min_bytes;
  if (asynchronous || prepared.write_bytes >= kLargeCommit * min_bytes) return min_bytes;
  return kLargeValue * min_bytes;
}

bool Transaction::is_placed(const WriteBuffer::Node& write) const {
  return placed_from_ != 0 && write.kind == Kind::kValue && write.value.size() >= placed_from_;
}

// Large values go to the value log, and the record gets pointers.
Status Transaction::write_record(const OwnWrites::Prepared& prepared, CommitRecordBuilder* record,
                                 PlacedValues* placed) {
  std::vector<Slice> large;
  for (const WriteBuffer::Node* w : prepared.writes) {
    if (is_placed(*w)) large.push_back(w->value);
  }
  if (!large.empty()) PGZ_TRY(db_->lsm()->place_values(large, placed));
  size_t next = 0;
  for (const WriteBuffer::Node* w : prepared.writes) {
    if (is_placed(*w)) {
      record->add_write(Kind::kValuePointer, w->key, placed->logged(next++));
    } else {
      record->add_write(w->kind, w->key, w->value);
    }
  }
  return Status::ok();
}

void Transaction::apply(const OwnWrites::Prepared& prepared, const PlacedValues& placed,
                        MemTableRef* ref) {
  const uint64_t ts = PendingCommit::timestamp();
  Status s;
  for (const OpRange& drop : *prepared.drops) {
    if (s.is_ok()) s = ref->drop_range(drop.begin, drop.end, ts);
  }
  size_t next = 0;
  const auto add_one = [&](const WriteBuffer::Node& w) {
    return is_placed(w) ? ref->add_placed(w.key, ts, placed, next++)
                        : ref->add(w.kind, w.key, ts, w.value);
  };
  // So few gain nothing from being looked up together (docs/decisions/0031).
  if (prepared.writes.size() < kWritesTogether / 4) {
    for (const WriteBuffer::Node* w : prepared.writes) {
      if (s.is_ok()) s = add_one(*w);
    }
  } else {
    std::array<KeyWrite, kWritesTogether> some;
    size_t n = 0;
    for (const WriteBuffer::Node* w : prepared.writes) {
      if (!s.is_ok()) break;
      if (is_placed(*w)) {
        s = add_one(*w);
        continue;
      }
      some[n++] = {w->key, w->kind, w->value};
      if (n == some.size()) s = ref->add_sorted({some.data(), std::exchange(n, 0)}, ts);
    }
    if (s.is_ok()) s = ref->add_sorted({some.data(), n}, ts);
  }
  // The log has the commit and memory does not: nothing may be served from here on, nor may the
  // memtable, which waits for its last writer, be flushed.
  if (!s.is_ok()) db_->pipeline()->fail(s);
  ref->reset();
}

bool Transaction::is_heavy() const { return owner_.held() > kHeavyLocks; }

void Transaction::release(const Status& outcome) {
  outcome_ = outcome;
  db_->locks()->release_all(&owner_);
  // The horizon has passed the drop: its space can come back. A drop acts on tables once its
  // memtable is flushed, which may take long on an idle server: a large one does not wait.
  if (dropped_ranges_ && outcome.is_ok()) {
    if (dropped_bytes_ >= db_->options().memtable_bytes) db_->lsm()->rotate();
    db_->lsm()->poke();
  }
  state_.store(State::kOver, std::memory_order_release);
  db_->transactions_.fetch_sub(1, std::memory_order_relaxed);
}

void Transaction::finish(const Status& outcome, std::vector<Completion>* batch) {
  if (tag_ != 0) {
    batch->push_back({tag_, PendingCommit::timestamp(), outcome.code(), outcome.sys_errno()});
  } else {
    done_.set();
  }
}

uint64_t Transaction::simple_snapshot() {
  if (serial_ != nullptr) return serial_->snapshot();
  if (!options_.repeatable_read) return kNewest;
  if (snapshot_ == kNewest) snapshot_ = db_->snapshots()->acquire();
  return snapshot_;
}

Status Transaction::simple_write(Kind kind, Slice key, Slice value) {
  PGZ_TRY(check_write(last_op_ + 1));
  const uint64_t snapshot = simple_snapshot();
  LockWait wait;
  wait.timeout_micros = options_.lock_timeout_micros;
  PGZ_TRY(lock(LockSpace::kRow, key, kRowUpdate, last_op_, wait));
  if (snapshot != kNewest) {
    uint64_t newest = 0;
    PGZ_TRY(db_->lsm()->newest_version(key, &newest));
    if (newest > snapshot && !PGZ_PLANTED(kSkipConflictCheck)) {
      return Status::make(Code::kConflict, "the key was written after this transaction's snapshot");
    }
  }
  return add(last_op_, kind, key, value);
}

}  // namespace pgz
