#include "engine/lsm/job_scheduler.h"

#include <algorithm>

namespace pgz {

namespace {

// Shorter rests cost more than they give; longer ones are not owed, so that a job which was held up
// in a single write is not punished for it.
constexpr uint64_t kRestMicrosMin = 500;
constexpr uint64_t kRestMicrosMax = 50'000;
// What counts as lately: the ledger is halved when it has so much.
constexpr uint64_t kLedgerMicros = 4'000'000;

}  // namespace

void JobScheduler::set_debt(JobClass which, double debt) {
  debt_[index(which)].store(debt, std::memory_order_relaxed);
}

double JobScheduler::share(JobClass which) const {
  const double debt = debt_[index(which)].load(std::memory_order_relaxed);
  return kShareMin + (1 - kShareMin) * std::clamp(debt, 0.0, 1.0);
}

bool JobScheduler::goes_before(JobClass urgent, JobClass other) const {
  if (share(urgent) >= 1) return true;
  MutexLock lock(&mutex_);
  const auto mine = static_cast<double>(worked_micros_[index(other)]);
  const auto both = mine + static_cast<double>(worked_micros_[index(urgent)]);
  return mine >= share(other) * both;
}

void JobScheduler::stop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  changed_.notify_all();
}

bool JobScheduler::is_outranked(JobClass which) const {
  return std::any_of(at_work_, at_work_ + index(which), [](int jobs) { return jobs > 0; });
}

void JobScheduler::note_work(JobClass which, uint64_t micros) {
  worked_micros_[index(which)] += micros;
  uint64_t all = 0;
  for (const uint64_t worked : worked_micros_) all += worked;
  if (all < kLedgerMicros) return;
  for (uint64_t& worked : worked_micros_) worked /= 2;
}

// Returns how long it was.
uint64_t JobScheduler::rest(JobClass which, uint64_t micros) {
  const uint64_t begin = clock_->now_micros();
  uint64_t now = begin;
  while (is_outranked(which) && !stopping_ && now - begin < micros) {
    changed_.wait_for(&mutex_, micros - (now - begin));
    now = clock_->now_micros();
  }
  return now - begin;
}

JobTurn::JobTurn(JobScheduler* scheduler, JobClass which) : scheduler_(scheduler), which_(which) {
  resume();
}

JobTurn::~JobTurn() { suspend(); }

void JobTurn::resume() {
  since_micros_ = scheduler_->clock_->now_micros();
  MutexLock lock(&scheduler_->mutex_);
  scheduler_->at_work_[JobScheduler::index(which_)]++;
}

void JobTurn::suspend() {
  const uint64_t now = scheduler_->clock_->now_micros();
  MutexLock lock(&scheduler_->mutex_);
  scheduler_->note_work(which_, now - since_micros_);
  scheduler_->at_work_[JobScheduler::index(which_)]--;
  scheduler_->changed_.notify_all();
}

void JobTurn::give_way() {
  const uint64_t now = scheduler_->clock_->now_micros();
  const uint64_t worked = now - since_micros_;
  since_micros_ = now;
  MutexLock lock(&scheduler_->mutex_);
  scheduler_->note_work(which_, worked);
  if (!scheduler_->is_outranked(which_)) {
    owed_micros_ = 0;
    return;
  }
  const double per_work = 1 / scheduler_->share(which_) - 1;
  owed_micros_ += static_cast<uint64_t>(static_cast<double>(worked) * per_work);
  owed_micros_ = std::min(owed_micros_, kRestMicrosMax);
  if (owed_micros_ < kRestMicrosMin) return;
  const uint64_t rested = scheduler_->rest(which_, owed_micros_);
  owed_micros_ -= std::min(owed_micros_, rested);
  since_micros_ = now + rested;
}

}  // namespace pgz
