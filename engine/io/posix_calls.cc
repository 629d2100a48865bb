#include "engine/io/posix_calls.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/base/clock.h"

namespace pgz {
namespace {

constexpr size_t kSlicesPerCall = 64;

// The next pieces of `slices`, beginning `skip` bytes in, as the system calls want them.
int fill_iovecs(std::span<const IoSlice> slices, size_t skip,
                std::array<iovec, kSlicesPerCall>* out) {
  size_t n = 0;
  for (const IoSlice& s : slices) {
    if (skip >= s.size) {
      skip -= s.size;
      continue;
    }
    if (n == out->size()) break;
    (*out)[n++] = {static_cast<char*>(s.data) + skip, s.size - skip};
    skip = 0;
  }
  return static_cast<int>(n);
}

size_t total_bytes(std::span<const IoSlice> slices) {
  size_t n = 0;
  for (const IoSlice& s : slices) n += s.size;
  return n;
}

bool says_unsupported(int error) { return error == EOPNOTSUPP || error == ENOSYS; }

}  // namespace

ssize_t PosixCalls::preadv(int fd, const iovec* iov, int n, off_t offset) {
  return ::preadv(fd, iov, n, offset);
}

ssize_t PosixCalls::pwritev(int fd, const iovec* iov, int n, off_t offset, bool dsync) {
  if (!dsync) return ::pwritev(fd, iov, n, offset);
#if defined(RWF_DSYNC)
  return ::pwritev2(fd, iov, n, offset, RWF_DSYNC);
#else
  errno = EOPNOTSUPP;
  return -1;
#endif
}

int PosixCalls::sync_data(int fd) {
#if defined(__APPLE__)
  return ::fcntl(fd, F_FULLFSYNC);
#else
  return ::fdatasync(fd);
#endif
}

void PosixCalls::pause(int attempt) {
  system_clock()->sleep_micros(static_cast<uint64_t>(std::min(attempt, 100)) * 10);
}

Status posix_error(int error, const char* what, const std::string& path) {
  Code code = Code::kIoError;
  switch (error) {
    case ENOENT:
      code = Code::kNotFound;
      break;
    case ENOSPC:
    case EDQUOT:
      code = Code::kNoSpace;
      break;
    case EROFS:
      code = Code::kReadOnly;
      break;
    case EEXIST:
      code = Code::kExists;
      break;
    case ENOMEM:
      code = Code::kOutOfMemory;
      break;
    default:
      break;
  }
  return Status::make(code, std::string(what) + " " + path + ": " + std::strerror(error), error);
}

Status Transfer::run(Direction direction, uint64_t offset, std::span<const IoSlice> slices,
                     size_t* transferred) const {
  const size_t total = total_bytes(slices);
  const bool reading = direction == Direction::kRead;
  const char* what = reading ? "read" : "write";
  size_t done = 0;
  int again = 0;
  int stalled = 0;
  *transferred = 0;
  while (done < total) {
    std::array<iovec, kSlicesPerCall> iovecs;
    const int n = fill_iovecs(slices, done, &iovecs);
    const off_t at = static_cast<off_t>(offset + done);
    const ssize_t got =
        reading ? calls->preadv(fd, iovecs.data(), n, at)
                : calls->pwritev(fd, iovecs.data(), n, at, direction == Direction::kWriteDsync);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN && ++again < kAgainMax) {
        calls->pause(again);
        continue;
      }
      return posix_error(errno, what, *path);
    }
    if (got == 0 && reading) break;  // the end of the file
    // Direct access goes on only at an aligned place: the odd rest is transferred again.
    const size_t reached = done + static_cast<size_t>(got);
    const size_t resume = reached == total ? reached : reached / alignment * alignment;
    if (resume > done) {
      done = resume;
      again = stalled = 0;
    } else if (reading) {
      done = reached;  // a file that ends at an odd place: no more is to be had
      break;
    } else if (++stalled == kAgainMax) {
      return posix_error(EIO, "write made no progress:", *path);
    }
    *transferred = done;
  }
  *transferred = done;
  return Status::ok();
}

Status Transfer::read(uint64_t offset, std::span<const IoSlice> slices, size_t* transferred) const {
  return run(Direction::kRead, offset, slices, transferred);
}

Status Transfer::write(uint64_t offset, std::span<const IoSlice> slices, bool dsync,
                       size_t* transferred) const {
  return run(dsync ? Direction::kWriteDsync : Direction::kWrite, offset, slices, transferred);
}

Status Transfer::write_durable(uint64_t offset, std::span<const IoSlice> slices,
                               std::atomic<DurableMethod>* method, size_t* transferred) const {
  if (method->load(std::memory_order_relaxed) == DurableMethod::kDsyncFlag) {
    Status s = write(offset, slices, true, transferred);
    // A file system without the flag refuses the first piece: nothing has been written yet.
    if (s.is_ok() || *transferred > 0 || !says_unsupported(s.sys_errno())) return s;
    method->store(DurableMethod::kWriteThenSync, std::memory_order_relaxed);
  }
  PGZ_TRY(write(offset, slices, false, transferred));
  return sync();
}

Status Transfer::sync() const {
  // An interrupted call has reported nothing about the data, so asking again is sound; after any
  // other failure the kernel may have dropped what it could not write, and it is not.
  for (;;) {
    if (calls->sync_data(fd) == 0) return Status::ok();
    if (errno != EINTR) return posix_error(errno, "sync", *path);
  }
}

}  // namespace pgz
