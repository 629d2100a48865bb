// WriteBehind: keeps a buffered file that is written from front to back at most two steps ahead of
// the device. Without it the page cache takes all of the file, and sync() hands tens of megabytes
// to the device at once, before which a commit's write to the log has to wait.
//
// Threads: one at a time. Direct files need nothing of it, and get nothing.
#pragma once

#include <cstdint>

#include "engine/base/status.h"
#include "engine/io/io.h"

namespace pgz {

class WriteBehind {
 public:
  static constexpr uint64_t kStepBytes = uint64_t{1} << 20;

  // The file has been written up to `end`. May wait for the device.
  Status wrote(File* file, uint64_t end);

 private:
  uint64_t done_ = 0;   // everything before is on the device
  uint64_t begun_ = 0;  // and before this, on its way
};

}  // namespace pgz
