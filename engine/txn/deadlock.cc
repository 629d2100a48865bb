// The lock table's timer thread: waits that took too long, and the deadlock detector.
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "engine/base/clock.h"
#include "engine/txn/lock_entry.h"
#include "engine/txn/lock_table.h"

namespace pgz {

void LockTable::schedule(uint64_t deadline) {
  MutexLock lock(&timer_mu_);
  if (deadline >= next_deadline_) return;
  next_deadline_ = deadline;
  timer_cv_.notify_one();
}

void LockTable::timer_loop() {
  MutexLock lock(&timer_mu_);
  while (!stop_) {
    if (next_deadline_ == kNever) {
      timer_cv_.wait(&timer_mu_);
      continue;
    }
    const uint64_t now = runtime_.clock->now_micros();
    if (now < next_deadline_) {
      timer_cv_.wait_for(&timer_mu_, next_deadline_ - now);
      continue;
    }
    next_deadline_ = kNever;  // waits that begin during the look lower it again
    lock.unlock();
    bool look = false;
    const uint64_t next = end_overdue(now, &look);
    if (look) detect(now);
    lock.lock();
    next_deadline_ = std::min(next_deadline_, next);
  }
}

uint64_t LockTable::end_overdue(uint64_t now, bool* look) {
  uint64_t next_deadline = kNever;
  EndedList ended;
  for (uint32_t b = 0; b < kBuckets; b++) {
    MutexLock lock(&buckets_[b].mu);
    LockOwner* next = buckets_[b].waits;
    while (next != nullptr) {
      LockOwner* waiter = next;
      next = waiter->bucket_next_;
      if (waiter->timeout_at_ != 0 && waiter->timeout_at_ <= now) {
        LockEntry* entry = waiter->entry_;
        end_wait(waiter, Status::make(Code::kTimedOut, "the lock wait took too long"), &ended);
        grant_waiters(entry, &ended);
        erase_if_unused(&buckets_[b], entry);
        next = buckets_[b].waits;  // others may have been granted as well
        continue;
      }
      if (waiter->timeout_at_ != 0) next_deadline = std::min(next_deadline, waiter->timeout_at_);
      if (waiter->deadlock_at_ == 0) continue;
      if (waiter->deadlock_at_ <= now) {
        *look = true;
      } else {
        next_deadline = std::min(next_deadline, waiter->deadlock_at_);
      }
    }
  }
  tell(&ended);
  return next_deadline;
}

void LockTable::lock_all() const PGZ_NO_THREAD_SAFETY_ANALYSIS {
  for (uint32_t b = 0; b < kBuckets; b++) buckets_[b].mu.lock();
}

void LockTable::unlock_all() const PGZ_NO_THREAD_SAFETY_ANALYSIS {
  for (uint32_t b = kBuckets; b-- > 0;) buckets_[b].mu.unlock();
}

void LockTable::detect(uint64_t now) {
  EndedList ended;
  lock_all();
  for (uint32_t b = 0; b < kBuckets; b++) {
    LockOwner* next = buckets_[b].waits;
    while (next != nullptr) {
      LockOwner* waiter = next;
      next = waiter->bucket_next_;
      if (waiter->deadlock_at_ == 0 || waiter->deadlock_at_ > now) continue;
      waiter->deadlock_at_ = 0;
      if (!on_cycle(waiter)) continue;
      LockEntry* entry = waiter->entry_;
      end_wait(waiter, Status::make(Code::kDeadlock, "deadlock detected"), &ended);
      deadlocks_.fetch_add(1, std::memory_order_relaxed);
      grant_waiters(entry, &ended);
      erase_if_unused(&buckets_[b], entry);
      next = buckets_[b].waits;
    }
  }
  unlock_all();
  tell(&ended);
}

bool LockTable::on_cycle(LockOwner* start) {
  visits_++;
  // A session waits with one owner at a time and holds with several (its transaction and its
  // session-level advisory locks), so an edge to any of them leads on from the one that waits.
  std::unordered_map<uint64_t, LockOwner*> waiters;
  for (uint32_t b = 0; b < kBuckets; b++) {
    for (LockOwner* w = buckets_[b].waits; w != nullptr; w = w->bucket_next_) {
      if (w->session_ != 0) waiters[w->session_] = w;
    }
  }
  std::vector<LockOwner*> open;
  const auto push = [&](LockOwner* blocker) { open.push_back(blocker); };
  start->entry_->for_each_blocker(start, push);
  while (!open.empty()) {
    LockOwner* at = open.back();
    open.pop_back();
    if (!at->waiting() && at->session_ != 0) {
      const auto it = waiters.find(at->session_);
      if (it != waiters.end()) at = it->second;
    }
    if (at == start) return true;
    if (at->visit_ == visits_) continue;
    at->visit_ = visits_;
    if (at->waiting()) at->entry_->for_each_blocker(at, push);
  }
  return false;
}

std::vector<uint64_t> LockTable::blocked_by(uint64_t session) const {
  std::vector<uint64_t> sessions;
  lock_all();
  for (uint32_t b = 0; b < kBuckets; b++) {
    for (LockOwner* waiter = buckets_[b].waits; waiter != nullptr; waiter = waiter->bucket_next_) {
      if (waiter->session() != session) continue;
      waiter->entry_->for_each_blocker(
          waiter, [&](LockOwner* blocker) { sessions.push_back(blocker->session()); });
    }
  }
  unlock_all();
  std::sort(sessions.begin(), sessions.end());
  sessions.erase(std::unique(sessions.begin(), sessions.end()), sessions.end());
  return sessions;
}

}  // namespace pgz
