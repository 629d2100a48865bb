// LockTable: row, table and advisory locks of all transactions, in one table.
//
// Queues are first come, first served: a request waits for whoever holds a conflicting mode and for
// whoever waits ahead of it with one. An owner that already holds the lock and wants more goes
// ahead of the first waiter that its own hold keeps waiting. Rows are PostgreSQL's exception: a
// request that no holder stands in the way of is granted past the queue, so sharers can keep a
// writer waiting, and an owner that holds the row waits ahead of all that do not, but for requests
// that ask whether the row is written, which wait for its holders alone. A wait ends
// exactly once, as granted, cancelled, timed out or deadlock; that is one transition under the
// mutex of the lock's bucket.
//
// The deadlock detector runs for a wait when it has lasted its deadlock timeout. It walks holder
// edges and queue edges with every bucket locked. A cycle that rests on the order of a queue is
// broken by changing it; else the waiter that finds itself on a cycle is the victim and keeps the
// cycle for its error. A cycle is complete only when its last wait began, so one look per wait
// suffices, but for a waiter whose cycle leads through one of holders that is not its own: it looks
// again later. Two that hold one table or advisory lock and each want more than the
// other's hold allows are told at once.
//
// Memory is bounded: beyond LockTableOptions::memory_bytes a new lock is refused. Rows and advisory
// keys get seven eighths of it, so that tables can be locked when too many rows are.
//
// Threads: an owner is used by one thread at a time, except cancel(), which any may call; the table
// by all.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/runtime.h"
#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/txn/lock_modes.h"
#include "engine/txn/write_buffer.h"

namespace pgz {

class LockTable;
struct LockEntry;
class LockOwner;

// How a lock wait ends is told to a sink, outside all mutexes of the table, exactly once.
class LockSink {
 public:
  virtual ~LockSink() = default;
  virtual void lock_wait_ended(uint64_t tag, Status status) = 0;
};

// How to wait. With tag 0 acquire() itself waits; else it answers kPending and the sink is told.
struct LockWait {
  bool try_only = false;
  uint64_t tag = 0;
  uint64_t timeout_micros = 0;           // 0: no limit
  uint64_t deadlock_timeout_micros = 0;  // 0: the table's
};

struct LockTableOptions {
  uint64_t memory_bytes = uint64_t{64} << 20;
  uint64_t deadlock_timeout_micros = 1'000'000;
};

struct LockTableStats {
  uint64_t held = 0;
  uint64_t memory_bytes = 0;
  uint64_t waits = 0;
  uint64_t deadlocks = 0;
  uint64_t detector_steps = 0;  // holders and waiters looked at for cycles
};

// One held or awaited lock, for people to look at.
struct LockInfo {
  LockSpace space = LockSpace::kRow;
  LockMode mode = 0;
  bool granted = false;
  uint64_t session = 0;
  std::string name;
};

// The locks of one transaction. Holds nothing and waits for nothing when destroyed.
class LockOwner {
 public:
  // `session` names it in blocked_by().
  explicit LockOwner(uint64_t session) : session_(session) {}
  ~LockOwner();
  LockOwner(const LockOwner&) = delete;
  LockOwner& operator=(const LockOwner&) = delete;

  uint64_t session() const { return session_.load(std::memory_order_relaxed); }
  // The locks belong to no session from now on.
  void detach() { session_.store(0, std::memory_order_relaxed); }
  bool waiting() const { return bucket_.load(std::memory_order_acquire) != kNotWaiting; }
  size_t held() const { return held_.size(); }
  // After a wait that ended with kDeadlock: the waits of the cycle in order, this owner's first.
  // Each waits for the owner of the next, the last for the first. Its own thread, until it waits
  // again.
  const std::vector<LockInfo>& cycle() const { return cycle_; }

 private:
  friend class LockTable;
  friend struct LockEntry;
  static constexpr uint32_t kNotWaiting = ~uint32_t{0};

  struct Held {
    LockEntry* entry;
    OpNum op;
    LockMode mode;
  };

  std::atomic<uint64_t> session_;
  // Changed by the owner's thread, or by whoever grants while the owner waits.
  std::vector<Held> held_;

  // The one wait, linked into its entry's queue. Protected by the mutex of bucket_.
  std::atomic<uint32_t> bucket_{kNotWaiting};
  LockEntry* entry_ = nullptr;
  LockOwner* queue_next_ = nullptr;  // in the entry's queue
  LockOwner* queue_prev_ = nullptr;
  LockOwner* bucket_next_ = nullptr;  // among all waits of the bucket
  LockOwner* bucket_prev_ = nullptr;
  LockMode mode_ = 0;
  OpNum op_ = 0;
  uint64_t tag_ = 0;
  uint64_t timeout_at_ = 0;   // Clock::now_micros(); 0: never
  uint64_t deadlock_at_ = 0;  // 0: looked already
  uint64_t visit_ = 0;        // detector's marks, for one walk: it was here, and
  LockModes walked_ = 0;      // all ahead in the queue were seen that conflict with these modes
  uint64_t walk_ = 0;         // the walk of walked_
  LockOwner* reached_from_ = nullptr;  // detector's way back
  std::vector<LockInfo> cycle_;        // written before the wait's end is told

  // For waits with tag 0.
  Event ended_;
  Status outcome_;
};

class LockTable {
 public:
  LockTable(const Runtime& runtime, const LockTableOptions& options, LockSink* sink);
  // No owner holds or waits.
  ~LockTable();
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  // ok: held (in this or a stronger mode). kBusy: would have to wait and may not. kPending: waits;
  // the sink will hear. kTooManyLocks: the bound is reached; a wait may end so as well. With tag 0
  // also how the wait ended: kCancelled, kTimedOut, kDeadlock, or the status given to end_waits().
  // *waited (may be null) says whether somebody stood in the way.
  Status acquire(LockOwner* owner, LockSpace space, Slice name, LockMode mode, OpNum op,
                 const LockWait& wait, bool* waited);
  // Ends the owner's wait with kCancelled; false when it has none.
  bool cancel(LockOwner* owner);
  // Gives back every lock numbered op or higher; 0: all. The owner does not wait.
  void release_from(LockOwner* owner, OpNum op);
  void release_all(LockOwner* owner) { release_from(owner, 0); }
  // Gives back the one mode that a request numbered `op` took; what the owner holds of the lock
  // otherwise, and the same mode if a request of another number took it, stays. False where there
  // is nothing to give back. The owner does not wait.
  bool release_one(LockOwner* owner, LockSpace space, Slice name, LockMode mode, OpNum op);
  bool holds(const LockOwner* owner, LockSpace space, Slice name, LockMode mode) const;
  // The owner does not wait, and this is its thread. Names are valid during the call.
  void for_each_held(const LockOwner& owner,
                     const std::function<void(LockSpace, LockMode, Slice)>& visit) const;

  // The sessions that owners of `session` wait for.
  std::vector<uint64_t> blocked_by(uint64_t session) const;
  // Waits, those for one lock in the order of its queue, and locks that are held; of row locks,
  // which may be millions, only the `rows`. Not of one instant: each bucket is as it was when
  // looked at.
  enum class HeldRows { kNone, kAwaited, kAll };
  std::vector<LockInfo> list(HeldRows rows) const;
  // Only locks that somebody waits for, holders first. Costs what the waits cost, however many
  // locks are held.
  std::vector<LockInfo> list_awaited() const;
  LockTableStats stats() const;
  // Ends every wait with `why`; later requests that would wait get it too. The first call counts.
  void end_waits(const Status& why);

 private:
  // A power of two; the detector holds all their mutexes, and TSan follows at most 64 of a thread.
  static constexpr uint32_t kBuckets = 32;
  static constexpr uint64_t kNever = ~uint64_t{0};

  struct Bucket {
    mutable Mutex mu;
    std::vector<LockEntry*> slots;  // a power of two; chained by LockEntry::next
    size_t entries = 0;
    LockOwner* waits = nullptr;  // list through bucket_next_
  };
  // A wait that ended and that nobody has been told of yet.
  struct Ended {
    LockOwner* owner;
    uint64_t tag;
    Status status;
  };
  using EndedList = std::vector<Ended>;

  static uint32_t bucket_of(uint64_t hash) { return static_cast<uint32_t>(hash) & (kBuckets - 1); }
  static LockEntry* find(const Bucket& bucket, uint64_t hash, LockSpace space, Slice name);
  // Null when the bound is reached.
  LockEntry* insert(Bucket* bucket, uint64_t hash, LockSpace space, Slice name);
  void erase_if_unused(Bucket* bucket, LockEntry* entry);
  bool reserve_memory(LockSpace space, size_t bytes);

  static void list_holders(const LockEntry& entry, std::vector<LockInfo>* all);
  static void list_queue(const LockEntry& entry, std::vector<LockInfo>* all);

  bool grant(LockEntry* entry, LockOwner* owner, LockMode mode, OpNum op);
  // The owner's mode of the entry, which may be gone afterwards.
  void give_back(Bucket* bucket, LockEntry* entry, LockOwner* owner, LockMode mode,
                 EndedList* ended);
  // Returns when the timer has to look at it.
  uint64_t enqueue(uint32_t bucket, LockEntry* entry, LockOwner* owner, LockOwner* before,
                   LockMode mode, OpNum op, const LockWait& wait);
  void end_wait(LockOwner* owner, Status status, EndedList* ended);
  void grant_waiters(LockEntry* entry, EndedList* ended);
  void tell(EndedList* ended);

  // Timer thread.
  void timer_loop();
  void schedule(uint64_t deadline);
  // Ends waits that took too long. Returns the next deadline; *look: some wait wants the detector.
  uint64_t end_overdue(uint64_t now, bool* look);
  void detect(uint64_t now);
  // An edge of the graph that the detector has not followed yet.
  struct Edge {
    LockOwner* from;
    LockOwner* to;
  };
  void find_waiting();
  enum class Edges { kAll, kHolders };  // who waits ahead in a queue, or not
  void follow(LockOwner* waiter, Edges edges);
  // Fills cycle_ if so. Linear in the number of waits, however long their queues.
  bool on_cycle(LockOwner* start, Edges edges);
  bool beside_a_hard_cycle(LockOwner* waiter);
  // Breaks the cycle found last by letting one waiter ahead of another in their queue, if it rests
  // on their order alone and no other cycle comes of it.
  bool rearrange(EndedList* ended);
  void keep_cycle();  // for the victim's error
  void lock_all() const;
  void unlock_all() const;

  const Runtime runtime_;
  const LockTableOptions options_;
  LockSink* const sink_;
  std::unique_ptr<Bucket[]> buckets_;
  std::atomic<uint64_t> memory_{0};
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> waits_{0};
  std::atomic<uint64_t> deadlocks_{0};
  std::atomic<uint64_t> detector_steps_{0};
  Mutex close_mu_;  // one end_waits() sets closed_why_
  std::atomic<bool> closed_{false};
  Status closed_why_;                                 // set before closed_
  uint64_t visits_ = 0;                               // detector only
  uint64_t steps_ = 0;                                // detector only
  std::vector<Edge> open_;                            // detector only
  std::unordered_map<uint64_t, LockOwner*> waiting_;  // detector only: by session
  std::vector<LockOwner*> cycle_;  // detector only: each waits for the next, the last for the first

  Mutex timer_mu_;
  CondVar timer_cv_;
  uint64_t next_deadline_ PGZ_GUARDED_BY(timer_mu_) = kNever;
  bool stop_ PGZ_GUARDED_BY(timer_mu_) = false;
  std::unique_ptr<Joinable> timer_;
};

}  // namespace pgz
