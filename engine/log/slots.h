// The log's slot files: made zero-filled under a temporary name, handed out, taken back. What
// stands in them is not this class's business. Thread-safe. Private to log/.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/sync.h"
#include "engine/io/io.h"
#include "engine/log/log.h"

namespace pgz::log {

struct SlotFile {
  std::string path;
  std::unique_ptr<File> file;
  uint64_t bytes = 0;
};

using SlotRef = std::shared_ptr<SlotFile>;

class SlotSet {
 public:
  SlotSet(const Runtime& runtime, std::string dir, const LogOptions& options);

  // Opens every slot file of the directory. Called once, first.
  Status load(std::vector<SlotRef>* slots);
  // Removes the files of slots whose making was cut short, and makes the names of the others that
  // load() found durable: an earlier process may have died before it did. Before create().
  Status settle_names();
  // A new slot, zero-filled and durable, name included.
  Result<SlotRef> create(uint64_t bytes);
  // `wanted`, or on a disk that is nearly full a part of it that there is room for.
  uint64_t fitting_bytes(uint64_t wanted) const;
  // The largest spare, or null.
  SlotRef take_spare();
  // The slot's content is not needed any more: it becomes a spare, or its file goes.
  Status release(SlotRef slot);

  Status prepare();
  bool wants_spares() const;
  uint64_t disk_bytes() const { return disk_bytes_.load(std::memory_order_relaxed); }

 private:
  Status fill(const std::string& path, uint64_t bytes);

  const Runtime runtime_;
  const std::string dir_;
  const LogOptions options_;
  std::atomic<uint64_t> disk_bytes_{0};
  std::vector<std::string> unfinished_;  // between load() and settle_names()

  mutable Mutex mu_;
  std::vector<SlotRef> spares_ PGZ_GUARDED_BY(mu_);
  uint64_t next_number_ PGZ_GUARDED_BY(mu_) = 1;
};

}  // namespace pgz::log
