// Db: one open database directory. It opens and recovers the rooms below, schedules their
// background work, and gives transactions, snapshots, reads, counters and completions.
//
//   DIR/IDENTITY  uuid and format version, written last at creation      DIR/LOCK  held while open
//   DIR/log, DIR/sst, DIR/manifest  see the rooms
//
// Promises: engine.md "Correctness". A commit is durable, applied and visible to new snapshots
// before its ticket completes, and its locks are held until then. After a failed log write or flush
// every call gives kFailed; waits end with it, commits that waited end with kUnknown.
//
// Threads: any. close() waits for nobody: the caller sees to it that no call is in progress, that
// all transactions are over and that all cursors are gone.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/runtime.h"
#include "engine/base/status.h"
#include "engine/db/commit_pipeline.h"
#include "engine/db/counters.h"
#include "engine/db/options.h"
#include "engine/db/slot_keeper.h"
#include "engine/db/space_guard.h"
#include "engine/io/io.h"
#include "engine/log/log.h"
#include "engine/lsm/lsm.h"
#include "engine/txn/completions.h"
#include "engine/txn/lock_table.h"
#include "engine/txn/serializable.h"
#include "engine/txn/snapshots.h"
#include "engine/txn/write_buffer.h"

namespace pgz {

class Transaction;
struct TransactionOptions;

// As the timestamp of a read: the newest committed state at the moment of the call.
inline constexpr uint64_t kNewest = ~uint64_t{0};

// What a point read found. version_ts is 0 when nothing was ever there, and for own writes.
struct ReadResult {
  Status status;  // ok: a value; kNotFound; or an error
  bool own = false;
  uint64_t version_ts = 0;
  Kind kind = Kind::kTombstone;  // meaningful when own or version_ts != 0
  std::string value;             // for kMovedTombstone the new key
};

// What a registered snapshot keeps from being dropped.
struct SnapshotPins {
  uint64_t ts = 0;
  uint64_t users = 0;
  uint64_t age_micros = 0;  // since it was registered first
  uint64_t commits_since = 0;
  // At most so many: a version that only this snapshot sees was replaced after it, and before the
  // next snapshot was taken, by one that is still there (Lsm::versions_between()).
  VersionCount at_most;
};

struct DbStats {
  uint64_t horizon = 0;
  uint64_t snapshots = 0;
  uint64_t oldest_snapshot = 0;
  uint64_t transactions = 0;
  uint64_t spilled_runs = 0;
  PipelineStats pipeline;
  LockTableStats locks;
  SerializableStats serializable;
  LsmStats lsm;
};

// Recorded by those who call, in nanoseconds.
struct DbLatencies {
  SharedHistogram read;  // point reads: one in kReadSample
  SharedHistogram scan;  // batches fetched by cursors
  static constexpr uint32_t kReadSample = 16;
};

class Db : private LockSink {
 public:
  // `notify` is called when completions can be drained (txn/completions.h).
  static Result<std::unique_ptr<Db>> open(const Runtime& runtime, const std::string& dir,
                                          const DbOptions& options, std::function<void()> notify);
  // close() if it was not called.
  ~Db() override;
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  // Ends every lock wait with kClosed, so that blocked callers come back. Before close().
  void begin_close();
  Status close();

  std::shared_ptr<Transaction> begin(const TransactionOptions& options);

  uint64_t acquire_snapshot() { return snapshots_->acquire(); }
  bool release_snapshot(uint64_t ts) { return snapshots_->release(ts); }

  // Reads at snapshot `ts` (registered, or kNewest), through the writes of txn (may be null)
  // numbered below op.
  void read(Transaction* txn, uint64_t ts, OpNum op, Slice key, ReadResult* result);

  // Makes everything written so far part of the sorted tables; waits.
  Status flush();
  // ok, or why the instance refuses calls.
  Status check() const { return pipeline_->check(); }
  DbStats stats() const;
  // Of the oldest `max` snapshots, oldest first; *count is how many there are.
  std::vector<SnapshotPins> snapshot_pins(size_t max, size_t* count) const;
  // For people: Io::describe().
  std::string describe_io() const { return runtime_.io->describe(); }
  // Of the keys in [lower, upper), in memory and on disk; an estimate.
  uint64_t approximate_bytes(Slice lower, Slice upper) const;

  DbLatencies* latencies() { return &latencies_; }
  Completions* completions() { return &completions_; }
  Counters* counters() { return counters_.get(); }
  LockTable* locks() { return locks_.get(); }
  Snapshots* snapshots() { return snapshots_.get(); }
  const SpaceGuard& space() const { return space_; }
  Serializability* serializability() { return serializability_.get(); }
  CommitPipeline* pipeline() { return pipeline_.get(); }
  Lsm* lsm() { return lsm_.get(); }
  const Runtime& runtime() const { return runtime_; }
  const DbOptions& options() const { return options_; }

 private:
  friend class Transaction;

  Db(const Runtime& runtime, std::string dir, const DbOptions& options,
     std::function<void()> notify);

  // open.cc
  Status open_files();
  Status create_files();
  Status open_existing();
  Status read_log(const std::function<std::optional<Lsn>()>& from);
  Status replay(const LsmRecovered& recovered);
  Status check_place(bool there);
  Status start();
  void bound_log();
  void flush_for_space();
  void make_log_room();
  LsmOptions lsm_options();
  LogOptions log_options() const;
  uint64_t first_slot_bytes() const;
  void lock_wait_ended(uint64_t tag, Status status) override;

  const Runtime runtime_;
  const std::string dir_;
  const DbOptions options_;
  Completions completions_;
  SpaceGuard space_;

  std::unique_ptr<FileLock> file_lock_;
  std::unique_ptr<Joinable> tuning_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Lsm> lsm_;
  std::unique_ptr<Snapshots> snapshots_;
  std::unique_ptr<Serializability> serializability_;
  std::unique_ptr<LockTable> locks_;
  std::unique_ptr<CommitPipeline> pipeline_;
  std::unique_ptr<Counters> counters_;
  std::unique_ptr<SlotKeeper> slots_;
  std::array<uint8_t, 16> uuid_{};
  uint64_t last_ts_ = 0;  // found by recovery
  Lsn bounded_at_ = 0;    // end of the log when it last asked for a flush; the log thread's
  bool closed_ = false;

  DbLatencies latencies_;
  std::atomic<uint64_t> transactions_{0};
  std::atomic<uint64_t> spilled_runs_{0};
};

}  // namespace pgz
