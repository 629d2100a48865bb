#include "engine/db/slot_keeper.h"

#include <algorithm>

namespace pgz {

namespace {

constexpr uint64_t kPrepareAfterBytes = uint64_t{1} << 19;
constexpr uint64_t kRetryMicros = 1'000'000;

}  // namespace

SlotKeeper::SlotKeeper(const Runtime& runtime, Log* log, SpaceGuard* space, Hooks hooks)
    : log_(log), space_(space), hooks_(std::move(hooks)), begin_(log->end_lsn()) {
  thread_ = runtime.executor->spawn("pgz-slots", [this] { loop(); });
  if (space_->is_spent()) watch_space();
}

SlotKeeper::~SlotKeeper() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
  }
  cv_.notify_all();
  thread_->join();
}

bool SlotKeeper::has_written() const { return log_->end_lsn() - begin_ >= kPrepareAfterBytes; }

bool SlotKeeper::wants_slots() const { return has_written() && log_->wants_slots(); }

void SlotKeeper::poke() {
  if (!has_written()) return;
  if (!log_->wants_slots() && !space_->wants(log_->end_lsn())) return;
  MutexLock lock(&mu_);
  if (poked_) return;
  poked_ = true;
  cv_.notify_one();
}

void SlotKeeper::runs_came() {
  if (has_runs_.exchange(true)) return;
  MutexLock lock(&mu_);
  poked_ = true;
  cv_.notify_one();
}

void SlotKeeper::recycle(Lsn below) {
  MutexLock lock(&mu_);
  recycle_below_ = std::max(recycle_below_, below);
  poked_ = true;
  cv_.notify_one();
}

void SlotKeeper::watch_space() {
  MutexLock lock(&mu_);
  poked_ = true;
  cv_.notify_one();
}

Status SlotKeeper::work(Lsn below, Lsn* recycled) {
  if (below > *recycled) {
    PGZ_TRY(log_->recycle(below));
    *recycled = below;
  }
  // What is free on a full disk is for flushes.
  if (wants_slots() && !space_->is_spent()) PGZ_TRY(log_->prepare_slots());
  if (has_written() || has_runs_ || space_->is_spent()) space_->refill(log_->end_lsn());
  return Status::ok();
}

void SlotKeeper::loop() {
  Lsn recycled = 0;
  MutexLock lock(&mu_);
  while (!stop_) {
    if (!poked_) {
      cv_.wait(&mu_);
      continue;
    }
    poked_ = false;
    const Lsn below = recycle_below_;
    lock.unlock();
    const Status s = work(below, &recycled);
    const bool full = s.is(Code::kNoSpace);
    if (full || space_->is_spent()) hooks_.on_full();
    if (!s.is_ok() && !full) hooks_.on_failed(s);
    lock.lock();
    if (!s.is_ok() && !full) break;
    if ((full || space_->is_spent()) && !stop_) {
      cv_.wait_for(&mu_, kRetryMicros);
      poked_ = true;
    }
  }
}

}  // namespace pgz
