// Snapshots: the horizon H and the registered snapshots.
//
// H is the largest commit timestamp such that everything up to it is durable and applied. A new
// snapshot reads at the base: H, or the newest commit acknowledged without waiting for durability,
// whichever is larger. Loading the base and registering the snapshot is one step under the mutex
// under which boundaries() is taken, so no version a snapshot needs can be dropped in between.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/sync.h"

namespace pgz {

class Snapshots {
 public:
  // Without a clock nothing is known of ages.
  explicit Snapshots(uint64_t horizon, Clock* clock = nullptr)
      : clock_(clock), horizon_(horizon), base_(horizon) {}
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  // Registers a snapshot at the base.
  uint64_t acquire();
  // Registers once more a snapshot that is registered; false if ts is not.
  bool share(uint64_t ts);
  // Gives one registration back; false if there is none at ts.
  bool release(uint64_t ts);

  // Moves H on; never back.
  void publish(uint64_t horizon);
  // A commit was acknowledged before it was durable: new snapshots see it.
  void publish_acknowledged(uint64_t ts);

  uint64_t horizon() const { return horizon_.load(std::memory_order_acquire); }
  uint64_t base() const { return base_.load(std::memory_order_acquire); }

  // Registered timestamps and H, ascending: the boundaries no version needed at which may go.
  std::vector<uint64_t> boundaries() const;
  uint64_t count() const;
  // The base when none is registered.
  uint64_t oldest() const;
  struct Registered {
    uint64_t ts;
    uint64_t users;
    uint64_t since_micros;  // on the clock, when it had its first user
  };
  // Those with users, ascending.
  std::vector<Registered> list() const;

 private:
  void drop_unused() PGZ_REQUIRES(mu_);
  uint64_t now() const { return clock_ == nullptr ? 0 : clock_->now_micros(); }

  Clock* const clock_;
  mutable Mutex mu_;
  std::atomic<uint64_t> horizon_;                          // written under mu_
  std::atomic<uint64_t> base_;                             // written under mu_
  std::deque<Registered> registered_ PGZ_GUARDED_BY(mu_);  // by timestamp; users may be 0
  uint64_t count_ PGZ_GUARDED_BY(mu_) = 0;
  uint64_t unused_ PGZ_GUARDED_BY(mu_) = 0;  // entries without users
};

}  // namespace pgz
