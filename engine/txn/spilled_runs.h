// SpilledRuns: the part of a transaction's writes that outgrew memory, as sorted runs on disk.
//
// Two forms of run. A plain one holds writes of one operation number and can be attached to the
// tree at commit as it is. A tagged one holds writes of several numbers: each key's value is the
// list of its writes, newest first, as (varint number, kind byte, length-prefixed value); it is
// merged into plain ones before commit. Bulk statements make plain runs; consecutive spills of one
// statement that go on in key order share a file up to kRunBytesMax. What goes into a range the
// transaction created has runs of its own, which nothing else can overlap: a table's rows, the
// entries of its index and the catalog rows written beside them need no merge at commit.
//
// Files of runs that are not handed over are removed. Threads: one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/lsm/lsm.h"
#include "engine/txn/op_ranges.h"
#include "engine/txn/own_iterator.h"
#include "engine/txn/write_buffer.h"

namespace pgz {

struct SpilledRun {
  RunFile file;
  uint64_t sequence = 0;
  OpNum op = 0;  // plain: of every write
  bool tagged = false;
  OpNum min_op = 0;
  OpNum max_op = 0;
  OpNum cut = kOpAll;                 // writes numbered cut or higher were undone
  std::unique_ptr<RunReader> reader;  // opened when first needed

  bool has_key_range(Slice key) const {
    return key >= Slice(file.smallest) && key <= Slice(file.largest);
  }
};

class SpilledRuns {
 public:
  static constexpr uint64_t kRunBytesMax = uint64_t{64} << 20;

  explicit SpilledRuns(Lsm* lsm) : lsm_(lsm) {}
  ~SpilledRuns();
  SpilledRuns(const SpilledRuns&) = delete;
  SpilledRuns& operator=(const SpilledRuns&) = delete;

  // Writes the live writes of `buffer`: numbers with a large share as plain runs, the rest, if it
  // is still much, as a tagged run; else the rest is put into `left`. On an error the buffer is as
  // it was and the transaction must be rolled back.
  Status spill(const WriteBuffer& buffer, const OpRanges& owned, WriteBuffer* left);
  // Writes to a run that is being written, past the buffer, if the write goes on with it: a load in
  // key order whose writes have filled the buffer twice. False in *taken: the buffer is to have it.
  // An error is as of spill().
  Status append(OpNum op, Kind kind, Slice key, Slice value, bool* taken);
  // The caller's ranges changed: no append() before the next spill.
  void stop_appending();

  // The newest write of key below read_op; version->op 0 if none. Values go to *scratch.
  Status find(Slice key, OpNum read_op, std::string* scratch, OwnVersion* version);
  // Sources over all runs the read may see.
  Status add_sources(OpNum read_op, bool reverse, std::vector<std::unique_ptr<OwnSource>>* sources);
  Status cut(OpNum op);

  bool empty() const { return runs_.empty() && open_.empty(); }
  uint64_t runs_written() const { return written_; }

  // Makes the runs ready to be attached. `buffer` is what is still in memory; where its keys meet a
  // run's, or runs overlap, were cut or are tagged, all is merged into new runs and *merged is
  // true: then the buffer's writes are in the runs too. Writes in `drops` (numbered at or below
  // them) are left out, deletions in `owned` as well. On ok the files in *files are the caller's.
  Status prepare(const std::shared_ptr<const WriteBuffer>& buffer, const OpRanges& drops,
                 const OpRanges& owned, std::vector<RunFile>* files, bool* merged);

 private:
  // Writes of one number that share runs: those in one owned range, or those in none (null).
  struct Group {
    const OpRange* range = nullptr;
    OpNum op = 0;
    uint64_t bytes = 0;
  };
  // A plain run still being written; invisible until finished.
  struct Open {
    std::unique_ptr<RunWriter> writer;
    OpNum op = 0;
    bool owned = false;
    std::string range_begin;  // of the owned range
    std::string range_end;
    std::string last_key;
    bool went_on = false;  // a second spill, or a full run before it, ended where this goes on
    // append() may add to it: the buffer has no write of its group above last_key.
    bool direct = false;

    bool is_of(const Group& g) const {
      return op == g.op && owned == (g.range != nullptr) &&
             (!owned || Slice(range_begin) == Slice(g.range->begin));
    }
  };
  static constexpr size_t kOpenMax = 8;  // each holds a table writer's buffers
  class Groups;

  Status finish(Open open);
  // Finishes the runs of writes numbered below read_op, in the order they were begun.
  Status finish_open(OpNum read_op = kOpAll);
  Status open_for(const Group& group, Slice key, Open** open);
  Status roll(Open* open);
  Status write_plain(const WriteBuffer& buffer, const Groups& groups, const Group& group,
                     const OpRanges& owned);
  Status write_tagged(const WriteBuffer& buffer, const Groups& groups);
  Status reader_of(SpilledRun* run, const RunReader** reader);
  void drop_covered(const OpRanges& drops);
  Status must_merge(const WriteBuffer& buffer, const OpRanges& drops, bool* merge);
  Status merge(const std::shared_ptr<const WriteBuffer>& buffer, const OpRanges& drops,
               const OpRanges& owned, std::vector<RunFile>* files);

  Lsm* const lsm_;
  std::vector<std::shared_ptr<SpilledRun>> runs_;
  std::vector<Open> open_;  // oldest first
  uint64_t sequence_ = 0;
  uint64_t written_ = 0;
};

// Takes the newest write below min(read_op, cut) from a tagged value; false if there is none. The
// value points into `tagged`. kCorruption when it does not parse.
Status find_tagged(Slice tagged, OpNum read_op, OpNum cut, bool* found, OwnVersion* version);

// A source over runs that do not overlap, ascending, their readers open.
std::unique_ptr<OwnSource> make_run_source(std::vector<std::shared_ptr<const SpilledRun>> runs,
                                           OpNum read_op, bool reverse);

}  // namespace pgz
