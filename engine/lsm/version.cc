#include "engine/lsm/version.h"

#include <algorithm>
#include <cstdio>

#include "engine/io/io.h"

namespace pgz {

std::string table_path(const std::string& sst_dir, uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "%08llu.sst", static_cast<unsigned long long>(number));
  return path_join(sst_dir, name);
}

namespace {

// Whether the manifest, or the log, is right about the table in every number: they decide which
// reads look into it and which drops remove it.
bool is_described(const TableProperties& properties, const FileMeta& meta) {
  // A run has no timestamps of its own.
  const uint64_t min_ts = properties.global_ts ? meta.global_ts : properties.min_ts;
  const uint64_t max_ts = properties.global_ts ? meta.global_ts : properties.max_ts;
  return properties.file_bytes == meta.file_bytes && properties.entries == meta.entries &&
         properties.tombstones == meta.tombstones && min_ts == meta.min_ts &&
         max_ts == meta.max_ts && user_key_of(properties.smallest) == meta.smallest &&
         user_key_of(properties.largest) == meta.largest;
}

}  // namespace

Result<std::shared_ptr<Table>> Table::open(Io* io, const std::string& sst_dir, const FileMeta& meta,
                                           OpenFiles* files, BlockCache* cache) {
  std::shared_ptr<Table> table(new Table);
  table->io_ = io;
  table->path_ = table_path(sst_dir, meta.number);
  table->meta_ = meta;
  PGZ_ASSIGN(std::unique_ptr<TableSource> source, files->open(table->path_));
  TableReadOptions options;
  options.table_id = meta.number;
  options.cache = cache;
  options.global_ts = meta.global_ts;
  PGZ_ASSIGN(table->reader_, TableReader::open(std::move(source), table->path_, options));
  if (!is_described(table->reader_->properties(), meta)) {
    return Status::make(Code::kCorruption,
                        table->path_ + " at 0: the table is not the one the manifest or log names");
  }
  std::string segments;
  PGZ_TRY(table->reader_->read_segments(&segments));
  if (!segments.empty() && !SegmentUses::decode(segments, &table->uses_)) {
    return Status::make(Code::kCorruption,
                        table->path_ + " at 0: what it says of value segments makes no sense");
  }
  table->value_bytes_ = table->uses_.bytes();
  return table;
}

Table::~Table() {
  reader_.reset();
  // What cannot be removed now is removed as an orphan at the next start.
  if (obsolete_.load(std::memory_order_acquire)) (void)io_->remove(path_).is_ok();
}

std::shared_ptr<const Version> Version::apply(const VersionEdit& edit,
                                              const std::vector<TableRef>& opened,
                                              const std::vector<SegmentRef>& opened_segments,
                                              std::vector<TableRef>* gone,
                                              std::vector<SegmentRef>* gone_segments) const {
  auto next = std::make_shared<Version>(*this);
  next->segments = apply_segments(edit, opened_segments, gone_segments);
  std::vector<TableRef> removed;
  for (const auto& [level, number] : edit.removed) {
    std::vector<TableRef>& tables = next->levels[level];
    for (auto at = tables.begin(); at != tables.end(); ++at) {
      if ((*at)->meta().number != number) continue;
      removed.push_back(*at);
      tables.erase(at);
      break;
    }
  }
  for (const auto& [level, meta] : edit.added) {
    TableRef table;
    for (const std::vector<TableRef>* from :
         {&opened, static_cast<const std::vector<TableRef>*>(&removed)}) {
      for (const TableRef& candidate : *from) {
        if (candidate->meta().number == meta.number) table = candidate;
      }
    }
    PGZ_ASSERT(table != nullptr);
    std::vector<TableRef>& tables = next->levels[level];
    const auto at = level == 0 ? tables.begin()
                               : std::lower_bound(tables.begin(), tables.end(), table,
                                                  [](const TableRef& a, const TableRef& b) {
                                                    return a->meta().smallest < b->meta().smallest;
                                                  });
    tables.insert(at, table);
  }
  for (const TableRef& table : removed) {
    const uint64_t number = table->meta().number;
    const bool moved = std::any_of(edit.added.begin(), edit.added.end(), [number](const auto& add) {
      return add.second.number == number;
    });
    if (!moved) gone->push_back(table);
  }
  for (const RangeDrop& drop : edit.drops_removed) std::erase(next->drops, drop);
  for (const RangeDrop& drop : edit.drops_added) {
    if (std::find(next->drops.begin(), next->drops.end(), drop) == next->drops.end()) {
      next->drops.push_back(drop);
    }
  }
  return next;
}

std::shared_ptr<const SegmentMap> Version::apply_segments(const VersionEdit& edit,
                                                          const std::vector<SegmentRef>& opened,
                                                          std::vector<SegmentRef>* gone) const {
  if (edit.segments_added.empty() && edit.segments_removed.empty()) return segments;
  auto next = std::make_shared<SegmentMap>(*segments);
  for (const SegmentMeta& meta : edit.segments_added) {
    SegmentRef found;
    for (const SegmentRef& candidate : opened) {
      if (candidate->meta() == meta) found = candidate;
    }
    PGZ_ASSERT(found != nullptr);
    SegmentRef& place = (*next)[meta.id];
    if (place != nullptr) gone->push_back(place);
    place = std::move(found);
  }
  for (const uint64_t id : edit.segments_removed) {
    const auto at = next->find(id);
    PGZ_ASSERT(at != next->end());
    gone->push_back(at->second);
    next->erase(at);
  }
  return next;
}

const Table* Version::find(int level, Slice user_key) const {
  const std::vector<TableRef>& tables = levels[level];
  const auto at = std::lower_bound(
      tables.begin(), tables.end(), user_key,
      [](const TableRef& table, Slice key) { return Slice(table->meta().largest) < key; });
  if (at == tables.end() || Slice((*at)->meta().smallest) > user_key) return nullptr;
  return at->get();
}

std::vector<TableRef> Version::overlapping(int level, Slice smallest, Slice largest) const {
  std::vector<TableRef> found;
  for (const TableRef& table : levels[level]) {
    if (table->overlaps(smallest, largest)) found.push_back(table);
  }
  return found;
}

uint64_t Version::level_bytes(int level) const {
  uint64_t bytes = 0;
  for (const TableRef& table : levels[level]) bytes += table->meta().file_bytes;
  return bytes;
}

bool hides_in(const RangeDrop& drop, const FileMeta& meta) {
  return meta.min_ts < drop.ts && Slice(meta.largest) >= Slice(drop.begin) &&
         (drop.end.empty() || meta.smallest < drop.end);
}

TableRange range_of(const std::vector<TableRef>& tables) {
  PGZ_ASSERT(!tables.empty());
  TableRange range{tables[0]->meta().smallest, tables[0]->meta().largest};
  for (const TableRef& table : tables) {
    range.smallest = std::min(range.smallest, table->meta().smallest);
    range.largest = std::max(range.largest, table->meta().largest);
  }
  return range;
}

}  // namespace pgz
