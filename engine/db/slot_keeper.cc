#include "engine/db/slot_keeper.h"

#include <algorithm>

namespace pgz {

namespace {

constexpr uint64_t kPrepareAfterBytes = uint64_t{1} << 19;
constexpr uint64_t kRetryMicros = 1'000'000;

}  // namespace

SlotKeeper::SlotKeeper(const Runtime& runtime, Log* log,
                       std::function<void(const Status&)> on_failed)
    : log_(log), on_failed_(std::move(on_failed)), begin_(log->end_lsn()) {
  thread_ = runtime.executor->spawn("pgz-slots", [this] { loop(); });
}

SlotKeeper::~SlotKeeper() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
  }
  cv_.notify_all();
  thread_->join();
}

bool SlotKeeper::wants_slots() const {
  return log_->end_lsn() - begin_ >= kPrepareAfterBytes && log_->wants_slots();
}

void SlotKeeper::poke() {
  if (!wants_slots()) return;
  MutexLock lock(&mu_);
  if (poked_) return;
  poked_ = true;
  cv_.notify_one();
}

void SlotKeeper::recycle(Lsn below) {
  MutexLock lock(&mu_);
  recycle_below_ = std::max(recycle_below_, below);
  poked_ = true;
  cv_.notify_one();
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
    Status s;
    if (below > recycled) {
      s = log_->recycle(below);
      if (s.is_ok()) recycled = below;
    }
    if (s.is_ok() && wants_slots()) s = log_->prepare_slots();
    const bool full = s.is(Code::kNoSpace);
    if (!s.is_ok() && !full) on_failed_(s);
    lock.lock();
    if (!s.is_ok() && !full) break;
    if (full && !stop_) {
      cv_.wait_for(&mu_, kRetryMicros);
      poked_ = true;
    }
  }
}

}  // namespace pgz
