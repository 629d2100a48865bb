// PosixIo: the Io seam over the operating system's files.
#pragma once

#include <memory>
#include <string>

#include "engine/base/rng.h"
#include "engine/base/runtime.h"
#include "engine/io/io.h"

namespace pgz {

struct PosixIoOptions {
  bool allow_direct = true;
  // Threads that run submitted operations; 0 runs them inside submit() on the caller's thread.
  uint32_t pool_threads = 0;
};

std::unique_ptr<Io> make_posix_io(const PosixIoOptions& options = {});

// The production runtime: PosixIo, the system clock, a randomly seeded generator and operating
// system threads. Must outlive what uses it.
class PosixRuntime {
 public:
  explicit PosixRuntime(const PosixIoOptions& options = {});
  Runtime get();

 private:
  std::unique_ptr<Io> io_;
  SplitMixRng rng_;
};

}  // namespace pgz
