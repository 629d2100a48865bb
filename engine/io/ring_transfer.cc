#include "engine/io/ring_transfer.h"

#include <cerrno>
#include <utility>

#include "engine/base/assert.h"

namespace pgz {
namespace {

constexpr uint64_t kSyncTag = 1;

}  // namespace

void RingTransfer::begin(IoOp* op, std::shared_ptr<const Descriptor> descriptor,
                         std::atomic<DurableMethod>* method) {
  op_ = op;
  descriptor_ = std::move(descriptor);
  method_ = method;
  progress_ = TransferProgress(op->kind == IoOp::Kind::kRead, op->slices, descriptor_->alignment);
  used_ = method->load(std::memory_order_relaxed);
  stage_ = op->kind == IoOp::Kind::kSync ? Stage::kSync : Stage::kTransfer;
}

IoOp* RingTransfer::end() {
  descriptor_.reset();
  return std::exchange(op_, nullptr);
}

RingTransfer::Next RingTransfer::done(Status status) {
  op_->transferred = progress_.done();
  op_->status = std::move(status);
  return Next::kDone;
}

RingTransfer::Next RingTransfer::push(Ring* ring, uint64_t index) {
  PGZ_ASSERT(outstanding_ == 0);
  if (stage_ == Stage::kTransfer && progress_.is_complete()) return done(Status::ok());
  const uint64_t tag = index << 1;
  RingRequest sync{.kind = RingRequest::Kind::kSyncData, .fd = descriptor_->fd.get()};
  sync.tag = tag | kSyncTag;
  is_linked_ = false;
  bool pushed = true;
  if (stage_ == Stage::kTransfer) {
    const bool durable = op_->kind == IoOp::Kind::kWriteDurable;
    is_linked_ = durable && used_ == DurableMethod::kLinkedRing && progress_.fits_one_call();
    RingRequest r;
    r.kind = op_->kind == IoOp::Kind::kRead ? RingRequest::Kind::kRead : RingRequest::Kind::kWrite;
    r.dsync = durable && used_ == DurableMethod::kDsyncFlag;
    r.linked = is_linked_;
    r.fd = descriptor_->fd.get();
    r.piece_count = progress_.fill(&iovecs_);
    r.pieces = iovecs_.data();
    r.offset = op_->offset + progress_.done();
    r.tag = tag;
    pushed = ring->push(r);
    outstanding_ = 1;
  }
  if (stage_ == Stage::kSync || is_linked_) {
    pushed = ring->push(sync) && pushed;
    outstanding_++;
  }
  PGZ_ASSERT(pushed);
  return Next::kWait;
}

RingTransfer::Next RingTransfer::take(const RingResult& result) {
  PGZ_ASSERT(outstanding_ > 0);
  ((result.tag & kSyncTag) != 0 ? sync_result_ : transfer_result_) = result.result;
  if (--outstanding_ > 0) return Next::kWait;
  return stage_ == Stage::kSync ? synced() : transferred();
}

RingTransfer::Next RingTransfer::transferred() {
  switch (progress_.take(transfer_result_)) {
    case TransferProgress::Next::kGoOn:
      return Next::kPush;
    case TransferProgress::Next::kPause:
      return Next::kPause;
    case TransferProgress::Next::kFailed:
      break;
    case TransferProgress::Next::kDone:
      if (op_->kind != IoOp::Kind::kWriteDurable || used_ == DurableMethod::kDsyncFlag) {
        return done(Status::ok());
      }
      stage_ = Stage::kSync;
      return is_linked_ ? synced() : Next::kPush;
  }
  // As Transfer::write_durable(): a file system without the flag has written nothing.
  if (op_->kind == IoOp::Kind::kWriteDurable && used_ == DurableMethod::kDsyncFlag &&
      progress_.done() == 0 && says_unsupported(progress_.error())) {
    used_ = DurableMethod::kWriteThenSync;
    method_->store(used_, std::memory_order_relaxed);
    return Next::kPush;
  }
  return done(progress_.failure(descriptor_->path));
}

// As Transfer::sync(): a sync that was interrupted, or never begun, has said nothing about the data
// and may be asked for again; one that failed may not.
RingTransfer::Next RingTransfer::synced() {
  if (sync_result_ == -EINTR || sync_result_ == -ECANCELED) return Next::kPush;
  if (sync_result_ == 0) return done(Status::ok());
  return done(posix_error(-sync_result_, "sync", descriptor_->path));
}

}  // namespace pgz
