// Runtime: the seams through which the engine meets the world, handed to every room that needs
// them. Production: io/posix.h. Simulation: io/sim/scheduler.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace pgz {

class Clock;
class Io;
class Rng;

// A started thread (or fiber).
class Joinable {
 public:
  virtual ~Joinable() = default;  // joins
  // Waits for its end; a second call returns at once.
  virtual void join() = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Starts fn on a thread of its own. name (at most 15 characters are shown) is for debuggers.
  virtual std::unique_ptr<Joinable> spawn(const std::string& name, std::function<void()> fn) = 0;
};

// Operating-system threads; thread-safe; lives for ever.
Executor* thread_executor();

// Borrowed pointers that outlive whatever is given the struct.
struct Runtime {
  Io* io = nullptr;
  Clock* clock = nullptr;
  Rng* rng = nullptr;
  Executor* executor = nullptr;
};

}  // namespace pgz
