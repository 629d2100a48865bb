#include "engine/io/uring.h"

#include <utility>
#include <vector>

#include "engine/base/assert.h"
#include "engine/io/ring_transfer.h"
#include "engine/io/ring_worker.h"

namespace pgz {
namespace {

constexpr unsigned kLentRingEntries = 4;

class UringIo final : public PosixIo {
 public:
  UringIo(const UringIoOptions& options, std::unique_ptr<PosixCalls> calls,
          std::unique_ptr<Ring> first)
      : PosixIo({.allow_direct = options.allow_direct, .direct_tables = options.direct_tables},
                std::move(calls)),
        options_(options) {
    rings_.push_back(std::move(first));
  }
  ~UringIo() override {
    MutexLock lock(&mu_);
    workers_.clear();  // they finish what was submitted
  }

  void submit(IoOp* op) override;

 protected:
  const char* name() const override { return "io_uring"; }
  bool has_ring() const override { return true; }
  void execute(IoOp* op) override;

 private:
  std::unique_ptr<Ring> borrow_ring();
  void execute_linked(IoOp* op, Ring* ring);

  const UringIoOptions options_;
  Mutex mu_;
  // For linked durable writes, whose submitters wait: lent to a thread for the time of one.
  std::vector<std::unique_ptr<Ring>> rings_ PGZ_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<RingWorker>> workers_ PGZ_GUARDED_BY(mu_);
  size_t next_worker_ PGZ_GUARDED_BY(mu_) = 0;
};

void UringIo::submit(IoOp* op) {
  op->start();
  if (op->waits_at_once) {
    execute(op);
    op->finish();
    return;
  }
  RingWorker* worker = nullptr;
  {
    MutexLock lock(&mu_);
    if (workers_.size() < options_.workers) {
      workers_.push_back(std::make_unique<RingWorker>(options_.make_ring, options_.ops_per_worker,
                                                      calls_.get(), &durable_method_,
                                                      "pgz-io-" + std::to_string(workers_.size())));
      next_worker_ = workers_.size() - 1;
    }
    worker = workers_[next_worker_++ % workers_.size()].get();
  }
  worker->submit(op, descriptor_of(*op));
}

std::unique_ptr<Ring> UringIo::borrow_ring() {
  {
    MutexLock lock(&mu_);
    if (!rings_.empty()) {
      std::unique_ptr<Ring> ring = std::move(rings_.back());
      rings_.pop_back();
      return ring;
    }
  }
  auto made = options_.make_ring(kLentRingEntries, Ring::Owner::kAnyThread);
  return made.is_ok() ? made.take() : nullptr;
}

void UringIo::execute(IoOp* op) {
  std::unique_ptr<Ring> ring;
  if (op->kind == IoOp::Kind::kWriteDurable &&
      durable_method_.load(std::memory_order_relaxed) == DurableMethod::kLinkedRing) {
    ring = borrow_ring();
  }
  if (ring == nullptr) {  // also when there are no more rings to be had
    PosixIo::execute(op);
    return;
  }
  execute_linked(op, ring.get());
  MutexLock lock(&mu_);
  rings_.push_back(std::move(ring));
}

void UringIo::execute_linked(IoOp* op, Ring* ring) {
  RingTransfer transfer;
  transfer.begin(op, descriptor_of(*op), &durable_method_);
  auto next = transfer.push(ring, 0);
  while (next != RingTransfer::Next::kDone) {
    RingResult result;
    if (next == RingTransfer::Next::kWait) {
      if (ring->pop(&result)) {
        next = transfer.take(result);
      } else {
        ring->submit(1);
      }
      continue;
    }
    if (next == RingTransfer::Next::kPause) calls_->pause(transfer.attempt());
    next = transfer.push(ring, 0);
  }
  (void)transfer.end();
}

}  // namespace

Result<std::unique_ptr<PosixIo>> make_uring_io(const UringIoOptions& options,
                                               std::unique_ptr<PosixCalls> calls) {
  PGZ_ASSERT(options.workers > 0 && options.ops_per_worker > 0);
  PGZ_ASSIGN(auto ring, options.make_ring(kLentRingEntries, Ring::Owner::kAnyThread));
  return std::unique_ptr<PosixIo>(
      std::make_unique<UringIo>(options, std::move(calls), std::move(ring)));
}

}  // namespace pgz
