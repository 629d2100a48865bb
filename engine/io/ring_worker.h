// RingWorker: an engine thread with a ring of its own that carries out submitted operations.
// Private to io/.
#pragma once

#include <sys/uio.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/runtime.h"
#include "engine/base/sync.h"
#include "engine/io/ring.h"
#include "engine/io/ring_transfer.h"

namespace pgz {

class RingWorker {
 public:
  // Starts the thread, which makes its ring; without one (they are limited) it makes plain calls.
  RingWorker(const RingFactory& make_ring, uint32_t ops, PosixCalls* calls,
             std::atomic<DurableMethod>* method, const std::string& name);
  // Finishes everything that was submitted.
  ~RingWorker();
  RingWorker(const RingWorker&) = delete;
  RingWorker& operator=(const RingWorker&) = delete;

  // The op is finished on the worker's thread, with the rules of IoOp. Any thread.
  void submit(IoOp* op, std::shared_ptr<const Descriptor> descriptor);

 private:
  struct Waiting {
    IoOp* op;
    std::shared_ptr<const Descriptor> descriptor;
  };

  void loop(const RingFactory& make_ring);
  // False when there is nothing left to do and never will be.
  bool take_waiting(std::vector<Waiting>* batch);
  void start(Waiting waiting);
  void settle(uint32_t index, RingTransfer::Next next);
  void reap();
  void wait_for_results();
  void listen();
  void wake();
  size_t busy() const { return transfers_.size() - free_.size(); }

  const uint32_t ops_;
  PosixCalls* const calls_;
  std::atomic<DurableMethod>* const method_;
  Fd wake_fd_;

  // The thread's own.
  std::unique_ptr<Ring> ring_;
  std::vector<RingTransfer> transfers_;
  std::vector<uint32_t> free_;
  bool is_listening_ = false;  // a read of wake_fd_ is in the ring
  uint64_t wake_count_ = 0;    // what it reads
  iovec wake_piece_{};

  Mutex mu_;
  CondVar work_;
  std::deque<Waiting> waiting_ PGZ_GUARDED_BY(mu_);
  bool in_kernel_ PGZ_GUARDED_BY(mu_) = false;  // the thread waits for results: wake it by wake_fd_
  bool stopping_ PGZ_GUARDED_BY(mu_) = false;
  std::unique_ptr<Joinable> thread_;
};

}  // namespace pgz
