#include "engine/io/ring_worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "engine/base/assert.h"
#include "engine/io/posix_io.h"

namespace pgz {
namespace {

constexpr uint64_t kWakeTag = ~uint64_t{0};

}  // namespace

RingWorker::RingWorker(const RingFactory& make_ring, uint32_t ops, PosixCalls* calls,
                       std::atomic<DurableMethod>* method, const std::string& name)
    : ops_(ops), calls_(calls), method_(method), wake_fd_(::eventfd(0, EFD_CLOEXEC)) {
  wake_piece_ = {&wake_count_, sizeof(wake_count_)};
  thread_ = thread_executor()->spawn(name, [this, make_ring] { loop(make_ring); });
}

RingWorker::~RingWorker() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    work_.notify_all();
  }
  thread_->join();
}

void RingWorker::submit(IoOp* op, std::shared_ptr<const Descriptor> descriptor) {
  MutexLock lock(&mu_);
  waiting_.push_back({op, std::move(descriptor)});
  if (in_kernel_) {
    in_kernel_ = false;
    wake();
  } else {
    work_.notify_one();
  }
}

void RingWorker::wake() {
  const uint64_t one = 1;
  // Fails only when the count is full, and then the thread is woken already.
  [[maybe_unused]] const ssize_t n = ::write(wake_fd_.get(), &one, sizeof(one));
}

void RingWorker::loop(const RingFactory& make_ring) {
  if (wake_fd_.is_open()) {
    auto made = make_ring(ops_ * RingTransfer::kRequestsMax + 1, Ring::Owner::kOneThread);
    if (made.is_ok()) ring_ = made.take();
  }
  transfers_.resize(ops_);
  for (uint32_t i = 0; i < ops_; ++i) free_.push_back(i);
  std::vector<Waiting> batch;
  while (take_waiting(&batch)) {
    for (Waiting& waiting : batch) start(std::move(waiting));
    batch.clear();
    reap();
  }
  if (is_listening_) wake();
  while (is_listening_) wait_for_results();
}

bool RingWorker::take_waiting(std::vector<Waiting>* batch) {
  MutexLock lock(&mu_);
  in_kernel_ = false;
  while (waiting_.empty() && busy() == 0) {
    if (stopping_) return false;
    work_.wait(&mu_);
  }
  while (!waiting_.empty() && batch->size() < free_.size()) {
    batch->push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  in_kernel_ = true;
  return true;
}

void RingWorker::start(Waiting waiting) {
  if (ring_ == nullptr) {
    execute_plain(waiting.op, *waiting.descriptor, calls_, method_);
    waiting.descriptor.reset();
    waiting.op->finish();
    return;
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  transfers_[index].begin(waiting.op, std::move(waiting.descriptor), method_);
  settle(index, RingTransfer::Next::kPush);
}

void RingWorker::settle(uint32_t index, RingTransfer::Next next) {
  RingTransfer& transfer = transfers_[index];
  if (next == RingTransfer::Next::kPause) {
    calls_->pause(transfer.attempt());
    next = RingTransfer::Next::kPush;
  }
  if (next == RingTransfer::Next::kPush) next = transfer.push(ring_.get(), index);
  if (next != RingTransfer::Next::kDone) return;
  IoOp* const op = transfer.end();
  free_.push_back(index);
  op->finish();
}

void RingWorker::listen() {
  RingRequest request{.kind = RingRequest::Kind::kRead, .fd = wake_fd_.get()};
  request.pieces = &wake_piece_;
  request.piece_count = 1;
  request.tag = kWakeTag;
  const bool pushed = ring_->push(request);
  PGZ_ASSERT(pushed);
  is_listening_ = true;
}

void RingWorker::reap() {
  if (busy() == 0) return;
  if (!is_listening_) listen();
  wait_for_results();
}

void RingWorker::wait_for_results() {
  ring_->submit(1);
  RingResult result;
  while (ring_->pop(&result)) {
    if (result.tag == kWakeTag) {
      is_listening_ = false;
      continue;
    }
    const auto index = static_cast<uint32_t>(RingTransfer::index_of(result.tag));
    settle(index, transfers_[index].take(result));
  }
}

}  // namespace pgz
