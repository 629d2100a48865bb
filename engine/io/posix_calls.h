// The operating system's transfer calls behind a table that tests replace, and the one place that
// knows how they may misbehave: short transfers, EINTR, EAGAIN, ENOSPC, missing RWF_DSYNC.
// Private to io/.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "engine/base/status.h"
#include "engine/io/io.h"

namespace pgz {

class PosixCalls {
 public:
  virtual ~PosixCalls() = default;
  // As the system calls of these names: -1 and errno on failure.
  virtual ssize_t preadv(int fd, const iovec* iov, int n, off_t offset);
  // With `dsync`, RWF_DSYNC is asked for.
  virtual ssize_t pwritev(int fd, const iovec* iov, int n, off_t offset, bool dsync);
  virtual int sync_data(int fd);
  // Waits a little before the attempt-th repetition of a call that said EAGAIN.
  virtual void pause(int attempt);
};

// A call that keeps saying EAGAIN is given up after this many tries.
inline constexpr int kAgainMax = 1000;

// How durable writes are made; found out at the first one.
enum class DurableMethod : uint8_t { kDsyncFlag, kWriteThenSync };

// What a failing call means: code by errno, "what path: strerror".
Status posix_error(int error, const char* what, const std::string& path);

struct Transfer {
  PosixCalls* calls;
  int fd;
  const std::string* path;
  size_t alignment;  // a short transfer is taken up again at a multiple of it

  Status read(uint64_t offset, std::span<const IoSlice> slices, size_t* transferred) const;
  Status write(uint64_t offset, std::span<const IoSlice> slices, bool dsync,
               size_t* transferred) const;
  Status write_durable(uint64_t offset, std::span<const IoSlice> slices,
                       std::atomic<DurableMethod>* method, size_t* transferred) const;
  Status sync() const;

 private:
  enum class Direction : uint8_t { kRead, kWrite, kWriteDsync };
  Status run(Direction direction, uint64_t offset, std::span<const IoSlice> slices,
             size_t* transferred) const;
};

}  // namespace pgz
