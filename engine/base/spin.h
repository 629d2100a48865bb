// A lock for about a hundred instructions, or one call to the system, that nobody waits for in a
// queue. No yield point of the simulator: who holds it must not block on anything that is one.
#pragma once

#include <atomic>

#include "engine/base/sync.h"

namespace pgz {

class Spin {
 public:
  explicit Spin(std::atomic_flag* flag) : flag_(flag) {
    while (flag_->test_and_set(std::memory_order_acquire)) spin_pause();
  }
  ~Spin() { flag_->clear(std::memory_order_release); }
  Spin(const Spin&) = delete;
  Spin& operator=(const Spin&) = delete;

 private:
  std::atomic_flag* flag_;
};

}  // namespace pgz
