// Serializability: transactions at SERIALIZABLE run at a snapshot like those at REPEATABLE READ;
// this room watches what they read and write and fails one wherever the outcome might equal no
// order of running them one after another (serializable snapshot isolation: Cahill, Röhm, Fekete;
// Ports and Grittner for the read-only rules).
//
// A read that does not see a concurrent transaction's write puts the reader before the writer: an
// edge reader -> writer. What can go wrong always contains T_in -> pivot -> T_out, each pair
// concurrent, where T_out is the first of the three to commit and, if T_in writes nothing, does so
// before T_in takes its snapshot. One of the three fails when that shape is seen.
//
// Promises
//  - Every outcome of committed serializable transactions equals a serial one. Others take no part
//    and pay nothing: their reads and writes are not looked at.
//  - Moments of failure are PostgreSQL's: the read, the write or the commit that completes the
//    shape fails at once where the caller is the one to go; else the pivot is doomed and fails at
//    its next read, write or commit. Failing is for good: what is left is to roll back.
//  - One mutex covers {a read is marked, and write sets are probed} and {a write is marked, and
//  read
//    marks are probed} and {a commit checks and takes its timestamp}. So of two concurrent
//    transactions that touch one key the later call sees the earlier one's mark.
//  - Who is concurrent is judged by timestamps: a write is invisible to a snapshot below its
//  commit.
//    What a committed transaction touched is kept until the base of new snapshots and the snapshots
//    of all unfinished transactions have passed it.
//  - A read-only transaction whose snapshot no unfinished writer can spoil any more is safe: it is
//    forgotten and reads without marks.
//
// Limits: marks are keys and ranges of keys, per transaction at most MarkSet::kMarksMax, then ever
// coarser. Beyond memory_bytes in all the oldest committed transactions are folded into one, then
// the caller's own marks are coarsened; more failures, never fewer. If that is not enough, calls
// answer kTooManyLocks.
//
// Errors: kSerialization, its message says what PostgreSQL's detail says; kTooManyLocks.
//
// Threads: any; each SerialTxn by one at a time. The commit callback runs under the mutex.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/txn/mark_set.h"
#include "engine/txn/snapshots.h"

namespace pgz {

class Serializability;

// One transaction in the books. Owned by Serializability, from begin() until it needs it no more;
// its transaction may use it until commit() or abort().
class SerialTxn {
 public:
  // Never 0 and never used again.
  uint64_t id() const { return id_; }
  // Registered until commit() or abort().
  uint64_t snapshot() const { return snapshot_; }
  // Reads need no marks any more.
  bool is_safe() const { return safe_.load(std::memory_order_acquire); }

 private:
  friend class Serializability;
  static constexpr uint64_t kNever = ~uint64_t{0};
  enum class State : uint8_t { kActive, kPrepared, kCommitted };
  using Peers = std::map<uint64_t, SerialTxn*>;  // by id_

  SerialTxn(MarkIndex* reads, MarkIndex* writes, uint64_t* memory)
      : reads_(reads, memory), writes_(writes, memory) {}

  bool committed() const { return state_ == State::kCommitted; }
  bool prepared() const { return state_ != State::kActive; }

  // All below is protected by the mutex of Serializability, but for safe_.
  uint64_t id_ = 0;
  uint64_t session_ = 0;
  uint64_t snapshot_ = 0;
  uint64_t begin_seq_ = 0;
  State state_ = State::kActive;
  bool read_only_ = false;  // declared so, or committed without writes
  bool doomed_ = false;
  bool adopted_ = false;
  bool unsafe_ = false;  // read-only, and its snapshot is not and will not become safe
  bool listed_ = false;  // among those active
  std::atomic<bool> safe_{false};

  // Commit order: numbers of one sequence. Folded transactions have the range of theirs.
  uint64_t prepared_seq_ = kNever;  // the first
  uint64_t end_seq_ = 0;            // the last
  uint64_t commit_first_ = kNever;  // timestamps
  uint64_t commit_last_ = 0;        // 0: wrote nothing
  // Timestamp of the earliest commit among transactions this one has an edge to and that committed
  // before it.
  uint64_t earliest_out_ = kNever;

  Peers in_;   // they read what this one wrote, and did not see it
  Peers out_;  // they wrote what this one read, and it did not see it
  MarkSet reads_;
  MarkSet writes_;

  // Of a writer: read-only transactions whose snapshot it may spoil; of those: the writers.
  Peers watchers_;
  Peers watching_;
  std::function<void(Code)> when_known_;

  std::list<SerialTxn*>::iterator place_;
};

struct SerializableStats {
  uint64_t active = 0;
  uint64_t kept = 0;  // committed, and still needed
  uint64_t marks = 0;
  uint64_t memory_bytes = 0;
  uint64_t failures = 0;  // statuses kSerialization given
  uint64_t folded = 0;
};

// What a transaction has read, for people to look at: one key, or [begin, end).
struct ReadInfo {
  uint64_t session = 0;
  bool point = false;
  bool infinite = false;
  std::string begin;
  std::string end;
};

class Serializability {
 public:
  Serializability(Snapshots* snapshots, uint64_t memory_bytes)
      : snapshots_(snapshots), memory_max_(memory_bytes) {}
  Serializability(const Serializability&) = delete;
  Serializability& operator=(const Serializability&) = delete;

  // Takes and registers a snapshot. A read-only transaction's writes are not looked at: it writes
  // only what nobody else reads.
  SerialTxn* begin(bool read_only, uint64_t session = 0);
  // At the snapshot of the transaction with the id `source`. Null when that has ended, or is
  // read-only and this one is not.
  SerialTxn* begin_like(uint64_t source, bool read_only, uint64_t session = 0);

  // A prepared transaction found by recovery. What it read is not known: it counts as having read
  // everything, and as having been overtaken by an earlier commit; its writes are told by write().
  SerialTxn* adopt(uint64_t session);

  Status read(SerialTxn* txn, Slice key);
  // [begin, bound); an empty range is nothing.
  Status read_range(SerialTxn* txn, Slice begin, const MarkBound& bound);
  Status write(SerialTxn* txn, uint32_t op, Slice key);
  Status write_range(SerialTxn* txn, uint32_t op, Slice begin, const MarkBound& bound);
  // Writes numbered op or higher are undone.
  void rollback_to(SerialTxn* txn, uint32_t op);

  // Checks; from then on nobody fails it. The second half is commit() without a check, or abort().
  Status prepare(SerialTxn* txn);
  // Checks unless prepared, then `submit` appends the commit and gives its timestamp; null where
  // there is nothing to write. On ok the transaction belongs to others. Else it is still open:
  // after kSerialization for abort() only, where `submit` failed for another commit() as well; from
  // the check on nobody fails it, as after prepare().
  Status commit(SerialTxn* txn, const std::function<Status(uint64_t* ts)>& submit);
  void abort(SerialTxn* txn);

  // Calls `known` once, with kOk when the read-only transaction's snapshot is safe, kSerialization
  // when it never will be, or how the wait was ended; at once where that is known. No lock is held
  // during the call. One wait at a time.
  void when_safe_known(SerialTxn* txn, std::function<void(Code)> known);
  // Ends the wait of the transaction with this id with kCancelled; false when it has none. Any
  // thread at any time.
  bool cancel_wait(uint64_t id);
  // Ends every wait, and those that would begin later. The first call counts.
  void end_waits(Code code);
  // Sessions whose transactions keep one of `session` waiting for a safe snapshot.
  std::vector<uint64_t> safety_blockers(uint64_t session) const;

  // Marks of reads that are still of use, also of transactions that have committed.
  std::vector<ReadInfo> list_reads() const;
  SerializableStats stats() const;

 private:
  using List = std::list<SerialTxn*>;
  // What a transaction weighs beside its marks, and an edge.
  static constexpr uint64_t kTxnBytes = sizeof(SerialTxn) + 96;
  static constexpr uint64_t kEdgeBytes = 2 * 64;
  using Known = std::vector<std::pair<std::function<void(Code)>, Code>>;
  static constexpr size_t kFoldedMarks = 256;

  // serializable.cc: lives
  static void link(SerialTxn* reader, SerialTxn* writer, uint64_t* memory);
  static void unlink(SerialTxn* reader, SerialTxn* writer, uint64_t* memory);
  void end(SerialTxn* txn) PGZ_REQUIRES(mu_);
  SerialTxn* add(uint64_t snapshot, uint64_t begin_seq, bool read_only, uint64_t session)
      PGZ_REQUIRES(mu_);
  void watch_writers(SerialTxn* txn) PGZ_REQUIRES(mu_);
  void tell_watchers(SerialTxn* txn, bool wrote, Known* known) PGZ_REQUIRES(mu_);
  void know(SerialTxn* reader, bool safe, Known* known) PGZ_REQUIRES(mu_);
  static void take_wait(SerialTxn* txn, Code code, Known* known);
  void forget_edges(SerialTxn* txn) PGZ_REQUIRES(mu_);
  void drop(SerialTxn* txn) PGZ_REQUIRES(mu_);
  void prune() PGZ_REQUIRES(mu_);
  Status make_room(SerialTxn* txn) PGZ_REQUIRES(mu_);
  void fold_oldest() PGZ_REQUIRES(mu_);

  // conflicts.cc: rules
  Status fail(SerialTxn* txn, const char* reason) PGZ_REQUIRES(mu_);
  Status out_edge(SerialTxn* me, SerialTxn* writer) PGZ_REQUIRES(mu_);
  Status in_edge(SerialTxn* reader, SerialTxn* me) PGZ_REQUIRES(mu_);
  Status add_edge(SerialTxn* reader, SerialTxn* writer, SerialTxn* me) PGZ_REQUIRES(mu_);
  static bool is_dangerous(const SerialTxn* reader, const SerialTxn* writer);
  Status check_commit(SerialTxn* txn) PGZ_REQUIRES(mu_);
  Status mark_read(SerialTxn* txn, Slice begin, const MarkBound& bound) PGZ_REQUIRES(mu_);
  Status mark_write(SerialTxn* txn, uint32_t op, Slice begin, const MarkBound& bound)
      PGZ_REQUIRES(mu_);
  uint64_t written_over(const SerialTxn* me, Slice begin, const MarkBound& bound) PGZ_REQUIRES(mu_);
  static void note_out(SerialTxn* pivot, const SerialTxn* out);

  Snapshots* const snapshots_;
  const uint64_t memory_max_;

  mutable Mutex mu_;
  uint64_t seq_ PGZ_GUARDED_BY(mu_) = 0;
  uint64_t ids_ PGZ_GUARDED_BY(mu_) = 0;
  uint64_t memory_ PGZ_GUARDED_BY(mu_) = 0;
  MarkIndex reads_ PGZ_GUARDED_BY(mu_);
  MarkIndex writes_ PGZ_GUARDED_BY(mu_);
  std::map<uint64_t, std::unique_ptr<SerialTxn>> all_ PGZ_GUARDED_BY(mu_);
  List active_ PGZ_GUARDED_BY(mu_);     // by begin_seq_; those that are not safe
  List committed_ PGZ_GUARDED_BY(mu_);  // in commit order
  uint64_t failures_ PGZ_GUARDED_BY(mu_) = 0;
  uint64_t folded_ PGZ_GUARDED_BY(mu_) = 0;
  std::optional<Code> ended_ PGZ_GUARDED_BY(mu_);  // by end_waits()
};

}  // namespace pgz
