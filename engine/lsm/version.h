// Versions: immutable sets of open tables. A change of the store's shape makes a new Version; who
// reads keeps the one it started with. A table's file is removed when the last Version that had it
// goes, provided the manifest no longer names it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/lsm/keys.h"
#include "engine/lsm/manifest.h"
#include "engine/lsm/open_files.h"
#include "engine/sst/table.h"
#include "engine/vlog/vlog.h"

namespace pgz {

// DIR/sst/<number>.sst
std::string table_path(const std::string& sst_dir, uint64_t number);

// An open table file.
class Table {
 public:
  // Checks that the file is the one `meta` describes. kNotFound, kCorruption otherwise.
  static Result<std::shared_ptr<Table>> open(Io* io, const std::string& sst_dir,
                                             const FileMeta& meta, OpenFiles* files,
                                             BlockCache* cache);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const FileMeta& meta() const { return meta_; }
  const TableReader& reader() const { return *reader_; }
  bool overlaps(Slice smallest, Slice largest) const {
    return meta_.smallest <= largest && meta_.largest >= smallest;
  }
  // What it points at in the value log.
  const SegmentUses& uses() const { return uses_; }
  uint64_t value_bytes() const { return value_bytes_; }  // of all values pointed at
  // Segments written with the table, held here until the edit that adds it is durable. Guarded by
  // whoever commits the edit.
  std::vector<SegmentRef>& new_segments() { return new_segments_; }
  // The manifest does not name the file, nor new_segments(), any more: remove them when nobody
  // reads them.
  void set_obsolete() {
    for (const SegmentRef& segment : new_segments_) segment->set_obsolete();
    obsolete_.store(true, std::memory_order_release);
  }

 private:
  Table() = default;

  Io* io_ = nullptr;
  std::string path_;
  FileMeta meta_;
  std::unique_ptr<TableReader> reader_;
  SegmentUses uses_;
  uint64_t value_bytes_ = 0;
  std::vector<SegmentRef> new_segments_;
  std::atomic<bool> obsolete_{false};
};

using TableRef = std::shared_ptr<Table>;

// By logical id.
using SegmentMap = std::map<uint64_t, SegmentRef>;

struct Version {
  std::vector<TableRef> levels[kLevels];  // level 0 newest first; deeper by key, disjoint
  std::vector<RangeDrop> drops;
  // Every segment a table of this version points into.
  std::shared_ptr<const SegmentMap> segments = std::make_shared<SegmentMap>();

  // This version with the edit applied; `opened` holds the tables the edit adds. Tables the edit
  // removes and does not add elsewhere are appended to `gone`.
  std::shared_ptr<const Version> apply(const VersionEdit& edit, const std::vector<TableRef>& opened,
                                       const std::vector<SegmentRef>& opened_segments,
                                       std::vector<TableRef>* gone,
                                       std::vector<SegmentRef>* gone_segments) const;
  // The segments after the edit; `opened` as above. Those removed or replaced go to `gone`.
  std::shared_ptr<const SegmentMap> apply_segments(const VersionEdit& edit,
                                                   const std::vector<SegmentRef>& opened,
                                                   std::vector<SegmentRef>* gone) const;
  // The table of a level below 0 whose range holds the user key, or null.
  const Table* find(int level, Slice user_key) const;
  // Tables of the level that overlap [smallest, largest].
  std::vector<TableRef> overlapping(int level, Slice smallest, Slice largest) const;
  uint64_t level_bytes(int level) const;
};

// Whether the table, by its ranges of keys and timestamps, may hold versions that the drop covers.
bool hides_in(const RangeDrop& drop, const FileMeta& meta);

// The smallest and largest user key over tables; requires one at least.
struct TableRange {
  std::string smallest;
  std::string largest;
};
TableRange range_of(const std::vector<TableRef>& tables);

}  // namespace pgz
