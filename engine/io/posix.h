// The operating system's files behind the Io seam: with io_uring where the kernel has it, else with
// plain calls.
//
// Operations whose submitter waits at once are made on its own thread. Others go to a thread of the
// back end: one with a ring (io_uring), or a small pool; both start with the first such operation.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/base/rng.h"
#include "engine/base/runtime.h"
#include "engine/io/io.h"

namespace pgz {

enum class IoBackend : uint8_t {
  kAuto,   // io_uring, or plain calls where it is missing or refused
  kPosix,  // plain calls
  kUring,  // as kAuto
};

// How a durable write is made.
enum class DurableMethod : uint8_t {
  kDsyncFlag,      // pwritev2 with RWF_DSYNC
  kWriteThenSync,  // a write, then fdatasync
  kLinkedRing,     // both as a linked pair in one io_uring call
};
const char* to_string(DurableMethod method);

struct PosixIoOptions {
  bool allow_direct = true;
  bool direct_tables = false;  // OpenFlags::table means direct
  // Threads that run submitted operations where there is no ring; 0 runs them inside submit() on
  // the caller's thread.
  uint32_t pool_threads = 0;
};

// Plain calls.
std::unique_ptr<Io> make_posix_io(const PosixIoOptions& options = {});

struct IoOptions {
  bool allow_direct = true;
  bool direct_tables = false;  // OpenFlags::table means direct
  IoBackend backend = IoBackend::kAuto;
  // Otherwise Io::tune() measures which is fastest. kLinkedRing without a ring, and kDsyncFlag
  // where a file system refuses it, become kWriteThenSync.
  std::optional<DurableMethod> durable_method;
};

// Never fails: describe() says what was chosen, and why not io_uring where it was not.
std::unique_ptr<Io> make_io(const IoOptions& options = {});

// The production runtime: make_io(), the system clock, a randomly seeded generator and operating
// system threads. Must outlive what uses it.
class PosixRuntime {
 public:
  explicit PosixRuntime(const IoOptions& options = {});
  Runtime get();

 private:
  std::unique_ptr<Io> io_;
  SplitMixRng rng_;
};

}  // namespace pgz
