// The value log: large values outside the sorted tables, in segments.
//
// A segment is a file of values with a directory of them at its end, written once by a flush or
// merge in key order and immutable afterwards (docs/formats.md has the bytes). A sorted table holds
// a ValuePointer instead of the value, and says in its SegmentUses which slots of which segments it
// points into. A segment's live values are the union of those over the tables of a Version.
//
// A pointer names a logical segment and a slot. Which file holds the segment now is a SegmentMeta,
// kept by the manifest: rewrite_segment() moves the live values to a new file under the same slot
// numbers, so that no key needs rewriting. Values that were dropped leave an empty entry.
//
// A value may be stored compressed, by itself (compress.h). Pointer and directory then have the
// length and checksum of the bytes stored, which is all that moving and counting know of; lengths
// and sums of bytes are of what is stored throughout, unless they are called raw.
//
// Promises
//  - A value read is the one the pointer was made for: the pointer's CRC32C covers segment, slot
//    and bytes stored, and is checked on every read and on every move, before they are
//    uncompressed.
//  - finish() and rewrite_segment() return with the file and its directory entry synced.
//  - Writes are at most kWriteBytesMax, and multiples of kIoAlignment.
// Limits: values of 1 byte to 1 GiB, up to kCompressedRawMax if compressed; kSlotsMax slots and
// 4 GiB a segment.
// Errors: kCorruption names file and offset; kNotSupported for a newer format or unknown features;
// what Io returns is passed on. Nothing here locks for long: segments are safe for any number of
// threads, writers for one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/io/io.h"
#include "engine/io/write_behind.h"
#include "engine/vlog/slot_set.h"

namespace pgz {

inline constexpr uint32_t kSlotsMax = 1u << 22;
inline constexpr uint64_t kSegmentValueBytesMax = uint64_t{1} << 30;
inline constexpr size_t kWriteBytesMax = 1 << 20;
// Larger values are stored as they are, so that no length makes a reader ask for more memory.
inline constexpr uint32_t kCompressedRawMax = 1 << 20;

// What a sorted table holds in a value's place.
struct ValuePointer {
  uint64_t segment = 0;
  uint32_t slot = 0;
  uint32_t length = 0;  // of the bytes stored
  uint32_t crc = 0;
  uint32_t raw_length = 0;  // of the value where it is stored compressed; 0: it is not

  // What a reader gets.
  uint32_t value_bytes() const { return raw_length != 0 ? raw_length : length; }
  void encode(std::string* to) const;
  // False for bytes that are no pointer, or more than one.
  static bool decode(Slice from, ValuePointer* pointer);
  bool operator==(const ValuePointer&) const = default;
};

// Of the bytes stored, seeded with their place, so that a value of another slot or segment is never
// taken for this one.
uint32_t value_crc(uint64_t segment, uint32_t slot, Slice stored);

// One segment as the manifest knows it.
struct SegmentMeta {
  uint64_t id = 0;    // logical, never reused
  uint64_t file = 0;  // DIR/vlog/<file>.seg, never reused; ages by the smallest first
  uint64_t file_bytes = 0;
  uint64_t value_bytes = 0;  // of the values the file holds
  uint32_t values = 0;       // entries that are not empty
  uint32_t slots = 0;        // entries, empty ones included

  void encode(std::string* to) const;
  static bool decode(Slice* from, SegmentMeta* meta);
  bool operator==(const SegmentMeta&) const = default;
};

// What one table points at in one segment.
struct SegmentUse {
  SlotSet slots;
  uint64_t bytes = 0;  // of the values in those slots
  bool operator==(const SegmentUse&) const = default;
};

// What one table points at, by segment id; kept in the table's file.
class SegmentUses {
 public:
  void add(const ValuePointer& pointer);
  const std::map<uint64_t, SegmentUse>& all() const { return uses_; }
  bool empty() const { return uses_.empty(); }
  uint64_t bytes() const;
  uint64_t memory_bytes() const;
  void encode(std::string* to) const;
  static bool decode(Slice from, SegmentUses* uses);
  bool operator==(const SegmentUses&) const = default;

 private:
  std::map<uint64_t, SegmentUse> uses_;
};

// DIR/vlog/<file>.seg, and the number back out of a name (0: not a segment's).
std::string segment_path(const std::string& vlog_dir, uint64_t file);
uint64_t segment_file_number(const std::string& name);

// One directory entry; an empty slot has length 0.
struct SegmentEntry {
  uint32_t offset = 0;
  uint32_t length = 0;
  uint32_t crc = 0;
  bool is_compressed = false;
};

// Writes one segment. Threads: one at a time. After an error only destruction is allowed.
class SegmentWriter {
 public:
  SegmentWriter(Io* io, std::string vlog_dir, uint64_t id, uint64_t file);
  ~SegmentWriter();  // not finished: the file is removed
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  Status open();
  // The next slot gets the value, stored as it is.
  Status add(Slice value, ValuePointer* pointer) { return add_stored(value, 0, pointer); }
  // The same with what ValueCompressor made of a value of `raw_length` bytes, or what another
  // segment has stored of one.
  Status add_stored(Slice stored, uint32_t raw_length, ValuePointer* pointer);
  // The next slot gets what it has in another file of this segment; checked before.
  Status add_moved(Slice stored, const SegmentEntry& entry);
  // The next slot stays empty.
  void add_empty();
  uint64_t value_bytes() const { return meta_.value_bytes; }
  bool is_full() const { return meta_.slots == kSlotsMax; }
  // Writes the directory and syncs file and name.
  Status finish(SegmentMeta* meta);

 private:
  Status add_entry(Slice stored, uint32_t crc, bool is_compressed);
  Status append(Slice bytes);
  Status write_out(bool whole);

  Io* io_;
  const std::string vlog_dir_;
  const std::string path_;
  SegmentMeta meta_;
  std::unique_ptr<File> file_;
  AlignedBuffer buffer_;
  size_t buffered_ = 0;
  uint64_t written_ = 0;
  WriteBehind behind_;
  std::string directory_;
  bool has_compressed_ = false;
  bool finished_ = false;
};

// A segment's file, which may be closed between two uses. Any thread.
class SegmentFile {
 public:
  virtual ~SegmentFile() = default;
  virtual Status use(std::shared_ptr<File>* file) = 0;
};

// Where segments get their files from, so that somebody can bound how many are open.
class SegmentFiles {
 public:
  virtual ~SegmentFiles() = default;
  virtual Result<std::unique_ptr<SegmentFile>> open_segment(const std::string& path) = 0;
};

// A finished segment. Its directory is read at the first use and stays in memory, four bytes a
// slot.
class Segment {
 public:
  // Checks that the file is the one `meta` describes. kNotFound, kCorruption otherwise. Without
  // `files`, which must outlive the segment, it keeps a descriptor of its own.
  static Result<std::shared_ptr<Segment>> open(Io* io, const std::string& vlog_dir,
                                               const SegmentMeta& meta,
                                               SegmentFiles* files = nullptr);
  // One that still gets values (OpenSegment): its directory is what grow() says, and only its id
  // and file are known until stop_growing().
  static std::shared_ptr<Segment> make_growing(Io* io, const std::string& vlog_dir,
                                               const SegmentMeta& meta,
                                               std::unique_ptr<SegmentFile> file);
  void grow(uint32_t slot, uint32_t offset);
  void stop_growing(const SegmentMeta& meta);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  const SegmentMeta& meta() const { return meta_; }
  const std::string& path() const { return path_; }
  Status read(const ValuePointer& pointer, std::string* value) const;
  // pointer.value_bytes() to `to`. With a pointer whose raw_length was set to 0 a compressed value
  // is read as it is stored.
  Status read(const ValuePointer& pointer, char* to) const;
  // Where the value begins in the file. kCorruption when the slot is empty or out of range.
  Status locate(const ValuePointer& pointer, uint64_t* offset) const;
  // kCorruption unless `stored` is what the pointer names.
  Status check(const ValuePointer& pointer, uint64_t offset, Slice stored) const;
  // Checks, and makes pointer.value_bytes() at `to` of it; `stored` may be `to` itself where
  // nothing is to be uncompressed.
  Status deliver(const ValuePointer& pointer, uint64_t offset, Slice stored, char* to) const;
  Status use(std::shared_ptr<File>* file) const { return file_->use(file); }
  uint64_t memory_bytes() const;
  // The manifest does not name the file any more: remove it when nobody reads it.
  void set_obsolete() { obsolete_.store(true, std::memory_order_release); }

  using Entry = SegmentEntry;
  // The whole directory, read anew and checked.
  Status read_directory(std::vector<Entry>* entries) const;

 private:
  Segment() = default;
  Status load_offsets() const;
  Status read_at(const ValuePointer& pointer, uint64_t offset, char* to) const;
  Status locate_growing(const ValuePointer& pointer, uint64_t* offset) const;
  Status no_value(const ValuePointer& pointer, uint64_t offset) const;

  Io* io_ = nullptr;
  std::string path_;
  SegmentMeta meta_;
  std::unique_ptr<SegmentFile> file_;
  std::atomic<bool> obsolete_{false};
  mutable Mutex load_mutex_;
  mutable std::vector<uint32_t> offsets_;  // constant once loaded_
  bool growing_ = false;                   // guarded by load_mutex_, until loaded_
  mutable std::atomic<bool> loaded_{false};
};

using SegmentRef = std::shared_ptr<Segment>;

// One value of a batch: pointer.value_bytes() go to `to`. The segment outlives the call.
struct ValueRead {
  const Segment* segment = nullptr;
  ValuePointer pointer;
  char* to = nullptr;
  Status status;
  bool was_cached = false;  // read_values found it in the operating system's memory
};

// Reads all of them, in address order, neighbours with one transfer: first what the operating
// system has in memory, on the calling thread, while the rest is in flight.
void read_values(Io* io, std::span<ValueRead> reads);

// Writes what `live` keeps of the segment to file number `file`, slot numbers unchanged and values
// as they are stored. Every value moved is checked first. `live` must not be empty. kCorruption
// when it names an empty slot. `between` is called before each read of at most kWriteBytesMax (or
// one value, where that is larger): the place to let more urgent work go first; an error it returns
// ends the work.
Status rewrite_segment(Io* io, const std::string& vlog_dir, const Segment& from,
                       const SlotSet& live, uint64_t file, SegmentMeta* meta,
                       const std::function<Status()>& between = {});

// The live values of one segment in a Version.
struct SegmentLoad {
  uint64_t id = 0;
  uint64_t file = 0;
  uint64_t value_bytes = 0;
  uint64_t live_bytes = 0;
  bool is_held = false;  // takes room like any other, and must stay as it is
};

struct CollectLimits {
  // Collect while values take more than this many percent of the live ones.
  uint32_t space_percent_max = 150;
  // A segment with a smaller share of garbage is not worth the moving.
  double garbage_share_min = 0.2;
  // So much of what counts as live may be garbage that no merge has met yet.
  uint64_t hidden_bytes = 0;
  // Values on disk that are in none of the segments given.
  uint64_t other_bytes = 0;
};

// The segment to collect next: one with nothing live if there is any, else, while the values of all
// segments together are over the limit, the one with the most garbage for each live byte to be
// moved, times the square root of its age: young segments are still losing values. Returns the
// index, or loads.size() when there is nothing to do. `newest_file` is what ages count from.
size_t pick_segment(std::span<const SegmentLoad> loads, uint64_t newest_file,
                    const CollectLimits& limits);

}  // namespace pgz
