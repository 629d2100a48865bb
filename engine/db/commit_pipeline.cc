#include "engine/db/commit_pipeline.h"

#include <utility>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/base/planted.h"
#include "engine/base/slices.h"

namespace pgz {

namespace {

constexpr uint64_t kIdleMicros = 250'000;  // then the log is sealed
constexpr uint64_t kGatherMicros = 5'000;
constexpr uint64_t kGatherBytes = 256 << 10;
// A record from here on goes to the device while its writes are applied.
constexpr size_t kLargeRecordBytes = 64 << 10;

}  // namespace

CommitPipeline::CommitPipeline(const Runtime& runtime, Log* log, Lsm* lsm, Snapshots* snapshots,
                               Completions* completions, uint64_t last_ts, Hooks hooks)
    : runtime_(runtime),
      log_(log),
      lsm_(lsm),
      snapshots_(snapshots),
      completions_(completions),
      hooks_(std::move(hooks)),
      last_ts_(last_ts),
      durable_(log->durable_lsn()) {}

CommitPipeline::~CommitPipeline() {
  if (Status s = stop(); !s.is_ok()) return;  // the owner was told by the hook
}

void CommitPipeline::start() {
  thread_ = runtime_.executor->spawn("pgz-log", [this] { log_loop(); });
}

Status CommitPipeline::stop() {
  {
    MutexLock lock(&append_mu_);
    closed_ = true;
  }
  if (thread_ != nullptr) {
    {
      MutexLock lock(&wake_mu_);
      stop_ = true;
    }
    wake_cv_.notify_all();
    thread_->join();
    thread_.reset();
  }
  if (heavy_thread_ != nullptr) {
    {
      MutexLock lock(&heavy_mu_);
      heavy_stop_ = true;
    }
    heavy_cv_.notify_all();
    heavy_thread_->join();
    heavy_thread_.reset();
  }
  MutexLock lock(&append_mu_);
  return failed_;
}

Status CommitPipeline::refused() const {
  if (!failed_.is_ok()) return failed_;
  if (closed_) return Status::make(Code::kClosed, "the database is closed");
  return Status::ok();
}

Status CommitPipeline::check() const {
  if (!failed_flag_.load(std::memory_order_acquire)) return Status::ok();
  MutexLock lock(&append_mu_);
  return failed_;
}

Status CommitPipeline::append(std::shared_ptr<PendingCommit> pending, Slice record,
                              bool asynchronous) {
  PGZ_ASSIGN(const Appended at, log_->append(record));
  record_bytes_.fetch_add(record.size(), std::memory_order_relaxed);
  pending->lsn_end_ = at.lsn_end;
  pending->asynchronous_ = asynchronous;
  queue_.push_back(std::move(pending));
  return Status::ok();
}

// One record is one entry of the memtable queue: with runs the rest of the commit goes to theirs.
Status CommitPipeline::reserve(const std::vector<RunFile>& runs, const PendingCommit& commit,
                               MemTableRef* ref) {
  if (runs.empty()) {
    *ref = lsm_->reserve_active(commit.lsn_end_);
    return Status::ok();
  }
  PGZ_ASSIGN(*ref, lsm_->ingest(runs, commit.ts_, commit.lsn_end_));
  return Status::ok();
}

Status CommitPipeline::submit(std::shared_ptr<PendingCommit> commit, CommitRecordBuilder* record,
                              const std::vector<RunFile>& runs, bool asynchronous,
                              MemTableRef* ref) {
  if (asynchronous) unacknowledged_.fetch_add(1);
  if (!asynchronous) commit->submitted_micros_ = runtime_.clock->now_micros();
  Status s;
  Status behind;  // what failed once the record was in the log
  Finished unknown;
  {
    MutexLock lock(&append_mu_);
    s = refused();
    if (s.is_ok()) {
      const uint64_t ts = last_ts_ + 1;
      record->set_timestamp(ts);
      commit->ts_ = ts;
      s = append(commit, record->bytes(), asynchronous);
      if (s.is_ok()) {
        last_ts_ = ts;
        if (PGZ_PLANTED(kHorizonEarly)) snapshots_->publish(ts);
        behind = reserve(runs, *commit, ref);
        // Before anybody appends behind this record: the flush of a later one would carry the
        // flushed position over it, and replay would not see it again.
        if (!behind.is_ok()) unknown = stop_appending(behind);
      }
    }
  }
  if (!s.is_ok()) {
    if (asynchronous) unacknowledged_.fetch_sub(1);
    if (!s.is(Code::kNoSpace) && !s.is(Code::kClosed)) fail(s);
    return s;
  }
  if (!behind.is_ok()) after_failure(behind, unknown);
  if (record->bytes().size() >= kLargeRecordBytes) wake_for(asynchronous);
  return s;
}

Status CommitPipeline::submit_plain(std::shared_ptr<PendingCommit> pending, Slice record,
                                    const std::function<void(Lsn)>& in_order) {
  Status s;
  {
    MutexLock lock(&append_mu_);
    s = refused();
    if (s.is_ok()) {
      pending->applied_.store(true);
      s = append(pending, record, false);
      if (s.is_ok()) in_order(pending->lsn_end_);
    }
  }
  if (s.is_ok()) {
    wake_log_thread(true);
  } else if (!s.is(Code::kNoSpace) && !s.is(Code::kClosed)) {
    fail(s);
  }
  return s;
}

void CommitPipeline::applied(const std::shared_ptr<PendingCommit>& commit) {
  commit->applied_.store(true);
  if (unacknowledged_.load() != 0) acknowledge_applied();
  const bool wanted = want_applied_.load() && want_applied_.exchange(false);
  if (wanted) {
    wake_log_thread(true);
  } else {
    wake_for(commit->asynchronous_);
  }
}

void CommitPipeline::wake_for(bool asynchronous) {
  wake_log_thread(!asynchronous || log_->pending_bytes() >= kGatherBytes);
}

void CommitPipeline::acknowledge_applied() {
  Finished ready;
  uint64_t base = 0;
  {
    MutexLock lock(&append_mu_);
    for (; applied_front_ < queue_.size(); applied_front_++) {
      const std::shared_ptr<PendingCommit>& commit = queue_[applied_front_];
      if (!commit->applied_.load()) break;
      if (!commit->asynchronous_ || commit->acknowledged_) continue;
      commit->acknowledged_ = true;
      base = commit->ts_;
      ready.push_back(commit);
    }
  }
  if (ready.empty()) return;
  unacknowledged_.fetch_sub(ready.size());
  snapshots_->publish_acknowledged(base);
  finish_all(ready, Status::ok());
}

void CommitPipeline::finish_all(const Finished& commits, const Status& outcome) {
  for (const auto& commit : commits) commit->release(outcome);
  std::vector<Completion> batch;
  batch.reserve(commits.size());
  for (const auto& commit : commits) commit->finish(outcome, &batch);
  completions_->finish(batch);
}

void CommitPipeline::publish(Lsn durable) {
  Finished done;
  Finished heavy;
  Finished late;  // acknowledged before
  uint64_t horizon = 0;
  uint64_t commits = 0;
  uint64_t asynchronous = 0;
  {
    MutexLock lock(&append_mu_);
    durable_ = durable;
    while (!queue_.empty() && queue_.front()->lsn_end_ <= durable_) {
      if (!queue_.front()->applied_.load()) {
        want_applied_.store(true);
        // It may have been applied just before it could see the flag.
        if (!queue_.front()->applied_.load()) break;
        want_applied_.store(false);
      }
      std::shared_ptr<PendingCommit> commit = std::move(queue_.front());
      queue_.pop_front();
      if (applied_front_ > 0) applied_front_--;
      if (commit->ts_ != 0) {
        horizon = commit->ts_;
        commits++;
      }
      if (commit->asynchronous_ && !commit->acknowledged_) asynchronous++;
      Finished& to = commit->acknowledged_ ? late : commit->is_heavy() ? heavy : done;
      to.push_back(std::move(commit));
    }
    if (durable_waiters_ != 0) durable_cv_.notify_all();
  }
  unacknowledged_.fetch_sub(asynchronous);
  commits_.fetch_add(commits, std::memory_order_relaxed);
  const uint64_t now = runtime_.clock->now_micros();
  for (const Finished* list : {&done, &heavy}) {
    for (const auto& commit : *list) {
      if (commit->submitted_micros_ != 0) commit_latency_.record(now - commit->submitted_micros_);
    }
  }
  if (horizon != 0) snapshots_->publish(horizon);
  if (!done.empty()) {
    const Completions::Hold hold(completions_);
    finish_all(done, Status::ok());
  }
  if (heavy.empty()) return;
  if (heavy_thread_ == nullptr) {
    heavy_thread_ = runtime_.executor->spawn("pgz-release", [this] { heavy_loop(); });
  }
  MutexLock lock(&heavy_mu_);
  for (auto& commit : heavy) heavy_.push_back(std::move(commit));
  heavy_cv_.notify_one();
}

void CommitPipeline::heavy_loop() {
  MutexLock lock(&heavy_mu_);
  while (!heavy_stop_ || !heavy_.empty()) {
    if (heavy_.empty()) {
      heavy_cv_.wait(&heavy_mu_);
      continue;
    }
    Finished commits;
    commits.swap(heavy_);
    lock.unlock();
    finish_all(commits, Status::ok());
    commits.clear();
    lock.lock();
  }
}

void CommitPipeline::wake_log_thread(bool urgent) {
  work_.store(true);
  if (urgent) urgent_.store(true);
  if (!sleeping_.load() || (gathering_.load() && !urgent) || !sleeping_.exchange(false)) return;
  // It says that it sleeps before it lets go of the mutex. Woken under the mutex it would often run
  // at once, on this processor, and only to wait for it.
  wake_mu_.lock();
  wake_mu_.unlock();
  wake_cv_.notify_one();
}

void CommitPipeline::gather() {
  const uint64_t end = runtime_.clock->now_micros() + kGatherMicros;
  gathering_.store(true);
  while (true) {
    sleeping_.store(true);
    if (urgent_.load() || stop_ || failed()) break;
    const uint64_t now = runtime_.clock->now_micros();
    if (now >= end) break;
    wake_cv_.wait_for(&wake_mu_, end - now);
  }
  gathering_.store(false);
}

bool CommitPipeline::wait_for_work(bool* sealed) {
  MutexLock lock(&wake_mu_);
  while (true) {
    sleeping_.store(true);
    if (work_.load() || stop_) break;
    if (*sealed || failed()) {
      wake_cv_.wait(&wake_mu_);
    } else if (!wake_cv_.wait_for(&wake_mu_, kIdleMicros) && !work_.load() && !stop_) {
      lock.unlock();
      if (Status s = log_->seal(); !s.is_ok()) fail(s);
      *sealed = true;
      lock.lock();
    }
  }
  if (work_.load() && !urgent_.load()) gather();
  sleeping_.store(false);
  urgent_.store(false);
  return work_.exchange(false) || !stop_;
}

void CommitPipeline::log_loop() {
  // It wakes twice a flush, and all commits wait for it (docs/decisions/0015).
  if (runtime_.executor == thread_executor()) ask_for_short_slices();
  bool sealed = false;
  bool told = false;
  while (wait_for_work(&sealed)) {
    if (failed()) {
      if (!std::exchange(told, true) && hooks_.after_failed) hooks_.after_failed();
      continue;
    }
    const uint64_t start = runtime_.clock->now_micros();
    const bool pending = log_->has_pending();
    Lsn durable = 0;
    Status s = log_->flush(&durable);
    if (!s.is_ok()) {
      fail(s);
      continue;
    }
    if (pending) {
      sealed = false;
      flushes_.fetch_add(1, std::memory_order_relaxed);
      const uint64_t micros = runtime_.clock->now_micros() - start;
      flush_micros_.fetch_add(micros, std::memory_order_relaxed);
      flush_latency_.record(micros);
    }
    publish(durable);
    if (pending) hooks_.after_flush();
  }
  if (failed()) return;
  if (Status s = log_->seal(); !s.is_ok()) fail(s);
  publish(log_->durable_lsn());
}

Status CommitPipeline::wait_durable(Lsn lsn) {
  MutexLock lock(&append_mu_);
  if (durable_ < lsn) wake_log_thread(true);
  durable_waiters_++;
  while (durable_ < lsn && failed_.is_ok()) durable_cv_.wait(&append_mu_);
  durable_waiters_--;
  return failed_;
}

CommitPipeline::Finished CommitPipeline::stop_appending(const Status& why) {
  failed_ =
      Status::make(Code::kFailed, "the instance has stopped: " + why.to_string(), why.sys_errno());
  failed_flag_.store(true, std::memory_order_release);
  Finished unknown;
  for (auto& commit : queue_) {
    if (!commit->acknowledged_) unknown.push_back(std::move(commit));
  }
  queue_.clear();
  applied_front_ = 0;
  durable_cv_.notify_all();
  return unknown;
}

void CommitPipeline::after_failure(const Status& why, const Finished& unknown) {
  hooks_.on_failed(why);
  finish_all(unknown, Status::make(Code::kUnknown,
                                   "the log failed while this commit waited: " + why.to_string(),
                                   why.sys_errno()));
  wake_log_thread(true);  // for after_failed
}

void CommitPipeline::fail(const Status& why) {
  Finished unknown;
  {
    MutexLock lock(&append_mu_);
    if (!failed_.is_ok()) return;
    unknown = stop_appending(why);
  }
  after_failure(why, unknown);
}

PipelineStats CommitPipeline::stats() const {
  PipelineStats s;
  s.commits = commits_.load(std::memory_order_relaxed);
  s.flushes = flushes_.load(std::memory_order_relaxed);
  s.record_bytes = record_bytes_.load(std::memory_order_relaxed);
  s.flush_micros = flush_micros_.load(std::memory_order_relaxed);
  return s;
}

}  // namespace pgz
