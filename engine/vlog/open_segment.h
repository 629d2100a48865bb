// A segment that commits put their large values into as they come. The log then holds pointers, and
// says where each value begins, so that replay can make the directory again.
//
// Life: place() and write() until it is closed or full; sync() before the log may hold a pointer;
// release() when the pointer is where a flush finds it; close(), and finish() makes of it a segment
// as any other. Readers use segment() all the while.
//
// Errors: as vlog.h. A value that could not be written leaves an empty slot. After a failed sync()
// nothing is known of the file. Threads: any, but for finish(), which one thread calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/vlog/vlog.h"

namespace pgz {

// A value and where it begins in the file, as the log has it.
struct PlacedValue {
  ValuePointer pointer;
  uint64_t offset = 0;

  void encode(std::string* to) const;
  static bool decode(Slice from, PlacedValue* placed);
};

class OpenSegment {
 public:
  // A new file, whose name is durable.
  static Result<std::shared_ptr<OpenSegment>> create(Io* io, const std::string& vlog_dir,
                                                     uint64_t id, SegmentFiles* files);
  // One that a crash left open; restore() says what is in it, place() is not allowed any more.
  static Result<std::shared_ptr<OpenSegment>> reopen(Io* io, const std::string& vlog_dir,
                                                     uint64_t id, SegmentFiles* files);
  OpenSegment(const OpenSegment&) = delete;
  OpenSegment& operator=(const OpenSegment&) = delete;
  ~OpenSegment();

  uint64_t id() const { return segment_->meta().id; }
  const SegmentRef& segment() const { return segment_; }

  // A slot and a place for the value, unless the segment is closed or would grow beyond
  // `bytes_max` (the first value always fits). The segment is then held: release() as often.
  bool place(Slice value, uint64_t bytes_max, PlacedValue* placed);
  // Writes values that place() gave neighbouring places, and fills in their pointers' checksums.
  Status write(std::span<const Slice> values, std::span<PlacedValue> placed);
  void release();
  // What write() wrote before the call is durable.
  Status sync();
  // Reads and checks a value that the log names. kCorruption where it is not there.
  Status restore(const PlacedValue& placed);

  // Nothing points into it: its file goes with the last reference.
  void abandon();

  void close();
  // Waits until nobody holds it, then writes the directory and syncs. Closed before; may be called
  // again after kNoSpace.
  Status finish(SegmentMeta* meta);

 private:
  class OpenFile;

  OpenSegment(Io* io, std::string vlog_dir) : io_(io), vlog_dir_(std::move(vlog_dir)) {}
  void attach(uint64_t id, std::unique_ptr<File> file, SegmentFiles* files);
  Status write_tail(SegmentMeta* meta);

  Io* const io_;
  const std::string vlog_dir_;
  SegmentRef segment_;
  OpenFile* file_ = nullptr;  // segment_'s

  Mutex mutex_;
  CondVar released_;
  bool closed_ PGZ_GUARDED_BY(mutex_) = false;
  uint32_t holders_ PGZ_GUARDED_BY(mutex_) = 0;
  uint64_t end_ PGZ_GUARDED_BY(mutex_) = 0;
  uint64_t file_bytes_ = 0;  // of one that was reopened, as the last owner left it
  std::vector<Segment::Entry> entries_ PGZ_GUARDED_BY(mutex_);
  std::atomic<bool> dirty_{false};
  bool finished_ = false;  // finish()'s
};

using OpenSegmentRef = std::shared_ptr<OpenSegment>;

}  // namespace pgz
