// The simulation: fibers of one thread under a seeded scheduler.
//
// Everything the engine does inside run() happens on fibers of the calling thread. Each operation
// of base/sync.h, clock and Io is a yield point at which the seeded scheduler picks the next fiber,
// so one seed gives one interleaving, always the same. Time is simulated: it moves by small random
// steps at yield points and jumps to the next timer when every fiber waits.
//
// A deadlock (every fiber waits for ever) stops the process with a list of the fibers: it is a bug.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/runtime.h"

namespace pgz {

class SimIo;

class SimRuntime {
 public:
  explicit SimRuntime(uint64_t seed);
  ~SimRuntime();
  SimRuntime(const SimRuntime&) = delete;
  SimRuntime& operator=(const SimRuntime&) = delete;

  // The seams, valid until the SimRuntime goes. Objects made with them are used and destroyed
  // inside run().
  Runtime get();
  SimIo* io();

  // Runs fn as the first fiber and returns when it and every fiber it started have ended. After a
  // planned crash of the SimIo every Io call fails, so that fibers come to their ends by
  // themselves; a new life begins with another run() after SimIo::restart().
  void run(std::function<void()> fn);

  uint64_t seed() const;
  // Yield points passed so far.
  uint64_t steps() const;
  // Stops the process after this many more steps: for finding endless loops.
  void set_step_limit(uint64_t steps);
  // A hash of the schedule and of all Io calls so far: equal for equal runs.
  uint64_t trace_hash() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgz
