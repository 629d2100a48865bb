// OwnWrites: everything a transaction has written so far: the buffer in memory, the runs it
// spilled, the ranges it created and dropped. Reads name an operation number and see what is below
// it.
//
// Ranges: in a range the transaction owns nothing is committed, so reads end here. After a drop
// (numbered below the read) neither earlier own writes nor committed versions of the range are
// seen.
//
// Errors while spilling (no space) leave a transaction whose only use is to be rolled back:
// every later add() and prepare() gives the same error.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/txn/op_ranges.h"
#include "engine/txn/own_iterator.h"
#include "engine/txn/spilled_runs.h"
#include "engine/txn/write_buffer.h"

namespace pgz {

class OwnWrites {
 public:
  OwnWrites(Lsm* lsm, uint64_t spill_bytes);

  Status add(OpNum op, Kind kind, Slice key, Slice value);
  void own_range(OpNum op, Slice begin, Slice end) {
    owned_.add(op, begin, end);
    runs_.stop_appending();
  }
  void drop_range(OpNum op, Slice begin, Slice end) { drops_.add(op, begin, end); }
  // Undoes what is numbered op or higher.
  Status rollback_to(OpNum op);
  bool empty() const { return buffer_->is_empty() && runs_.empty() && drops_.empty(); }

  enum class Answer {
    kCommitted,  // nothing here: committed state counts
    kOwn,        // *version is what the read sees
    kNothing,    // no version is visible, nor is a committed one
  };
  // version->value points into the buffer or *scratch.
  Status find(Slice key, OpNum read_op, std::string* scratch, OwnVersion* version, Answer* answer);
  // Whether committed versions of key are invisible to the read.
  bool hides_committed(Slice key, OpNum read_op) const {
    return owned_.newest(key, read_op) != 0 || drops_.newest(key, read_op) != 0;
  }
  // Whether [begin, end) lies in one owned range, so that a scan needs no committed state.
  bool owns_all(Slice begin, Slice end, OpNum read_op) const;
  bool has_drops() const { return !drops_.empty(); }
  bool has_runs() const { return !runs_.empty(); }
  bool has_ranges() const { return !drops_.empty() || !owned_.empty(); }
  OpNum dropped_at(Slice key, OpNum read_op) const { return drops_.newest(key, read_op); }

  Result<std::unique_ptr<OwnIterator>> new_iterator(OpNum read_op, bool reverse);
  // Changes when iterators made before may no longer see all they should.
  uint64_t generation() const { return generation_; }

  // What a commit consists of. `writes` are in key order, one per key.
  struct Prepared {
    std::vector<RunFile> runs;
    std::vector<const WriteBuffer::Node*> writes;
    std::shared_ptr<const WriteBuffer> buffer;  // keeps `writes` alive
    const std::vector<OpRange>* drops = nullptr;
    uint64_t write_bytes = 0;
  };
  // Files of prepared runs are the caller's to attach or to discard. Not to be used afterwards.
  Status prepare(Prepared* prepared);

  uint64_t runs_written() const { return runs_.runs_written(); }
  size_t memory_bytes() const { return buffer_->memory_bytes(); }

 private:
  Status spill();

  const uint64_t spill_bytes_;
  std::shared_ptr<WriteBuffer> buffer_;  // shared with iterators
  SpilledRuns runs_;
  OpRanges owned_;
  OpRanges drops_;
  uint64_t generation_ = 0;
  Status failed_;
};

}  // namespace pgz
