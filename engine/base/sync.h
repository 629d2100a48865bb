// Blocking primitives of the engine. In production they are the standard library's. Inside the
// simulation (a FiberHost is installed on this thread) each call is a yield point of a seeded
// scheduler and blocks only the calling fiber; the price in production is one test of a
// thread-local pointer.
//
// No engine code blocks, sleeps or spins by other means: use these, Clock::sleep_micros and
// spin_pause().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

#include "engine/base/annotations.h"
#include "engine/base/assert.h"

namespace pgz {

// What a fiber scheduler offers to the primitives. Channels are addresses that are waited on.
class FiberHost {
 public:
  static constexpr uint64_t kForever = ~uint64_t{0};

  virtual ~FiberHost() = default;
  // Lets the scheduler choose who runs next.
  virtual void yield() = 0;
  // Parks the running fiber until the channel is woken (true) or timeout_micros of simulated time
  // have passed (false).
  virtual bool park(const void* channel, uint64_t timeout_micros) = 0;
  virtual void wake_one(const void* channel) = 0;
  virtual void wake_all(const void* channel) = 0;
  virtual uint64_t fiber_id() const = 0;
};

// Null outside the simulation.
inline constinit thread_local FiberHost* current_fiber_host = nullptr;

// Not recursive.
class PGZ_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() PGZ_ACQUIRE() {
    if (current_fiber_host == nullptr) {
      mu_.lock();
    } else {
      lock_fiber();
    }
  }
  bool try_lock() PGZ_TRY_ACQUIRE(true) {
    return current_fiber_host == nullptr ? mu_.try_lock() : try_lock_fiber();
  }
  void unlock() PGZ_RELEASE() {
    if (current_fiber_host == nullptr) {
      mu_.unlock();
    } else {
      unlock_fiber();
    }
  }
  // Tells the analysis that the caller holds it.
  void assert_held() PGZ_ASSERT_CAPABILITY(this) {}

 private:
  friend class CondVar;
  void lock_fiber();
  bool try_lock_fiber();
  void unlock_fiber();

  std::mutex mu_;
  bool fiber_locked_ = false;
};

class PGZ_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex* mu) PGZ_ACQUIRE(mu) : mu_(mu) { mu_->lock(); }
  ~MutexLock() PGZ_RELEASE() {
    if (held_) mu_->unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  // Lets go for a while inside the scope.
  void unlock() PGZ_RELEASE() {
    held_ = false;
    mu_->unlock();
  }
  void lock() PGZ_ACQUIRE() {
    mu_->lock();
    held_ = true;
  }

 private:
  Mutex* mu_;
  bool held_ = true;
};

// Waits may end without cause: test the condition in a loop.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  void wait(Mutex* mu) PGZ_REQUIRES(mu);
  // False when the time ran out.
  bool wait_for(Mutex* mu, uint64_t micros) PGZ_REQUIRES(mu);
  void notify_one();
  void notify_all();

 private:
  std::condition_variable cv_;
};

// A latch that can be set, waited for and reset. set() happens before a wait() it ends returns, and
// the waiter may destroy the event at once.
class Event {
 public:
  void set();
  void reset();
  bool is_set() const;
  void wait();
  bool wait_for(uint64_t micros);

 private:
  mutable Mutex mu_;
  CondVar cv_;
  bool set_ PGZ_GUARDED_BY(mu_) = false;
};

class PGZ_CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void lock() PGZ_ACQUIRE();
  void unlock() PGZ_RELEASE();
  void lock_shared() PGZ_ACQUIRE_SHARED();
  void unlock_shared() PGZ_RELEASE_SHARED();

 private:
  std::shared_mutex mu_;
  uint32_t fiber_readers_ = 0;
  bool fiber_writer_ = false;
};

class PGZ_SCOPED_CAPABILITY SharedLock {
 public:
  explicit SharedLock(SharedMutex* mu) PGZ_ACQUIRE_SHARED(mu) : mu_(mu) { mu_->lock_shared(); }
  ~SharedLock() PGZ_RELEASE_GENERIC() { mu_->unlock_shared(); }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  SharedMutex* mu_;
};

class PGZ_SCOPED_CAPABILITY ExclusiveLock {
 public:
  explicit ExclusiveLock(SharedMutex* mu) PGZ_ACQUIRE(mu) : mu_(mu) { mu_->lock(); }
  ~ExclusiveLock() PGZ_RELEASE() { mu_->unlock(); }
  ExclusiveLock(const ExclusiveLock&) = delete;
  ExclusiveLock& operator=(const ExclusiveLock&) = delete;

 private:
  SharedMutex* mu_;
};

// One turn of a spin loop on an atomic: lets another thread (or fiber) run.
void spin_pause();

// A small number that is the same for all calls of one thread (or fiber) and different between
// those that live at the same time; for choosing shards.
uint64_t thread_number();

}  // namespace pgz
