// The operating system's transfer calls behind a table that tests replace, and the one place that
// knows how they may misbehave: short transfers, EINTR, EAGAIN, ENOSPC, missing RWF_DSYNC.
// Private to io/.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "engine/base/status.h"
#include "engine/io/io.h"
#include "engine/io/posix.h"

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

// What a failing call means: code by errno, "what path: strerror".
Status posix_error(int error, const char* what, const std::string& path);

// How far one read or write has come, and what a result means for it: the rules for short
// transfers, EINTR and EAGAIN, whoever makes the calls (Transfer below, or a ring).
class TransferProgress {
 public:
  enum class Next : uint8_t {
    kDone,
    kGoOn,   // make another call for what is left
    kPause,  // the same after a little while
    kFailed,
  };
  static constexpr size_t kSlicesPerCall = 64;
  using Iovecs = std::array<iovec, kSlicesPerCall>;

  TransferProgress() = default;
  TransferProgress(bool reading, std::span<const IoSlice> slices, size_t alignment);

  bool is_complete() const { return done_ == total_; }
  // The next pieces to transfer, `done()` bytes in; returns how many.
  int fill(Iovecs* out) const;
  // Whether one call can transfer all that is left.
  bool fits_one_call() const;
  // What a call for those pieces returned: a number of bytes, or -errno.
  Next take(int64_t result);

  size_t done() const { return done_; }
  int attempt() const { return again_; }  // of kPause, from 1
  // After kFailed.
  int error() const { return error_; }
  Status failure(const std::string& path) const;

 private:
  std::span<const IoSlice> slices_;
  size_t alignment_ = 1;
  size_t total_ = 0;
  size_t done_ = 0;
  int again_ = 0;
  int stalled_ = 0;
  int error_ = 0;
  bool reading_ = false;
};

// Whether a durable write failed because the file system does not know RWF_DSYNC: then nothing has
// been written, and there is another way.
bool says_unsupported(int error);

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
