#include "engine/txn/completions.h"

#include <algorithm>

#include "engine/base/assert.h"

namespace pgz {

Status Completions::reserve() {
  MutexLock lock(&mu_);
  if (outstanding_ == kOutstandingMax) {
    return Status::make(Code::kOutOfMemory, "too many outstanding calls");
  }
  if (outstanding_ == ring_.size()) {
    std::vector<Completion> larger(std::max<size_t>(64, ring_.size() * 2));
    for (size_t i = 0; i < ready_; i++) larger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_.swap(larger);
    head_ = 0;
  }
  outstanding_++;
  return Status::ok();
}

void Completions::cancel_reservation() {
  MutexLock lock(&mu_);
  PGZ_ASSERT(outstanding_ > ready_);
  outstanding_--;
}

void Completions::finish(std::span<const Completion> completions) {
  if (completions.empty()) return;
  bool signal = false;
  {
    MutexLock lock(&mu_);
    for (const Completion& completion : completions) {
      PGZ_ASSERT(ready_ < outstanding_);
      ring_[(head_ + ready_) & (ring_.size() - 1)] = completion;
      ready_++;
    }
    signal = !signalled_ && holds_ == 0;
    signalled_ = signalled_ || signal;
  }
  if (signal) notify_();
}

Completions::Hold::Hold(Completions* completions) : completions_(completions) {
  MutexLock lock(&completions_->mu_);
  completions_->holds_++;
}

Completions::Hold::~Hold() {
  Completions* const c = completions_;
  bool signal = false;
  {
    MutexLock lock(&c->mu_);
    c->holds_--;
    signal = c->holds_ == 0 && c->ready_ != 0 && !c->signalled_;
    c->signalled_ = c->signalled_ || signal;
  }
  if (signal) c->notify_();
}

size_t Completions::drain(std::span<Completion> out) {
  MutexLock lock(&mu_);
  const size_t n = std::min(out.size(), ready_);
  for (size_t i = 0; i < n; i++) out[i] = ring_[(head_ + i) & (ring_.size() - 1)];
  if (n != 0) head_ = (head_ + n) & (ring_.size() - 1);
  ready_ -= n;
  outstanding_ -= n;
  // Not empty: the reader comes back by itself. Empty: the next finish signals again.
  if (ready_ == 0) signalled_ = false;
  return n;
}

}  // namespace pgz
