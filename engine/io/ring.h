// Ring: a queue of requests to the kernel and one of their results; io_uring behind a seam, so that
// tests can cut transfers short and the rest of the engine needs no header of liburing.
// ring_linux.cc is the only file that has it; without the library ring_none.cc takes its place.
//
// Memory, pieces and descriptor of a request must stay until its result has been popped.
// Threads: one at a time; with Owner::kOneThread always the one that made it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/base/status.h"

namespace pgz {

struct RingRequest {
  enum class Kind : uint8_t { kRead, kWrite, kSyncData };

  Kind kind = Kind::kRead;
  bool dsync = false;   // of a write: RWF_DSYNC
  bool linked = false;  // the next request begins after this one has done all it was asked to, and
                        // otherwise ends with -ECANCELED
  int fd = -1;
  const iovec* pieces = nullptr;
  int piece_count = 0;
  uint64_t offset = 0;
  uint64_t tag = 0;
};

struct RingResult {
  uint64_t tag = 0;
  int32_t result = 0;  // as the system call's, -errno for a failure
};

class Ring {
 public:
  enum class Owner : uint8_t { kOneThread, kAnyThread };

  virtual ~Ring() = default;  // nothing may be in flight
  // False when as many requests as the ring has entries wait for submit().
  virtual bool push(const RingRequest& request) = 0;
  // Gives what was pushed to the kernel and returns when at least `wait` results can be popped.
  virtual void submit(unsigned wait) = 0;
  virtual bool pop(RingResult* result) = 0;
};

using RingFactory =
    std::function<Result<std::unique_ptr<Ring>>(unsigned entries, Ring::Owner owner)>;

// kNotSupported with the reason: no such system call, refused, too old a kernel, built without.
Result<std::unique_ptr<Ring>> make_ring(unsigned entries, Ring::Owner owner);

}  // namespace pgz
