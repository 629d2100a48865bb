#include "engine/io/posix_calls.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/clock.h"

namespace pgz {

bool says_unsupported(int error) { return error == EOPNOTSUPP || error == ENOSYS; }

TransferProgress::TransferProgress(bool reading, std::span<const IoSlice> slices, size_t alignment)
    : slices_(slices), alignment_(alignment), reading_(reading) {
  for (const IoSlice& s : slices) total_ += s.size;
}

int TransferProgress::fill(Iovecs* out) const {
  size_t skip = done_;
  size_t n = 0;
  for (const IoSlice& s : slices_) {
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

bool TransferProgress::fits_one_call() const {
  return done_ == 0 && slices_.size() <= kSlicesPerCall;
}

TransferProgress::Next TransferProgress::take(int64_t result) {
  if (result < 0) {
    error_ = static_cast<int>(-result);
    if (error_ == EINTR) return Next::kGoOn;
    return error_ == EAGAIN && ++again_ < kAgainMax ? Next::kPause : Next::kFailed;
  }
  if (result == 0 && reading_) return Next::kDone;  // the end of the file
  // Direct access goes on only at an aligned place: the odd rest is transferred again.
  const size_t reached = done_ + static_cast<size_t>(result);
  const size_t resume = reached == total_ ? reached : reached / alignment_ * alignment_;
  if (resume > done_) {
    done_ = resume;
    again_ = stalled_ = 0;
  } else if (reading_) {
    done_ = reached;  // a file that ends at an odd place: no more is to be had
    return Next::kDone;
  } else if (++stalled_ == kAgainMax) {
    error_ = EIO;
    return Next::kFailed;
  }
  return is_complete() ? Next::kDone : Next::kGoOn;
}

Status TransferProgress::failure(const std::string& path) const {
  if (stalled_ == kAgainMax) return posix_error(error_, "write made no progress:", path);
  return posix_error(error_, reading_ ? "read" : "write", path);
}

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
  const bool reading = direction == Direction::kRead;
  TransferProgress progress(reading, slices, alignment);
  auto next = TransferProgress::Next::kGoOn;
  while (!progress.is_complete() && next != TransferProgress::Next::kDone) {
    TransferProgress::Iovecs iovecs;
    const int n = progress.fill(&iovecs);
    const off_t at = static_cast<off_t>(offset + progress.done());
    const ssize_t got =
        reading ? calls->preadv(fd, iovecs.data(), n, at)
                : calls->pwritev(fd, iovecs.data(), n, at, direction == Direction::kWriteDsync);
    next = progress.take(got < 0 ? -int64_t{errno} : got);
    *transferred = progress.done();
    if (next == TransferProgress::Next::kFailed) return progress.failure(*path);
    if (next == TransferProgress::Next::kPause) calls->pause(progress.attempt());
  }
  *transferred = progress.done();
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
