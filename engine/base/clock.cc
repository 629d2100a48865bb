#include "engine/base/clock.h"

#include <chrono>
#include <thread>

namespace pgz {
namespace {

class SystemClock final : public Clock {
 public:
  uint64_t now_micros() override {
    return micros(std::chrono::steady_clock::now().time_since_epoch());
  }
  uint64_t wall_micros() override {
    return micros(std::chrono::system_clock::now().time_since_epoch());
  }
  void sleep_micros(uint64_t n) override {
    std::this_thread::sleep_for(std::chrono::microseconds(n));
  }

 private:
  template <class D>
  static uint64_t micros(D d) {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
  }
};

}  // namespace

Clock* system_clock() {
  static SystemClock clock;
  return &clock;
}

}  // namespace pgz
