// Cursor: a scan over [lower, upper) at one snapshot, through a transaction's own writes below an
// operation number, in batches written to the caller's memory.
//
// Own writes made after opening are seen if their number is below the cursor's. It pins what the
// iterator below pins (lsm/iterator.h).
//
// Threads: one at a time, together with the transaction, which must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/db/db.h"
#include "engine/lsm/iterator.h"
#include "engine/txn/own_writes.h"

namespace pgz {

struct CursorOptions {
  uint64_t snapshot = kNewest;  // registered for as long as the cursor lives, or kNewest
  OpNum op = kOpAll;
  bool reverse = false;
  bool keys_only = false;
};

// Same layout as pgz_row.
struct RowOut {
  uint32_t key_offset;
  uint32_t value_offset;
  uint32_t key_len;
  uint32_t value_len;
  uint8_t kind;  // 1: a value
  uint8_t own;
  uint8_t reserved[6];
  uint64_t timestamp;
};

struct FetchBatch {
  RowOut* rows = nullptr;
  uint32_t max_rows = 0;
  char* buffer = nullptr;
  uint64_t capacity = 0;
  const uint32_t* cancel = nullptr;
  uint64_t max_steps = 0;

  uint32_t count = 0;
  uint64_t used = 0;
  uint64_t needed = 0;  // when not even one row fitted
  bool done = false;
};

class Cursor {
 public:
  static constexpr uint32_t kRowsMax = 1024;
  static constexpr uint64_t kStepsDefault = 65536;

  // txn may be null.
  Cursor(Db* db, Transaction* txn, const CursorOptions& options, Slice lower, Slice upper);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // kOutOfMemory with batch->needed set when not even one row fits the buffer: nothing was skipped.
  // After any other error rows may have been passed over that nobody has seen: the cursor gives
  // that error from then on.
  Status fetch(FetchBatch* batch);

 private:
  Status fetch_marked(FetchBatch* batch);
  Status fetch_rows(FetchBatch* batch);
  // For serializable transactions: marks what the rows of the batch tell about.
  Status mark(const FetchBatch& batch);
  Status position();
  // Puts the iterators where key is next (or the range's start).
  Status seek(const std::string* key);
  Status step_own();
  Status step_committed();
  bool own_valid();
  // Whether the committed version under the iterator is hidden by a dropped or owned range.
  bool hidden();
  Status fill(FetchBatch* batch);
  // Room for one more row with its key in place, or null.
  RowOut* append(FetchBatch* batch, Slice key, uint64_t value_bytes);
  bool append_own(FetchBatch* batch, Slice key, Slice value);
  Status append_committed(FetchBatch* batch, bool* full);
  bool in_order(Slice a, Slice b) const { return options_.reverse ? b < a : a < b; }

  Db* const db_;
  Transaction* const txn_;
  const CursorOptions options_;
  const std::string lower_;
  const std::string upper_;
  uint64_t snapshot_;
  bool registered_ = false;

  Status failed_;
  bool positioned_ = false;
  bool started_ = false;
  bool marked_all_ = false;
  std::string marked_;  // how far, once something is; the bound is exclusive going up
  std::string resume_;  // the next key to look at, once started
  uint64_t generation_ = 0;
  bool committed_wanted_ = true;
  std::unique_ptr<UserIterator> committed_;
  std::unique_ptr<OwnIterator> own_;
};

}  // namespace pgz
