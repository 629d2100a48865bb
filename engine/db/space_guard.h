// SpaceGuard: a reserve of disk space, so that a full disk stops new data and nothing else.
//
// Flushes and merges write new files before they can give old ones back. DIR/reserve is a file of
// allocated space that is given to them when they meet a full disk; from then on writes are refused
// (kNoSpace), while reads, deletes and drops go on, until enough space has come back to fill the
// reserve again. A part of it is kept, under the name DIR/reserve-spent, for the next opening,
// which takes a log slot and has a memtable to flush.
//
//   reserve   writes
//   none      let in    a new directory, until some log has been written
//   kept      let in
//   spent     refused   refill() is called every now and then
//
// It grows with the log, since what waits to be flushed can be no larger: a database that has
// written little keeps little. It is at most an eighth of what the file system could give. It holds
// no data: losing it, or meeting one that a crash left short, is nothing.
//
// Threads: any. Calls block for the file system, except check(), is_spent() and wants().
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "engine/base/runtime.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"

namespace pgz {

class SpaceGuard {
 public:
  SpaceGuard(const Runtime& runtime, const std::string& dir, uint64_t memtable_bytes,
             uint64_t slot_bytes);

  // Before recovery: what the last owner left. On a disk without room for a log slot most of it is
  // given to what follows.
  void open();
  // ok, or kNoSpace for writes of new data.
  Status check() const;
  bool is_spent() const { return spent_.load(std::memory_order_relaxed); }
  // Background work met a full disk and wants so much room; 0: however much there seems to be. The
  // reserve is given where that helps: not while there is the room, nor for work too large for it.
  void spend(uint64_t wanted);
  // Whether refill() would make the reserve larger than it was when last asked to.
  bool wants(uint64_t log_bytes) const;
  // Makes the reserve for a log of so many bytes so far, or fills it again where there is room for
  // that and some data.
  void refill(uint64_t log_bytes);

 private:
  uint64_t memtable_share(uint64_t log_bytes) const;
  uint64_t aim(uint64_t log_bytes) const;
  uint64_t for_next_opening(uint64_t reserved) const;
  uint64_t room_for_data() const;
  uint64_t size_of(const std::string& path) const;
  void cut(const std::string& path, uint64_t keep) PGZ_REQUIRES(mu_);
  void give_for_opening() PGZ_REQUIRES(mu_);
  bool grow(const std::string& path, uint64_t from, uint64_t to);

  const Runtime runtime_;
  const std::string dir_;
  const std::string path_;
  const std::string spent_path_;
  const uint64_t memtable_bytes_;
  const uint64_t slot_bytes_;
  std::atomic<bool> spent_{false};
  std::atomic<uint64_t> asked_{0};  // the aim refill() last saw
  Mutex mu_;                        // one change at a time
  uint64_t kept_ PGZ_GUARDED_BY(mu_) = 0;
  bool is_last_owners_ PGZ_GUARDED_BY(mu_) = false;  // what is left was there at opening
  uint64_t had_ PGZ_GUARDED_BY(mu_) = 0;             // before it was spent: it heals at no less
};

}  // namespace pgz
