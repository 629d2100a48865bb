// SlotKeeper: a thread that zero-fills log slots ahead of need and gives flushed ones back, work
// that takes tens of milliseconds and must not be the log thread's.
//
// A database that writes little never needs a second slot, so none is made before some log has been
// written. On a full disk it tries again every second.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/base/runtime.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/log/log.h"

namespace pgz {

class SlotKeeper {
 public:
  // on_failed: a slot could not be made or recycled for another reason than space.
  SlotKeeper(const Runtime& runtime, Log* log, std::function<void(const Status&)> on_failed);
  ~SlotKeeper();
  SlotKeeper(const SlotKeeper&) = delete;
  SlotKeeper& operator=(const SlotKeeper&) = delete;

  // Cheap; after every group: something was appended.
  void poke();
  // Everything below lsn is kept elsewhere.
  void recycle(Lsn below);

 private:
  bool wants_slots() const;
  void loop();

  Log* const log_;
  const std::function<void(const Status&)> on_failed_;
  const Lsn begin_;
  Mutex mu_;
  CondVar cv_;
  bool poked_ PGZ_GUARDED_BY(mu_) = false;
  bool stop_ PGZ_GUARDED_BY(mu_) = false;
  Lsn recycle_below_ PGZ_GUARDED_BY(mu_) = 0;
  std::unique_ptr<Joinable> thread_;
};

}  // namespace pgz
