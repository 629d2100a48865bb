#include "engine/base/sync.h"

#include <atomic>
#include <chrono>
#include <thread>

namespace pgz {

// In the simulation all fibers share one thread, so plain members are enough; what makes a call a
// yield point is FiberHost::yield() or park(). Nothing touches *this after waking a waiter that may
// destroy it.

void Mutex::lock_fiber() {
  FiberHost* host = current_fiber_host;
  host->yield();
  while (fiber_locked_) host->park(this, FiberHost::kForever);
  fiber_locked_ = true;
}

bool Mutex::try_lock_fiber() {
  current_fiber_host->yield();
  if (fiber_locked_) return false;
  fiber_locked_ = true;
  return true;
}

void Mutex::unlock_fiber() {
  FiberHost* host = current_fiber_host;
  PGZ_ASSERT(fiber_locked_);
  fiber_locked_ = false;
  host->wake_one(this);
  host->yield();
}

void CondVar::wait(Mutex* mu) {
  if (FiberHost* host = current_fiber_host; host != nullptr) {
    PGZ_ASSERT(mu->fiber_locked_);
    mu->fiber_locked_ = false;  // no yield between this and park: no wake-up is lost
    host->wake_one(mu);
    host->park(this, FiberHost::kForever);
    mu->lock_fiber();
    return;
  }
  std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
  cv_.wait(lock);
  lock.release();
}

bool CondVar::wait_for(Mutex* mu, uint64_t micros) {
  if (FiberHost* host = current_fiber_host; host != nullptr) {
    PGZ_ASSERT(mu->fiber_locked_);
    mu->fiber_locked_ = false;
    host->wake_one(mu);
    const bool woken = host->park(this, micros);
    mu->lock_fiber();
    return woken;
  }
  std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
  // Far timers would overflow the clock's type.
  constexpr uint64_t kMicrosMax = 1000ull * 1000 * 3600 * 24 * 365;
  const auto timeout = std::chrono::microseconds(micros < kMicrosMax ? micros : kMicrosMax);
  const bool woken = cv_.wait_for(lock, timeout) == std::cv_status::no_timeout;
  lock.release();
  return woken;
}

void CondVar::notify_one() {
  if (FiberHost* host = current_fiber_host; host != nullptr) {
    host->wake_one(this);
    return;
  }
  cv_.notify_one();
}

void CondVar::notify_all() {
  if (FiberHost* host = current_fiber_host; host != nullptr) {
    host->wake_all(this);
    return;
  }
  cv_.notify_all();
}

void Event::set() {
  MutexLock lock(&mu_);
  set_ = true;
  cv_.notify_all();
}

void Event::reset() {
  MutexLock lock(&mu_);
  set_ = false;
}

bool Event::is_set() const {
  MutexLock lock(&mu_);
  return set_;
}

void Event::wait() {
  MutexLock lock(&mu_);
  while (!set_) cv_.wait(&mu_);
}

bool Event::wait_for(uint64_t micros) {
  MutexLock lock(&mu_);
  while (!set_) {
    if (!cv_.wait_for(&mu_, micros)) break;
  }
  return set_;
}

void SharedMutex::lock() {
  FiberHost* host = current_fiber_host;
  if (host == nullptr) {
    mu_.lock();
    return;
  }
  host->yield();
  while (fiber_writer_ || fiber_readers_ > 0) host->park(this, FiberHost::kForever);
  fiber_writer_ = true;
}

void SharedMutex::unlock() {
  FiberHost* host = current_fiber_host;
  if (host == nullptr) {
    mu_.unlock();
    return;
  }
  PGZ_ASSERT(fiber_writer_);
  fiber_writer_ = false;
  host->wake_all(this);
  host->yield();
}

void SharedMutex::lock_shared() {
  FiberHost* host = current_fiber_host;
  if (host == nullptr) {
    mu_.lock_shared();
    return;
  }
  host->yield();
  while (fiber_writer_) host->park(this, FiberHost::kForever);
  ++fiber_readers_;
}

void SharedMutex::unlock_shared() {
  FiberHost* host = current_fiber_host;
  if (host == nullptr) {
    mu_.unlock_shared();
    return;
  }
  PGZ_ASSERT(fiber_readers_ > 0);
  if (--fiber_readers_ == 0) host->wake_all(this);
  host->yield();
}

void spin_pause() {
  if (FiberHost* host = current_fiber_host; host != nullptr) {
    host->yield();
    return;
  }
  std::this_thread::yield();
}

uint64_t thread_number() {
  if (FiberHost* host = current_fiber_host; host != nullptr) return host->fiber_id();
  static std::atomic<uint64_t> next{0};
  thread_local const uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace pgz
