// Faults between a back end and the kernel, for tests: transfers cut short, put off, failed.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/rng.h"
#include "engine/base/sync.h"
#include "engine/io/uring.h"

namespace pgz {

// What becomes of the next calls. Thread-safe.
class IoFaults {
 public:
  // `error`, or at most `bytes` transferred.
  struct Fault {
    int error = 0;
    size_t bytes = SIZE_MAX;
  };

  void set_script(std::vector<Fault> script) {
    MutexLock lock(&mu_);
    script_.assign(script.begin(), script.end());
  }
  // Calls are interrupted, put off and cut short at random from now on.
  void set_random(uint64_t seed) {
    MutexLock lock(&mu_);
    rng_.emplace(seed);
  }
  void fail_next_sync(int error) {
    MutexLock lock(&mu_);
    sync_error_ = error;
    syncs_ = 0;
  }

  std::optional<Fault> next(bool is_sync) {
    MutexLock lock(&mu_);
    syncs_ += is_sync ? 1 : 0;
    if (is_sync && sync_error_ != 0) return Fault{std::exchange(sync_error_, 0), 0};
    if (!script_.empty()) {
      const Fault fault = script_.front();
      script_.pop_front();
      return fault;
    }
    if (!rng_ || rng_->uniform(2) == 0) return std::nullopt;
    ++injected_;
    if (rng_->uniform(3) == 0) return Fault{EINTR, 0};
    if (is_sync) return std::nullopt;
    if (rng_->uniform(3) == 0) return Fault{EAGAIN, 0};
    return Fault{0, 4096 * (1 + rng_->uniform(3))};
  }
  size_t injected() const {
    MutexLock lock(&mu_);
    return injected_;
  }
  size_t left() const {
    MutexLock lock(&mu_);
    return script_.size();
  }
  size_t syncs() const {
    MutexLock lock(&mu_);
    return syncs_;
  }
  bool sync_failure_used() const {
    MutexLock lock(&mu_);
    return sync_error_ == 0;
  }

 private:
  mutable Mutex mu_;
  std::deque<Fault> script_ PGZ_GUARDED_BY(mu_);
  std::optional<SplitMixRng> rng_ PGZ_GUARDED_BY(mu_);
  int sync_error_ PGZ_GUARDED_BY(mu_) = 0;
  size_t syncs_ PGZ_GUARDED_BY(mu_) = 0;
  size_t injected_ PGZ_GUARDED_BY(mu_) = 0;
};

// The first `bytes` of the pieces.
inline std::vector<iovec> cut_pieces(const iovec* pieces, int n, size_t bytes) {
  std::vector<iovec> out;
  for (int i = 0; i < n && bytes > 0; ++i) {
    out.push_back({pieces[i].iov_base, std::min(pieces[i].iov_len, bytes)});
    bytes -= out.back().iov_len;
  }
  return out;
}

inline size_t bytes_of(const iovec* pieces, int n) {
  size_t bytes = 0;
  for (int i = 0; i < n; ++i) bytes += pieces[i].iov_len;
  return bytes;
}

class FaultyCalls final : public PosixCalls {
 public:
  explicit FaultyCalls(IoFaults* faults) : faults_(faults) {}

  ssize_t preadv(int fd, const iovec* iov, int n, off_t offset) override {
    return with_fault(iov, n, [&](const iovec* pieces, int count) {
      return PosixCalls::preadv(fd, pieces, count, offset);
    });
  }
  ssize_t pwritev(int fd, const iovec* iov, int n, off_t offset, bool dsync) override {
    return with_fault(iov, n, [&](const iovec* pieces, int count) {
      return PosixCalls::pwritev(fd, pieces, count, offset, dsync);
    });
  }
  int sync_data(int fd) override {
    const auto fault = faults_->next(true);
    if (!fault || fault->error == 0) return PosixCalls::sync_data(fd);
    errno = fault->error;
    return -1;
  }
  void pause(int) override {}

 private:
  template <class Call>
  ssize_t with_fault(const iovec* iov, int n, Call call) {
    const auto fault = faults_->next(false);
    if (!fault) return call(iov, n);
    if (fault->error != 0) {
      errno = fault->error;
      return -1;
    }
    const std::vector<iovec> pieces = cut_pieces(iov, n, fault->bytes);
    return call(pieces.data(), static_cast<int>(pieces.size()));
  }

  IoFaults* const faults_;
};

// A ring whose requests meet the faults. As in the kernel, what is linked to a request that did not
// do all it was asked to is cancelled.
class FaultyRing final : public Ring {
 public:
  FaultyRing(std::unique_ptr<Ring> ring, IoFaults* faults)
      : ring_(std::move(ring)), faults_(faults) {}

  bool push(const RingRequest& request) override {
    if (std::exchange(cancel_next_, false)) {
      made_up_.push_back({request.tag, -ECANCELED});
      return true;
    }
    const bool is_sync = request.kind == RingRequest::Kind::kSyncData;
    // The worker's wake-up, 8 bytes, is not an operation of anybody's.
    const bool is_wake_up = request.tag == ~uint64_t{0};
    const auto fault = is_wake_up ? std::nullopt : faults_->next(is_sync);
    if (!fault || (is_sync && fault->error == 0)) return ring_->push(request);
    if (fault->error != 0) {
      made_up_.push_back({request.tag, -fault->error});
      cancel_next_ = request.linked;
      return true;
    }
    const size_t wanted = bytes_of(request.pieces, request.piece_count);
    if (fault->bytes >= wanted) return ring_->push(request);
    auto& pieces = pieces_[request.tag];
    pieces = cut_pieces(request.pieces, request.piece_count, fault->bytes);
    RingRequest less = request;
    less.pieces = pieces.data();
    less.piece_count = static_cast<int>(pieces.size());
    less.linked = false;
    cancel_next_ = request.linked;
    return ring_->push(less);
  }
  void submit(unsigned wait) override { ring_->submit(made_up_.empty() ? wait : 0); }
  bool pop(RingResult* result) override {
    if (!made_up_.empty()) {
      *result = made_up_.front();
      made_up_.pop_front();
      return true;
    }
    return ring_->pop(result);
  }

 private:
  std::unique_ptr<Ring> ring_;
  IoFaults* const faults_;
  bool cancel_next_ = false;
  std::deque<RingResult> made_up_;
  std::map<uint64_t, std::vector<iovec>> pieces_;  // by tag, in use until the tag's next request
};

inline RingFactory faulty_rings(IoFaults* faults) {
  return [faults](unsigned entries, Ring::Owner owner) -> Result<std::unique_ptr<Ring>> {
    PGZ_ASSIGN(auto ring, make_ring(entries, owner));
    return std::unique_ptr<Ring>(std::make_unique<FaultyRing>(std::move(ring), faults));
  };
}

}  // namespace pgz
