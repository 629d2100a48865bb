// The commit log: what makes a commit durable.
//
// The log is a stream of 4 KiB blocks in slot files of fixed size (format: log/format.h). An LSN
// is a byte position in that stream; LSNs only grow and are never used twice. A record is an
// opaque byte string, cut into fragments over as many blocks and slots as it needs; it exists when
// its last fragment does. Each group starts at a new block, so no block that was acknowledged is
// ever written again.
//
// Threads: append() is called under the caller's append mutex (one at a time); flush() and seal()
// by one log thread; the rest by anyone. append() never waits for the disk, except when a slot ends
// and none is prepared.
//
// Errors: kNoSpace from append() means nothing was appended and it heals when space returns (slots
// are prepared ahead, so flush() never meets a full disk). Any failure of flush() or seal() is
// final: the log answers kFailed from then on, and the outcome of what was not durable is unknown.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/base/runtime.h"
#include "engine/base/slice.h"
#include "engine/base/status.h"

namespace pgz {

using Lsn = uint64_t;

struct LogOptions {
  std::array<uint8_t, 16> uuid{};          // of the database; seeds every checksum
  uint64_t first_slot_bytes = 4ull << 20;  // of a new log, and of the slot opened by recovery
  uint64_t slot_bytes = 64ull << 20;       // of those prepared in the background
  uint32_t spare_slots = 1;                // how many prepare_slots() keeps ready
  uint32_t spare_slots_max = 3;            // further recycled slots are deleted
  bool direct = true;                      // past the page cache where possible
  // Called before a group is written: makes durable what its records point at. An error stops the
  // log.
  std::function<Status()> before_write;
};

// Where a record stands. lsn_end is the position after its last byte: the record is durable once
// durable_lsn() >= lsn_end, and is delivered by a recovery from any from_lsn < lsn_end.
struct Appended {
  Lsn lsn_begin = 0;
  Lsn lsn_end = 0;
};

struct RecoverResult {
  Lsn end_lsn = 0;       // the accepted end: everything before it is durable now
  uint64_t records = 0;  // delivered
  uint64_t bytes = 0;
  bool sealed = false;     // the log ended with a sealing block: a clean close or an idle moment
  std::string end_reason;  // what stood at the end, for the start-up log
};

struct RecoverOptions {
  Lsn durable_lsn = 0;  // somebody else knows that the log was durable up to here
  // Everything was read and found good; writing begins when it returns ok.
  std::function<Status()> before_writes;
  // What was accepted is durable now, and slots whose records are kept elsewhere are written to
  // when it returns ok: by then that elsewhere has to be durable too.
  std::function<Status()> before_reuse;
};

class Log {
 public:
  virtual ~Log() = default;  // closes without flushing or sealing; call seal() first

  // Makes directory `dir` (its parent exists and is synced by the caller) with a first slot, ready
  // for append.
  static Result<std::unique_ptr<Log>> create(const Runtime& runtime, const std::string& dir,
                                             const LogOptions& options);
  // Opens the directory. recover() comes next, once, before anything else but read_ahead().
  static Result<std::unique_ptr<Log>> open(const Runtime& runtime, const std::string& dir,
                                           const LogOptions& options);

  // Reads what a recover() will need, and only that one may follow. What recover() is to start from
  // is asked for when it is needed, and the answer may be waited for; nullopt: there will be no
  // recover(). Reports what that would find on its way. For callers with other things to do
  // meanwhile: it waits for the device most of the time.
  virtual Status read_ahead(const std::function<std::optional<Lsn>()>& from_lsn) = 0;
  // Delivers, in order, every record with lsn_end > from_lsn, with that lsn_end. from_lsn is 0 or
  // the lsn_end of a record that is kept elsewhere. When it returns ok, all that was delivered is
  // durable and the log takes appends in a new slot; end_lsn >= every lsn delivered.
  // kCorruption: the log is damaged at or below a position known to be durable; the message names
  // file and offset. A failing callback ends it with that status. In both cases nothing was
  // written.
  virtual Status recover(Lsn from_lsn,
                         const std::function<Status(Lsn lsn_end, Slice record)>& deliver,
                         RecoverResult* result, const RecoverOptions& options = {}) = 0;

  // Adds one record (the pieces in sequence; at least one byte) to the forming group. The bytes are
  // copied.
  virtual Result<Appended> append(std::span<const Slice> pieces) = 0;
  Result<Appended> append(Slice record) { return append(std::span<const Slice>(&record, 1)); }

  // Makes the forming group durable while the next one forms; ok at once when there is none.
  // *durable_lsn (may be null) is durable_lsn() afterwards.
  virtual Status flush(Lsn* durable_lsn) = 0;
  // Flushes and writes a sealing block, so that damage to the last group can be told from a torn
  // tail. For idle moments and close; does nothing when nothing came since the last one.
  virtual Status seal() = 0;

  virtual bool has_pending() const = 0;
  virtual uint64_t pending_bytes() const = 0;  // appended and not yet durable
  virtual Lsn durable_lsn() const = 0;
  virtual Lsn end_lsn() const = 0;  // where the next record will begin or later

  // Everything below is kept elsewhere, durably: slots that end there are used again or deleted.
  virtual Status recycle(Lsn below) = 0;
  // Brings the number of zero-filled spare slots to options.spare_slots; slow, for a background
  // thread. kNoSpace is not a failure of the log: call again later.
  virtual Status prepare_slots() = 0;
  // Whether prepare_slots() has something to do.
  virtual bool wants_slots() const = 0;
  // Bytes of slot files.
  virtual uint64_t disk_bytes() const = 0;
};

}  // namespace pgz
