// Transaction: one transaction's writes, locks and way to its commit.
//
// Two families of calls. The plain ones do what they are told (views, operation numbers, locks are
// the caller's business): the SQL server's. The simple_ ones lock, check and number by themselves.
//
// Threads: one at a time, except cancel_wait(). Shared ownership because a submitted commit
// outlives its caller.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "engine/db/commit_pipeline.h"
#include "engine/db/db.h"
#include "engine/txn/lock_table.h"
#include "engine/txn/own_writes.h"
#include "engine/txn/serializable.h"

namespace pgz {

struct TransactionOptions {
  bool repeatable_read = true;  // simple calls: one snapshot; else each sees the newest state
  bool read_only = false;
  bool serializable = false;  // watched by Serializability, at one snapshot taken at once
  uint64_t session = 0;
  uint64_t lock_timeout_micros = 0;  // simple calls
};

class Transaction final : public PendingCommit, public std::enable_shared_from_this<Transaction> {
 public:
  Transaction(Db* db, const TransactionOptions& options);
  ~Transaction() override;  // abort() if it is open

  Status put(OpNum op, Slice key, Slice value) { return add(op, Kind::kValue, key, value); }
  Status remove(OpNum op, Slice key) { return add(op, Kind::kTombstone, key, {}); }
  Status move(OpNum op, Slice key, Slice new_key) {
    return add(op, Kind::kMovedTombstone, key, new_key);
  }
  Status own_range(OpNum op, Slice begin, Slice end);
  Status drop_range(OpNum op, Slice begin, Slice end);
  // Undoes writes and releases locks numbered op or higher.
  Status rollback_to(OpNum op);

  // As LockTable::acquire; with a tag the completion goes to the database's ring.
  Status lock(LockSpace space, Slice name, LockMode mode, OpNum op, const LockWait& wait);
  bool cancel_wait();
  // Gives back what a lock request numbered `op` took, and nothing else. kNotFound: it took
  // nothing, or it is gone. kInvalidArgument for a row that this transaction has written.
  Status unlock(LockSpace space, Slice name, LockMode mode, OpNum op);

  // kPending: the completion with `tag` has the timestamp. With tag 0 waits. *timestamp 0: there
  // was nothing to write. On kUnknown the outcome is open; on any other error nothing was
  // committed: what is left is abort() or, unless it had spilled runs, another commit().
  Status commit(bool asynchronous, uint64_t tag, uint64_t* timestamp);
  void abort();

  // For two-phase commit: *state is all this transaction has written and locked. Its locks belong
  // to no session from now on, and what is left is commit() or abort(). kNotSupported: it created
  // or dropped ranges, or is beyond 512 MiB.
  Status prepare(std::string* state);
  // Takes over what prepare() gave, in a new transaction. kBusy: somebody has one of its locks.
  Status adopt(Slice state);

  // Simple calls: number their writes themselves and see all of them. Writes wait for the key's
  // lock and under repeatable read give kConflict when somebody committed it after the snapshot.
  Status simple_write(Kind kind, Slice key, Slice value);
  uint64_t simple_snapshot();  // kNewest under read committed

  // Serializable transactions. Their reads at serial_snapshot() are marked by those who read;
  // kSerialization leaves only abort(). For other transactions marking does nothing.
  // Makes a transaction that has written nothing serializable: takes a snapshot, or that of `like`
  // (not null: open, serializable, and not read-only unless this one is). With `read_only` it will
  // write only what nobody else reads. Nothing when it is serializable already.
  Status serialize(bool read_only, Transaction* like);
  // As if it had never been serializable; it has read nothing yet.
  void forget_serial();
  bool is_marked(uint64_t ts) const { return serial_ != nullptr && ts == serial_->snapshot(); }
  bool is_serializable() const { return serial_ != nullptr; }
  uint64_t serial_snapshot() const { return serial_->snapshot(); }
  Status mark_read(Slice key);
  Status mark_read(Slice begin, const MarkBound& bound);
  // ok: the snapshot is safe. kSerialization: it never will be. kPending: as commit(); the
  // completion has one of the two statuses, or kCancelled.
  Status wait_safe(uint64_t tag);

  bool open() const { return state_.load(std::memory_order_acquire) == State::kOpen; }
  bool waiting() const { return owner_.waiting(); }
  // LockOwner::cycle() of the last wait.
  const std::vector<LockInfo>& deadlock() const { return owner_.cycle(); }
  OwnWrites* own() { return own_.get(); }  // null before the first write
  const TransactionOptions& options() const { return options_; }

 private:
  enum class State : uint8_t { kOpen, kCommitting, kOver };

  Status check_open() const;
  Status check_write(OpNum op);
  Status add(OpNum op, Kind kind, Slice key, Slice value);
  OwnWrites* make_own();
  static bool makes_room(const OwnWrites::Prepared& prepared);
  Status submit(OwnWrites::Prepared* prepared, bool asynchronous, uint64_t tag);
  Status mark_range(OpNum op, Slice begin, Slice end);
  uint64_t placed_from(const OwnWrites::Prepared& prepared, bool asynchronous) const;
  bool is_placed(const WriteBuffer::Node& write) const;
  Status write_record(const OwnWrites::Prepared& prepared, CommitRecordBuilder* record,
                      PlacedValues* placed);
  void apply(const OwnWrites::Prepared& prepared, const PlacedValues& placed, MemTableRef* ref);
  void end_snapshot();

  // PendingCommit
  bool is_heavy() const override;
  void release(const Status& outcome) override;
  void finish(const Status& outcome, std::vector<Completion>* batch) override;

  Db* const db_;
  const TransactionOptions options_;
  std::atomic<State> state_{State::kOpen};
  LockOwner owner_;
  std::unique_ptr<OwnWrites> own_;
  OpNum last_op_ = 0;
  uint64_t snapshot_ = kNewest;  // of the simple calls; registered when set
  SerialTxn* serial_ = nullptr;  // until it is over
  std::atomic<uint64_t> serial_id_{0};
  uint64_t tag_ = 0;
  bool dropped_ranges_ = false;
  uint64_t dropped_bytes_ = 0;  // about, by others' commits
  uint64_t placed_from_ = 0;    // of the commit under way: see placed_from()
  Status refused_;              // a failed commit that used up its runs
  Event done_;
  Status outcome_;
};

}  // namespace pgz
