// The read side of Lsm: point look-ups and iterators over a view.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/merge_iterator.h"
#include "engine/lsm/user_iterator.h"
#include "engine/sst/hash.h"

namespace pgz {

namespace {

bool in_range(const FileMeta& meta, Slice user_key) {
  return user_key >= Slice(meta.smallest) && user_key <= Slice(meta.largest);
}

struct Lookup {
  Slice user_key;
  uint64_t read_ts;
  std::string* value;  // may be null
  TableLookup in_tables;
  TableGetResult result;

  Lookup(Slice key, uint64_t ts, std::string* to)
      : user_key(key),
        read_ts(ts),
        value(to),
        in_tables{key, make_trailer(ts, 0xff), hash_key(key)} {}

  Status ask(const Table& table) {
    if (table.meta().min_ts > read_ts || !in_range(table.meta(), user_key)) return Status::ok();
    return table.reader().get(in_tables, value, &result);
  }
};

Status find_version(const View& view, Lookup* lookup) {
  for (const auto& entry : view.queue) {
    const MemTable::Found found = entry->table.get(lookup->user_key, lookup->read_ts);
    if (found.found) {
      lookup->result = {true, found.kind, found.ts};
      if (lookup->value != nullptr) lookup->value->assign(found.value);
      return Status::ok();
    }
    for (const TableRef& run : entry->runs) {
      PGZ_TRY(lookup->ask(*run));
      if (lookup->result.found) return Status::ok();
    }
  }
  for (const TableRef& table : view.version->levels[0]) {
    PGZ_TRY(lookup->ask(*table));
    if (lookup->result.found) return Status::ok();
  }
  for (int level = 1; level < kLevels; level++) {
    const Table* table = view.version->find(level, lookup->user_key);
    if (table != nullptr) PGZ_TRY(lookup->ask(*table));
    if (lookup->result.found) return Status::ok();
  }
  return Status::ok();
}

uint64_t newest_drop_in(const View& view, Slice user_key, uint64_t read_ts) {
  uint64_t newest = 0;
  if (!view.version->drops.empty()) newest = newest_drop(view.version->drops, user_key, read_ts);
  for (const auto& entry : view.queue) {
    if (!entry->table.has_drops()) continue;
    newest = std::max(newest, newest_drop(entry->table.drops(), user_key, read_ts));
  }
  return newest;
}

Status not_found() { return Status::make(Code::kNotFound, std::string()); }

// *value is the value's pointer where *is_pointer is set.
Status get_in(const View& view, Slice user_key, uint64_t read_ts, std::string* value,
              uint64_t* version_ts, Kind* kind, bool* is_pointer) {
  Lookup lookup(user_key, read_ts, value);
  PGZ_TRY(find_version(view, &lookup));
  TableGetResult result = lookup.result;
  const uint64_t drop = newest_drop_in(view, user_key, read_ts);
  if (drop > result.ts) result = {true, Kind::kTombstone, drop};
  if (result.kind == Kind::kValuePointer) {
    result.kind = Kind::kValue;
    *is_pointer = true;
  }
  if (version_ts != nullptr) *version_ts = result.found ? result.ts : 0;
  if (kind != nullptr) *kind = result.kind;
  return result.found && !is_tombstone(result.kind) ? Status::ok() : not_found();
}

}  // namespace

Status Lsm::get(Slice user_key, uint64_t read_ts, std::string* value, uint64_t* version_ts,
                Kind* kind) const {
  const ViewCell::Guard view(rep_->views.get());
  bool is_pointer = false;
  PGZ_TRY(get_in(*view, user_key, read_ts, value, version_ts, kind, &is_pointer));
  return is_pointer && value != nullptr ? rep_->values.resolve(*view, value) : Status::ok();
}

void Lsm::multi_get(std::span<const Slice> user_keys, uint64_t read_ts,
                    std::vector<GetResult>* results) const {
  results->resize(user_keys.size());
  const ViewCell::Guard view(rep_->views.get());
  std::vector<ValueRead> reads;
  std::vector<GetResult*> readers;
  for (size_t i = 0; i < user_keys.size(); i++) {
    GetResult& result = (*results)[i];
    result.value.clear();
    bool is_pointer = false;
    result.status = get_in(*view, user_keys[i], read_ts, &result.value, &result.version_ts,
                           &result.kind, &is_pointer);
    if (!is_pointer || !result.status.is_ok()) continue;
    ValueRead read;
    result.status = Values::find(*view, result.value, &read);
    if (!result.status.is_ok()) continue;
    result.value.resize(read.pointer.value_bytes());
    read.to = result.value.data();
    reads.push_back(std::move(read));
    readers.push_back(&result);
  }
  if (reads.empty()) return;
  rep_->values.read(reads, false);
  for (size_t i = 0; i < reads.size(); i++) readers[i]->status = std::move(reads[i].status);
}

Status Lsm::newest_version(Slice user_key, uint64_t* ts) const {
  Status status = get(user_key, kMaxTimestamp, nullptr, ts, nullptr);
  return status.is(Code::kNotFound) ? Status::ok() : status;
}

std::unique_ptr<UserIterator> Lsm::new_iterator(uint64_t read_ts, Slice lower, Slice upper) const {
  std::shared_ptr<const View> view = rep_->views->share();
  UserIteratorOptions options;
  options.values = &rep_->values;
  options.read_ts = read_ts;
  options.lower = lower;
  options.upper = upper;
  const auto wanted = [&](const Table& table) {
    return table.meta().min_ts <= read_ts && Slice(table.meta().largest) >= lower &&
           (upper.empty() || Slice(table.meta().smallest) < upper);
  };
  const auto take_drops = [&](const std::vector<RangeDrop>& drops) {
    for (const RangeDrop& drop : drops) {
      if (drop.ts <= read_ts && (upper.empty() || Slice(drop.begin) < upper) &&
          (drop.end.empty() || Slice(drop.end) > lower)) {
        options.drops.push_back(drop);
      }
    }
  };
  std::vector<std::unique_ptr<Iterator>> children;
  for (const auto& entry : view->queue) {
    // The first entry may get versions later on; they are above any read_ts that matters.
    if (entry == view->queue.front() || entry->table.entries() != 0) {
      children.push_back(entry->table.new_iterator());
    }
    if (entry->table.has_drops()) take_drops(entry->table.drops());
    for (const TableRef& run : entry->runs) {
      if (wanted(*run)) children.push_back(run->reader().new_iterator());
    }
  }
  for (const TableRef& table : view->version->levels[0]) {
    if (wanted(*table)) children.push_back(table->reader().new_iterator());
  }
  for (int level = 1; level < kLevels; level++) {
    const std::vector<TableRef>& tables = view->version->levels[level];
    if (!tables.empty()) children.push_back(new_level_iterator(&tables, true));
  }
  take_drops(view->version->drops);
  return new_user_iterator(new_merge_iterator(std::move(children)), std::move(view),
                           std::move(options));
}

namespace {

uint64_t share_of(const Table& table, Slice lower, Slice upper) {
  const FileMeta& meta = table.meta();
  const bool begins_inside = Slice(meta.smallest) >= lower;
  const bool ends_inside = upper.empty() || Slice(meta.largest) < upper;
  if (Slice(meta.largest) < lower || (!upper.empty() && Slice(meta.smallest) >= upper)) return 0;
  const uint64_t bytes = meta.file_bytes + table.uses().bytes();
  return begins_inside && ends_inside ? bytes : bytes / 2;
}

// The bytes of the range's entries as far as kSampleEntries of them go; beyond, the whole memtable
// counts half.
uint64_t share_of(const MemTable& memtable, Slice lower, Slice upper) {
  constexpr uint64_t kSampleEntries = 256;
  std::string seek;
  append_internal_key(&seek, lower, make_trailer(kMaxTimestamp, 0xff));
  const std::unique_ptr<Iterator> it = memtable.new_iterator();
  uint64_t entries = 0;
  uint64_t bytes = 0;
  for (it->seek(seek); it->valid(); it->next()) {
    if (!upper.empty() && user_key_of(it->key()) >= upper) return bytes;
    if (++entries > kSampleEntries) return std::max(bytes, memtable.memory_bytes() / 2);
    bytes += it->key().size() + it->value().size();
  }
  return bytes;
}

}  // namespace

uint64_t Lsm::approximate_bytes(Slice lower, Slice upper) const {
  const ViewCell::Guard view(rep_->views.get());
  uint64_t bytes = 0;
  for (const auto& entry : view->queue) {
    bytes += share_of(entry->table, lower, upper);
    for (const TableRef& run : entry->runs) bytes += share_of(*run, lower, upper);
  }
  for (const std::vector<TableRef>& level : view->version->levels) {
    for (const TableRef& table : level) bytes += share_of(*table, lower, upper);
  }
  return bytes;
}

LsmStats Lsm::stats() const {
  Rep& rep = *rep_;
  LsmStats stats;
  const CacheStats cache = rep.cache.stats();
  stats.cache_usage_bytes = cache.usage_bytes;
  stats.cache_hits = cache.hits;
  stats.cache_misses = cache.misses;
  stats.flushes = rep.flushes;
  stats.merges = rep.merges;
  stats.moves = rep.moves;
  stats.debt_bytes = rep.debt_bytes;
  stats.flushed_bytes = rep.flushed_bytes;
  stats.merged_bytes = rep.merged_bytes;
  stats.ordered_bytes = rep.ordered_bytes;
  stats.stall_micros = rep.stall_micros;
  const ViewCell::Guard view(rep.views.get());
  stats.queued_entries = static_cast<uint32_t>(view->queue.size()) - 1;
  for (const auto& entry : view->queue) {
    stats.memtable_bytes += entry->table.memory_bytes();
    stats.range_drops += entry->table.drops().size();
    for (const TableRef& run : entry->runs)
      stats.table_memory_bytes += run->reader().memory_bytes();
  }
  stats.range_drops += view->version->drops.size();
  stats.collected_bytes = rep.collected_bytes;
  stats.placed_bytes = rep.placer.written_bytes();
  stats.segments = static_cast<uint32_t>(view->version->segments->size());
  for (const auto& [id, segment] : *view->version->segments) {
    stats.segment_bytes += segment->meta().file_bytes;
    stats.table_memory_bytes += segment->memory_bytes();
  }
  for (int level = 0; level < kLevels; level++) {
    stats.level_files[level] = static_cast<uint32_t>(view->version->levels[level].size());
    stats.level_bytes[level] = view->version->level_bytes(level);
    for (const TableRef& table : view->version->levels[level]) {
      stats.table_memory_bytes += table->reader().memory_bytes() + table->uses().memory_bytes();
      stats.segment_live_bytes += table->uses().bytes();
    }
  }
  return stats;
}

}  // namespace pgz
