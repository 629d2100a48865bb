#include <liburing.h>

#include <cerrno>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/io/ring.h"

namespace pgz {
namespace {

constexpr uint64_t kBusyMicros = 100;

Status refused(const char* call, int error) {
  return Status::make(Code::kNotSupported, std::string(call) + ": " + std::strerror(error), error);
}

class LinuxRing final : public Ring {
 public:
  ~LinuxRing() override {
    if (is_open_) ::io_uring_queue_exit(&ring_);
  }

  Status open(unsigned entries, Owner owner) {
    int result = -EINVAL;
#if defined(IORING_SETUP_SINGLE_ISSUER) && defined(IORING_SETUP_DEFER_TASKRUN)
    // Completions are then dealt with when their thread asks, instead of interrupting it.
    if (owner == Owner::kOneThread) {
      result = ::io_uring_queue_init(entries, &ring_,
                                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    }
#endif
    if (result == -EINVAL) result = ::io_uring_queue_init(entries, &ring_, 0);
    if (result < 0) return refused("io_uring_setup", -result);
    is_open_ = true;
    return check_features();
  }

  bool push(const RingRequest& r) override {
    io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
    if (sqe == nullptr) return false;
    const auto pieces = static_cast<unsigned>(r.piece_count);
    switch (r.kind) {
      case RingRequest::Kind::kRead:
        ::io_uring_prep_readv(sqe, r.fd, r.pieces, pieces, r.offset);
        break;
      case RingRequest::Kind::kWrite:
        ::io_uring_prep_writev2(sqe, r.fd, r.pieces, pieces, r.offset, r.dsync ? RWF_DSYNC : 0);
        break;
      case RingRequest::Kind::kSyncData:
        ::io_uring_prep_fsync(sqe, r.fd, IORING_FSYNC_DATASYNC);
        break;
    }
    if (r.linked) sqe->flags |= IOSQE_IO_LINK;
    ::io_uring_sqe_set_data64(sqe, r.tag);
    return true;
  }

  void submit(unsigned wait) override {
    for (;;) {
      const int n = ::io_uring_submit_and_wait(&ring_, wait);
      if (n >= 0 && ::io_uring_sq_ready(&ring_) == 0 && ::io_uring_cq_ready(&ring_) >= wait) return;
      // Interrupted, or the kernel is short of memory; anything else is a misuse of the ring.
      PGZ_ASSERT(n >= 0 || n == -EINTR || n == -EAGAIN || n == -EBUSY || n == -ENOMEM);
      if (n < 0 && n != -EINTR) system_clock()->sleep_micros(kBusyMicros);
    }
  }

  bool pop(RingResult* result) override {
    io_uring_cqe* cqe = nullptr;
    if (::io_uring_peek_cqe(&ring_, &cqe) != 0) return false;
    *result = {::io_uring_cqe_get_data64(cqe), cqe->res};
    ::io_uring_cqe_seen(&ring_, cqe);
    return true;
  }

 private:
  // Setting up may be allowed and using it not: one empty request tells.
  Status check_features() {
    if ((ring_.features & IORING_FEAT_NODROP) == 0) {
      return Status::make(Code::kNotSupported, "io_uring: the kernel is too old");
    }
    io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
    ::io_uring_prep_nop(sqe);
    const int n = ::io_uring_submit_and_wait(&ring_, 1);
    if (n < 0 && n != -EINTR) return refused("io_uring_enter", -n);
    io_uring_cqe* cqe = nullptr;
    if (const int e = ::io_uring_wait_cqe(&ring_, &cqe); e < 0)
      return refused("io_uring_enter", -e);
    ::io_uring_cqe_seen(&ring_, cqe);
    return Status::ok();
  }

  io_uring ring_{};
  bool is_open_ = false;
};

}  // namespace

Result<std::unique_ptr<Ring>> make_ring(unsigned entries, Ring::Owner owner) {
  auto ring = std::make_unique<LinuxRing>();
  PGZ_TRY(ring->open(entries, owner));
  return std::unique_ptr<Ring>(std::move(ring));
}

}  // namespace pgz
