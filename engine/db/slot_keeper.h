// SlotKeeper: a thread that zero-fills log slots ahead of need and gives flushed ones back, work
// that takes tens of milliseconds and must not be the log thread's; it fills the reserve of disk
// space too.
//
// A database that writes little never needs a second slot or a reserve, so neither is made before
// some log has been written, and no reserve before that or a commit with runs. On a full disk it
// tries again every second.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "engine/base/runtime.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/db/space_guard.h"
#include "engine/log/log.h"

namespace pgz {

class SlotKeeper {
 public:
  struct Hooks {
    // A slot could not be made or recycled for another reason than space.
    std::function<void(const Status&)> on_failed;
    // There is no space for a slot, or the reserve is spent: flushing gives some back. Every second
    // while it is so.
    std::function<void()> on_full;
  };
  SlotKeeper(const Runtime& runtime, Log* log, SpaceGuard* space, Hooks hooks);
  ~SlotKeeper();
  SlotKeeper(const SlotKeeper&) = delete;
  SlotKeeper& operator=(const SlotKeeper&) = delete;

  // Cheap; after every group: something was appended.
  void poke();
  // A commit brought runs, data that never is in the log.
  void runs_came();
  // Everything below lsn is kept elsewhere.
  void recycle(Lsn below);
  // The reserve has been spent.
  void watch_space();

 private:
  bool wants_slots() const;
  bool has_written() const;
  Status work(Lsn below, Lsn* recycled);
  void loop();

  Log* const log_;
  SpaceGuard* const space_;
  const Hooks hooks_;
  const Lsn begin_;
  std::atomic<bool> has_runs_{false};
  Mutex mu_;
  CondVar cv_;
  bool poked_ PGZ_GUARDED_BY(mu_) = false;
  bool stop_ PGZ_GUARDED_BY(mu_) = false;
  Lsn recycle_below_ PGZ_GUARDED_BY(mu_) = 0;
  std::unique_ptr<Joinable> thread_;
};

}  // namespace pgz
