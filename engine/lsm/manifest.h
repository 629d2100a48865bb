// The manifest: which tables make up the store, up to which log position they hold everything, and
// the values of the counters. DIR/manifest holds `super` (two copies of one superblock) and a slot
// of preallocated blocks with the edits. A slot begins with a checkpoint, the whole state as edits;
// when it is full a checkpoint goes to the other slot and the superblock is switched.
//
// Each edit starts on a block of its own and is durable when append() returns. Edits are CRC'd with
// a salt drawn per slot use, so leftovers of an earlier use are never taken for edits. Opening only
// reads; the first write after it is a checkpoint in the other slot: a slot that was read is never
// appended to.
//
// Errors: a bad block with a valid later one, two bad superblocks, an unreadable edit: kCorruption
// naming file and offset. A bad block at the very end is taken for a torn, unacknowledged edit
// (rot of the last acknowledged edit looks the same; the log's gapless check then speaks up).
// A newer format: kNotSupported. Another directory's uuid: kCorruption.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/runtime.h"
#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/io/io.h"
#include "engine/lsm/keys.h"
#include "engine/vlog/vlog.h"

namespace pgz {

inline constexpr int kLevels =
    7;  // on disk any number below 64; compaction.h says which are filled

// Numbers of files on disk lie below, and where numbering goes on from below half of it.
inline constexpr uint64_t kFileNumberEnd = uint64_t{1} << 62;

// One table as the manifest knows it.
struct FileMeta {
  uint64_t number = 0;  // DIR/sst/<number>.sst, never reused
  uint64_t file_bytes = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t min_ts = 0;
  uint64_t max_ts = 0;
  uint64_t global_ts = 0;  // 0: every key carries its own timestamp
  std::string smallest;    // user keys, both inclusive
  std::string largest;

  bool operator==(const FileMeta&) const = default;
};

// One atomic change of the store's shape.
struct VersionEdit {
  std::vector<std::pair<int, FileMeta>> added;    // level, file
  std::vector<std::pair<int, uint64_t>> removed;  // level, file number
  std::vector<RangeDrop> drops_added;
  std::vector<RangeDrop> drops_removed;
  std::vector<std::pair<std::string, uint64_t>> counters;
  std::vector<std::string> counters_erased;
  std::vector<SegmentMeta> segments_added;  // a known id: its values moved to another file
  std::vector<uint64_t> segments_removed;   // ids
  std::optional<uint64_t> flushed_lsn;
  std::optional<uint64_t> last_ts;
  std::optional<uint64_t> next_file_number;
  std::optional<uint64_t> log_end;

  void encode(std::string* to) const;
  // kCorruption with a reason; kNotSupported for a field this build does not know.
  static Status decode(Slice from, VersionEdit* edit);
};

// Everything the manifest says, edits applied.
struct ManifestState {
  std::vector<FileMeta> levels[kLevels];  // level 0 newest first; deeper levels by smallest key
  std::set<uint64_t> tables;              // their numbers
  std::vector<RangeDrop> drops;
  std::map<std::string, uint64_t> counters;
  std::map<uint64_t, SegmentMeta> segments;  // by id
  uint64_t flushed_lsn = 0;
  uint64_t last_ts = 0;
  uint64_t next_file_number = 1;
  uint64_t log_end = 0;  // the log was durable up to there at least; 0: not known

  // kCorruption when the edit does not fit (an unknown file removed, a file added twice, overlap
  // below level 0).
  Status apply(const VersionEdit& edit);
  // kCorruption when what it says contradicts itself: no edit of ours makes it say so, and numbers
  // decide what is kept.
  Status check() const;
  VersionEdit snapshot() const;
};

struct ManifestOptions {
  std::string uuid;  // 16 bytes; of the database directory
  uint64_t slot_bytes = 1 << 20;
  // open() leaves it to finish_reading() to look at what stands behind the last edit, and has it
  // read meanwhile.
  bool reads_end_later = false;
};

class Manifest {
 public:
  // Makes `dir` with an empty state; leftovers of an unfinished creation are removed: the caller
  // knows that no database lives here. The caller syncs the
  // parent of `dir`.
  static Result<std::unique_ptr<Manifest>> create(const Runtime& runtime, const std::string& dir,
                                                  const ManifestOptions& options);
  static Result<std::unique_ptr<Manifest>> open(const Runtime& runtime, const std::string& dir,
                                                const ManifestOptions& options);
  ~Manifest();
  Manifest(const Manifest&) = delete;
  Manifest& operator=(const Manifest&) = delete;

  const ManifestState& state() const;
  // The rest of open(), and of its errors: before anything is written or served. Does nothing when
  // nothing was left.
  Status finish_reading();
  // Applies the edit and makes it durable. kNoSpace: nothing has happened, try again. After any
  // other error the manifest is unusable: the outcome is unknown and every later call fails.
  Status append(const VersionEdit& edit);
  // Makes durable what open() read, which may have stood in a page cache only: before anything
  // that it does not need any more is removed.
  Status settle();

 private:
  struct Rep;
  explicit Manifest(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace pgz
