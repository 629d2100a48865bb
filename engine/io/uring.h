// UringIo: PosixIo whose submitted operations go through io_uring. Private to io/, and to its
// tests.
#pragma once

#include <memory>

#include "engine/io/posix_io.h"
#include "engine/io/ring.h"

namespace pgz {

struct UringIoOptions {
  bool allow_direct = true;
  bool direct_tables = false;    // OpenFlags::table means direct
  uint32_t workers = 1;          // threads with a ring each, for submitted operations
  uint32_t ops_per_worker = 64;  // in the kernel at a time; further ones wait in line
  RingFactory make_ring = pgz::make_ring;
};

// Makes a ring to see whether it can be had; kNotSupported with the reason otherwise.
Result<std::unique_ptr<PosixIo>> make_uring_io(
    const UringIoOptions& options,
    std::unique_ptr<PosixCalls> calls = std::make_unique<PosixCalls>());

}  // namespace pgz
