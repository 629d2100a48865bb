// Time as the engine sees it. The simulation replaces it.
#pragma once

#include <cstdint>

namespace pgz {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, from an arbitrary start; for durations.
  virtual uint64_t now_micros() = 0;
  // Since 1970-01-01 UTC; may jump.
  virtual uint64_t wall_micros() = 0;
  virtual void sleep_micros(uint64_t n) = 0;
};

// The operating system's; thread-safe; lives for ever.
Clock* system_clock();

}  // namespace pgz
