// The lock table's timer thread: waits that took too long, and the deadlock detector.
#include <algorithm>
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
  uint64_t look_again = kNever;
  lock_all();
  find_waiting();
  for (uint32_t b = 0; b < kBuckets; b++) {
    LockOwner* next = buckets_[b].waits;
    while (next != nullptr) {
      LockOwner* waiter = next;
      next = waiter->bucket_next_;
      if (waiter->deadlock_at_ == 0 || waiter->deadlock_at_ > now) continue;
      waiter->deadlock_at_ = 0;
      if (!on_cycle(waiter, Edges::kAll)) continue;
      if (beside_a_hard_cycle(waiter)) {
        waiter->deadlock_at_ = now + options_.deadlock_timeout_micros;
        look_again = std::min(look_again, waiter->deadlock_at_);
        continue;
      }
      if (rearrange(&ended)) {
        find_waiting();
        next = buckets_[b].waits;
        continue;
      }
      keep_cycle();
      LockEntry* entry = waiter->entry_;
      end_wait(waiter, Status::make(Code::kDeadlock, "deadlock detected"), &ended);
      deadlocks_.fetch_add(1, std::memory_order_relaxed);
      grant_waiters(entry, &ended);
      erase_if_unused(&buckets_[b], entry);
      find_waiting();
      next = buckets_[b].waits;
    }
  }
  unlock_all();
  detector_steps_.store(steps_, std::memory_order_relaxed);
  tell(&ended);
  if (look_again != kNever) schedule(look_again);
}

// Whether the cycle found last, the waiter's, leads through one of holders alone of which the
// waiter is no part. One of that ends, by its own look, and with it maybe the waiter's, which has
// only its place in a queue to blame: a hundred that wait for a row do not all fail because two who
// hold it and another wait for each other.
bool LockTable::beside_a_hard_cycle(LockOwner* waiter) {
  const std::vector<LockOwner*> cycle = cycle_;
  bool beside = false;
  if (!on_cycle(waiter, Edges::kHolders)) {
    for (size_t i = 1; i < cycle.size() && !beside; i++) {
      beside = on_cycle(cycle[i], Edges::kHolders);
    }
  }
  cycle_ = cycle;
  return beside;
}

// A session waits with one owner at a time and holds with several (its transaction and its
// session-level advisory locks), so an edge to any of them leads on from the one that waits.
void LockTable::find_waiting() {
  waiting_.clear();
  for (uint32_t b = 0; b < kBuckets; b++) {
    for (LockOwner* w = buckets_[b].waits; w != nullptr; w = w->bucket_next_) {
      if (w->session() != 0) waiting_[w->session()] = w;
    }
  }
}

bool LockTable::on_cycle(LockOwner* start, Edges edges) {
  visits_++;
  open_.clear();
  follow(start, edges);
  while (!open_.empty()) {
    auto [from, at] = open_.back();
    open_.pop_back();
    steps_++;
    if (!at->waiting() && at->session() != 0) {
      const auto it = waiting_.find(at->session());
      if (it != waiting_.end()) at = it->second;
    }
    if (at == start) {
      cycle_.clear();
      for (; from != start; from = from->reached_from_) cycle_.push_back(from);
      cycle_.push_back(start);
      std::reverse(cycle_.begin(), cycle_.end());
      return true;
    }
    if (at->visit_ == visits_) continue;
    at->visit_ = visits_;
    at->reached_from_ = from;
    if (at->waiting()) follow(at, edges);
  }
  return false;
}

// What was seen for another waiter of the same mode in this walk need not be seen again, so that
// queues are walked once per mode and not once per waiter.
void LockTable::follow(LockOwner* waiter, Edges edges) {
  LockEntry* entry = waiter->entry_;
  LockEntry::Crowd* crowd = entry->crowd.get();
  const LockModes bit = mode_bit(waiter->mode_);
  const LockModes wanted = conflicting_modes(entry->space, waiter->mode_);
  if (crowd->walk != visits_) crowd->walked = 0;
  crowd->walk = visits_;
  if ((crowd->walked & bit) == 0) {
    bool holds = false;  // a waiter does not block itself, but others of its mode
    entry->for_each_holder([&](const LockHolder& h) {
      steps_++;
      if (entry->same_side(waiter, h.owner)) {
        holds = true;
      } else if ((h.modes & wanted) != 0) {
        open_.push_back({waiter, h.owner});
      }
    });
    if (!holds) crowd->walked = static_cast<LockModes>(crowd->walked | bit);
  }
  if (edges == Edges::kHolders) return;
  for (LockOwner* at = waiter->queue_prev_; at != nullptr; at = at->queue_prev_) {
    steps_++;
    if (at->walk_ != visits_) at->walked_ = 0;
    at->walk_ = visits_;
    if ((at->walked_ & bit) != 0) break;
    at->walked_ = static_cast<LockModes>(at->walked_ | bit);
    if ((mode_bit(at->mode_) & wanted) != 0) open_.push_back({waiter, at});
  }
}

void LockTable::keep_cycle() {
  std::vector<LockInfo> cycle;
  for (const LockOwner* at : cycle_) {
    cycle.push_back(
        {at->entry_->space, at->mode_, false, at->session(), std::string(at->entry_->name())});
  }
  cycle_.front()->cycle_ = std::move(cycle);
}

bool LockTable::rearrange(EndedList* ended) {
  const std::vector<LockOwner*> cycle = cycle_;
  // From the far end, as PostgreSQL does: with several queues in a cycle this decides who goes
  // first.
  for (size_t i = cycle.size(); i-- > 0;) {
    LockOwner* behind = cycle[i];
    LockOwner* ahead = cycle[(i + 1) % cycle.size()];
    LockEntry* entry = behind->entry_;
    const LockModes wanted = conflicting_modes(entry->space, behind->mode_);
    if (ahead->entry_ != entry || (entry->held(ahead, true) & wanted) != 0) continue;
    LockOwner* const place = behind->queue_next_;
    entry->unlink(behind);
    entry->link(behind, ahead);
    if (!on_cycle(cycle.front(), Edges::kAll) && !on_cycle(ahead, Edges::kAll) &&
        !on_cycle(behind, Edges::kAll)) {
      grant_waiters(entry, ended);
      return true;
    }
    entry->unlink(behind);
    entry->link(behind, place);
  }
  cycle_ = cycle;
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
