// One IoOp made of ring requests: which to push next, and what their results mean. Private to io/.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/io/io.h"
#include "engine/io/posix_calls.h"
#include "engine/io/posix_io.h"
#include "engine/io/ring.h"

namespace pgz {

// The ring must have room for kRequestsMax requests whenever push() is called. Holds the op's
// descriptor from begin() until the op is finished.
class RingTransfer {
 public:
  static constexpr unsigned kRequestsMax = 2;

  enum class Next : uint8_t {
    kWait,   // more results are to come
    kPush,   // push() again
    kPause,  // the same, after a little while: attempt()
    kDone,   // op.status and op.transferred are set; call IoOp::finish()
  };

  void begin(IoOp* op, std::shared_ptr<const Descriptor> descriptor,
             std::atomic<DurableMethod>* method);
  // kWait, or kDone when there was nothing to do.
  Next push(Ring* ring, uint64_t index);
  // `result` is of a request whose tag names this transfer.
  Next take(const RingResult& result);
  int attempt() const { return progress_.attempt(); }
  IoOp* end();  // gives the op back

  // A tag holds the index given to push().
  static uint64_t index_of(uint64_t tag) { return tag >> 1; }

 private:
  enum class Stage : uint8_t { kTransfer, kSync };

  Next transferred();
  Next synced();
  Next done(Status status);

  IoOp* op_ = nullptr;
  std::shared_ptr<const Descriptor> descriptor_;
  std::atomic<DurableMethod>* method_ = nullptr;
  TransferProgress progress_;
  TransferProgress::Iovecs iovecs_;
  DurableMethod used_ = DurableMethod::kDsyncFlag;  // of a durable write
  Stage stage_ = Stage::kTransfer;
  bool is_linked_ = false;
  unsigned outstanding_ = 0;
  int32_t transfer_result_ = 0;
  int32_t sync_result_ = 0;
};

}  // namespace pgz
