// Large values on their way: written to an open segment before their commit goes into the log,
// which then holds pointers.
//
//   committing thread   place() writes the values; the record gets logged(i); once it is in the log
//                       MemTableRef::add_placed() puts the pointers into the memtable
//   log thread          sync(), before it writes a group: no pointer is durable before its value
//   flush               a memtable's open segments are finished, and its edit adds them
//   replay              MemTableRef::add_logged() finds the values again and checks them
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/vlog/open_segment.h"

namespace pgz {

// The values of one commit. Holds their segments open, for as long as nothing else points there.
class PlacedValues {
 public:
  PlacedValues() = default;
  ~PlacedValues();
  PlacedValues(const PlacedValues&) = delete;
  PlacedValues& operator=(const PlacedValues&) = delete;

  size_t size() const { return values_.size(); }
  // What the log record says of the i-th value; with kind kValuePointer.
  std::string logged(size_t i) const;
  std::string pointer(size_t i) const;
  const OpenSegmentRef& segment(size_t i) const { return segments_[i]; }
  uint64_t bytes(size_t i) const { return values_[i].pointer.length; }

 private:
  friend class ValuePlacer;
  std::vector<PlacedValue> values_;
  std::vector<OpenSegmentRef> segments_;  // of each; held
};

class ValuePlacer {
 public:
  struct Options {
    std::string vlog_dir;
    uint64_t segment_bytes = 0;
    std::function<uint64_t()> new_number;
    SegmentFiles* files = nullptr;
  };
  ValuePlacer(Io* io, Options options) : io_(io), options_(std::move(options)) {}
  ValuePlacer(const ValuePlacer&) = delete;
  ValuePlacer& operator=(const ValuePlacer&) = delete;

  // On an error nothing of *placed may be used.
  Status place(std::span<const Slice> values, PlacedValues* placed);
  Status sync();
  // For replay: the segment of a logged value, which is checked.
  Status restore(const PlacedValue& placed, OpenSegmentRef* segment);
  // Takes no more values in the segment.
  void close(const OpenSegmentRef& segment);
  // The segment is the manifest's from now on.
  void forget(const OpenSegmentRef& segment);
  uint64_t written_bytes() const { return written_.load(std::memory_order_relaxed); }

 private:
  Status place_next(Slice value, PlacedValues* placed);
  Status begin_segment() PGZ_REQUIRES(place_mutex_);
  void drop_unused() PGZ_REQUIRES(place_mutex_);

  Io* const io_;
  const Options options_;
  std::atomic<uint64_t> written_{0};
  // Held while a segment's file is made. Taken before mutex_, which never is: the log thread, and
  // with it every commit, wants that.
  Mutex place_mutex_;
  OpenSegmentRef current_ PGZ_GUARDED_BY(place_mutex_);
  Mutex mutex_;
  std::vector<OpenSegmentRef> open_ PGZ_GUARDED_BY(mutex_);  // all that is not the manifest's yet
};

}  // namespace pgz
