// CommitPipeline: from a transaction's record to its durability.
//
//   committing thread   under the append mutex: position in the log, commit timestamp and memtable
//                       together; then, without it, applies its writes and says applied(), which
//                       wakes the log thread: sooner it would find nothing to finish, and on a busy
//                       machine take the processor from who applies
//   log thread          flushes one group while the next forms; when a group is durable, takes from
//                       the queue's front all that is durable and applied, publishes the horizon,
//                       then lets them finish: locks are released, then tickets completed
//
// No commit that somebody waits for waits for company: the next group is what arrived while the
// last one was flushed. Where nobody waits (only asynchronous commits came) the log thread gathers
// for kGatherMicros or kGatherBytes, so that small commits share blocks and flushes.
//
// A commit that does not wait for durability is acknowledged once it and everything before it is
// applied; from then on new snapshots see it (Snapshots::publish_acknowledged).
//
// A failed append (other than no space) or flush stops the pipeline for good: everything in the
// queue finishes with kUnknown, submit() answers kFailed, Hooks::on_failed and after_failed are
// called once.
//
// When nothing came for a while the log thread seals the log.
//
// Threads: any; on_failed and most finished() calls come from the log thread.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/histogram.h"
#include "engine/base/runtime.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/db/record.h"
#include "engine/log/log.h"
#include "engine/lsm/lsm.h"
#include "engine/txn/completions.h"
#include "engine/txn/snapshots.h"

namespace pgz {

// Something in the log that waits to be durable. Kept alive by the queue.
class PendingCommit {
 public:
  virtual ~PendingCommit() = default;

  // Called once. First without locks of the pipeline: release what is held until now. kUnknown when
  // the log failed.
  virtual void release(const Status& outcome) = 0;
  // Then: tell who waits. Completions to be sent go into the batch.
  virtual void finish(const Status& outcome, std::vector<Completion>* batch) = 0;

  // Whether release() takes so long that the log thread must not do it.
  virtual bool is_heavy() const { return false; }

  uint64_t timestamp() const { return ts_; }

 private:
  friend class CommitPipeline;
  uint64_t ts_ = 0;  // 0: has none, does not move the horizon
  Lsn lsn_end_ = 0;
  uint64_t submitted_micros_ = 0;  // 0: nobody waits for it to be durable
  std::atomic<bool> applied_{false};
  bool asynchronous_ = false;
  bool acknowledged_ = false;
};

struct PipelineStats {
  uint64_t commits = 0;
  uint64_t flushes = 0;
  uint64_t record_bytes = 0;
  uint64_t flush_micros = 0;
};

class CommitPipeline {
 public:
  struct Hooks {
    std::function<void()> after_flush;  // by the log thread, after every group
    // By whoever met the failure, within whatever call that was.
    std::function<void(const Status&)> on_failed;
    // Afterwards by the log thread, which holds nothing then; may be empty.
    std::function<void()> after_failed;
  };
  // Borrows all; last_ts is the newest timestamp given so far.
  CommitPipeline(const Runtime& runtime, Log* log, Lsm* lsm, Snapshots* snapshots,
                 Completions* completions, uint64_t last_ts, Hooks hooks);
  ~CommitPipeline();  // stop() if it was not called
  CommitPipeline(const CommitPipeline&) = delete;
  CommitPipeline& operator=(const CommitPipeline&) = delete;

  void start();
  // Makes durable what was submitted, seals, ends the log thread. submit() answers kClosed.
  Status stop();

  // Appends a commit. On ok the commit has its timestamp, *ref is its memtable; the caller applies
  // its writes, resets *ref and calls applied(). An empty *ref means that the pipeline failed
  // behind the append: the commit finishes with kUnknown. On an error nothing was appended.
  Status submit(std::shared_ptr<PendingCommit> commit, CommitRecordBuilder* record,
                const std::vector<RunFile>& runs, bool asynchronous, MemTableRef* ref);
  void applied(const std::shared_ptr<PendingCommit>& commit);
  // Appends a record that needs no memtable; `in_order` runs under the append mutex, in log order.
  Status submit_plain(std::shared_ptr<PendingCommit> pending, Slice record,
                      const std::function<void(Lsn lsn_end)>& in_order);

  // Waits until the log is durable to lsn.
  Status wait_durable(Lsn lsn);
  // Stops for good, as after a failed flush.
  void fail(const Status& why);
  bool failed() const { return failed_flag_.load(std::memory_order_acquire); }
  // ok, or why calls are refused.
  Status check() const;
  PipelineStats stats() const;
  // In microseconds: from submission to durable, of commits that waited; and of groups.
  Histogram commit_latency() const { return commit_latency_.snapshot(); }
  Histogram flush_latency() const { return flush_latency_.snapshot(); }

 private:
  using Queue = std::deque<std::shared_ptr<PendingCommit>>;
  using Finished = std::vector<std::shared_ptr<PendingCommit>>;

  void log_loop();
  void heavy_loop();
  // Sleeps until there is work; false when it is over.
  bool wait_for_work(bool* sealed);
  // `urgent`: somebody waits for the next group.
  void wake_log_thread(bool urgent);
  // After a commit was appended.
  void wake_for(bool asynchronous);
  void gather() PGZ_REQUIRES(wake_mu_);
  void publish(Lsn durable);
  void acknowledge_applied();
  void finish_all(const Finished& commits, const Status& outcome);
  Status refused() const PGZ_REQUIRES(append_mu_);
  // The two halves of fail(): refuses appends from here on and gives the commits whose outcome is
  // unknown; then, without the mutex, tells everybody.
  Finished stop_appending(const Status& why) PGZ_REQUIRES(append_mu_);
  void after_failure(const Status& why, const Finished& unknown);
  Status reserve(const std::vector<RunFile>& runs, const PendingCommit& commit, MemTableRef* ref)
      PGZ_REQUIRES(append_mu_);
  Status append(std::shared_ptr<PendingCommit> pending, Slice record, bool asynchronous)
      PGZ_REQUIRES(append_mu_);

  const Runtime runtime_;
  Log* const log_;
  Lsm* const lsm_;
  Snapshots* const snapshots_;
  Completions* const completions_;
  const Hooks hooks_;

  mutable Mutex append_mu_;
  uint64_t last_ts_ PGZ_GUARDED_BY(append_mu_);
  Queue queue_ PGZ_GUARDED_BY(append_mu_);  // in log order
  // So many at the queue's front are applied, and acknowledged where they are asynchronous.
  size_t applied_front_ PGZ_GUARDED_BY(append_mu_) = 0;
  Lsn durable_ PGZ_GUARDED_BY(append_mu_) = 0;
  uint64_t durable_waiters_ PGZ_GUARDED_BY(append_mu_) = 0;
  CondVar durable_cv_;
  bool closed_ PGZ_GUARDED_BY(append_mu_) = false;
  Status failed_ PGZ_GUARDED_BY(append_mu_);
  std::atomic<bool> failed_flag_{false};

  std::atomic<uint64_t> unacknowledged_{0};  // asynchronous commits in the queue
  std::atomic<bool> want_applied_{false};    // the log thread waits for the queue's front

  std::atomic<bool> work_{false};
  std::atomic<bool> urgent_{false};
  // For work, or gathering. Who wakes the log thread takes it back, so that one does.
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> gathering_{false};
  Mutex wake_mu_;
  CondVar wake_cv_;
  bool stop_ PGZ_GUARDED_BY(wake_mu_) = false;
  std::unique_ptr<Joinable> thread_;

  // Finishes commits with very many locks, so that others do not wait behind them.
  Mutex heavy_mu_;
  CondVar heavy_cv_;
  Finished heavy_ PGZ_GUARDED_BY(heavy_mu_);
  bool heavy_stop_ PGZ_GUARDED_BY(heavy_mu_) = false;
  std::unique_ptr<Joinable> heavy_thread_;  // started when first needed, by the log thread

  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> flushes_{0};
  std::atomic<uint64_t> record_bytes_{0};
  std::atomic<uint64_t> flush_micros_{0};
  SharedHistogram commit_latency_;
  SharedHistogram flush_latency_;
};

}  // namespace pgz
