// Moving what lives in a segment to a new file.
#include <algorithm>
#include <string>
#include <vector>

#include "engine/vlog/format.h"

namespace pgz {

namespace {

// Values in a row that are read together.
constexpr size_t kReadAheadBytes = kWriteBytesMax;

}  // namespace

Status rewrite_segment(Io* io, const std::string& vlog_dir, const Segment& from,
                       const SlotSet& live, uint64_t file, SegmentMeta* meta,
                       const std::function<Status()>& between) {
  std::vector<Segment::Entry> entries;
  PGZ_TRY(from.read_directory(&entries));
  if (live.limit() > entries.size()) {
    return vlog::corruption(from.path(), 0, "a table points beyond the segment's last slot");
  }
  std::shared_ptr<File> source;
  PGZ_TRY(from.use(&source));
  SegmentWriter writer(io, vlog_dir, from.meta().id, file);
  PGZ_TRY(writer.open());
  std::string window;
  uint64_t window_begin = 0;
  // Slots lie in the file in their order; empty ones at the end need no entry.
  for (uint32_t slot = 0; slot < live.limit(); slot++) {
    if (!live.contains(slot)) {
      writer.add_empty();
      continue;
    }
    const Segment::Entry& entry = entries[slot];
    const uint64_t end = uint64_t{entry.offset} + entry.length;
    if (entry.length == 0) {
      return vlog::corruption(
          from.path(), 0, "slot " + std::to_string(slot) + " is empty and a table points at it");
    }
    if (entry.offset < window_begin || end > window_begin + window.size()) {
      if (between) PGZ_TRY(between());
      window_begin = entry.offset;
      window.resize(std::min<uint64_t>(std::max<uint64_t>(entry.length, kReadAheadBytes),
                                       from.meta().file_bytes - window_begin));
      PGZ_TRY(source->read(window_begin, window.data(), window.size()));
    }
    const Slice value(window.data() + (entry.offset - window_begin), entry.length);
    PGZ_TRY(from.check({from.meta().id, slot, entry.length, entry.crc}, entry.offset, value));
    PGZ_TRY(writer.add_moved(value, entry));
  }
  return writer.finish(meta);
}

}  // namespace pgz
