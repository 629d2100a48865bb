#include "engine/txn/snapshots.h"

#include <algorithm>

#include "engine/base/planted.h"

namespace pgz {

uint64_t Snapshots::acquire() {
  MutexLock lock(&mu_);
  const uint64_t ts = base_.load(std::memory_order_relaxed);
  count_++;
  // The base never goes back, so a new timestamp belongs at the end.
  if (registered_.empty() || registered_.back().ts < ts) {
    registered_.push_back({ts, 1, now()});
  } else {
    if (registered_.back().users == 0) {
      unused_--;
      registered_.back().since_micros = now();
    }
    registered_.back().users++;
  }
  return ts;
}

bool Snapshots::share(uint64_t ts) {
  MutexLock lock(&mu_);
  auto it = std::lower_bound(registered_.begin(), registered_.end(), ts,
                             [](const Registered& r, uint64_t t) { return r.ts < t; });
  if (it == registered_.end() || it->ts != ts || it->users == 0) return false;
  it->users++;
  count_++;
  return true;
}

bool Snapshots::release(uint64_t ts) {
  MutexLock lock(&mu_);
  auto it = std::lower_bound(registered_.begin(), registered_.end(), ts,
                             [](const Registered& r, uint64_t t) { return r.ts < t; });
  if (it == registered_.end() || it->ts != ts || it->users == 0) return false;
  count_--;
  if (--it->users == 0) {
    unused_++;
    drop_unused();
  }
  return true;
}

void Snapshots::drop_unused() {
  while (!registered_.empty() && registered_.front().users == 0) {
    registered_.pop_front();
    unused_--;
  }
  // A long-lived snapshot at the front must not keep the dead ones behind it.
  if (unused_ > 64 && unused_ > registered_.size() / 2) {
    std::erase_if(registered_, [](const Registered& r) { return r.users == 0; });
    unused_ = 0;
  }
}

void Snapshots::publish(uint64_t horizon) {
  MutexLock lock(&mu_);
  if (horizon <= horizon_.load(std::memory_order_relaxed)) return;
  horizon_.store(horizon, std::memory_order_release);
  if (horizon > base_.load(std::memory_order_relaxed)) {
    base_.store(horizon, std::memory_order_release);
  }
}

void Snapshots::publish_acknowledged(uint64_t ts) {
  MutexLock lock(&mu_);
  if (ts > base_.load(std::memory_order_relaxed)) base_.store(ts, std::memory_order_release);
}

std::vector<uint64_t> Snapshots::boundaries() const {
  MutexLock lock(&mu_);
  std::vector<uint64_t> all;
  all.reserve(registered_.size() + 1);
  for (const Registered& r : registered_) {
    if (r.users != 0 && !PGZ_PLANTED(kIgnoreSnapshots)) all.push_back(r.ts);
  }
  all.push_back(horizon_.load(std::memory_order_relaxed));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

uint64_t Snapshots::count() const {
  MutexLock lock(&mu_);
  return count_;
}

uint64_t Snapshots::oldest() const {
  MutexLock lock(&mu_);
  for (const Registered& r : registered_) {
    if (r.users != 0) return r.ts;
  }
  return base_.load(std::memory_order_relaxed);
}

std::vector<Snapshots::Registered> Snapshots::list() const {
  MutexLock lock(&mu_);
  std::vector<Registered> all;
  for (const Registered& r : registered_) {
    if (r.users != 0) all.push_back(r);
  }
  return all;
}

}  // namespace pgz
