#include <algorithm>

#include "engine/base/coding.h"
#include "engine/lsm/manifest.h"

namespace pgz {

namespace {

enum Tag : uint32_t {
  kAdded = 1,
  kRemoved = 2,
  kDropAdded = 3,
  kDropRemoved = 4,
  kCounter = 5,
  kCounterErased = 6,
  kFlushedLsn = 7,
  kLastTs = 8,
  kNextFileNumber = 9,
  kSegmentAdded = 10,
  kSegmentRemoved = 11,
  kLogEnd = 12,
};

void put_field(std::string* to, Tag tag, Slice body) {
  put_varint32(to, tag);
  put_length_prefixed(to, body);
}

void put_number(std::string* to, Tag tag, uint64_t number) {
  std::string body;
  put_varint64(&body, number);
  put_field(to, tag, body);
}

std::string encode_file(int level, const FileMeta& file) {
  std::string body;
  put_varint32(&body, static_cast<uint32_t>(level));
  for (const uint64_t number : {file.number, file.file_bytes, file.entries, file.tombstones,
                                file.min_ts, file.max_ts, file.global_ts}) {
    put_varint64(&body, number);
  }
  put_length_prefixed(&body, file.smallest);
  put_length_prefixed(&body, file.largest);
  return body;
}

bool get_string(Slice* from, std::string* to) {
  Slice bytes;
  if (!get_length_prefixed(from, &bytes)) return false;
  to->assign(bytes);
  return true;
}

bool get_level(Slice* from, int* level) {
  uint32_t number = 0;
  if (!get_varint32(from, &number) || number >= kLevels) return false;
  *level = static_cast<int>(number);
  return true;
}

bool is_timestamp(uint64_t ts) { return ts < kStoredTimestampEnd; }

bool is_file_number(uint64_t number) { return number != 0 && number < kFileNumberEnd; }

bool decode_file(Slice body, int* level, FileMeta* file) {
  if (!get_level(&body, level)) return false;
  for (uint64_t* number : {&file->number, &file->file_bytes, &file->entries, &file->tombstones,
                           &file->min_ts, &file->max_ts, &file->global_ts}) {
    if (!get_varint64(&body, number)) return false;
  }
  return get_string(&body, &file->smallest) && get_string(&body, &file->largest) && body.empty() &&
         file->smallest <= file->largest && is_file_number(file->number) &&
         file->min_ts <= file->max_ts && is_timestamp(file->max_ts) &&
         is_timestamp(file->global_ts);
}

std::string encode_drop(const RangeDrop& drop) {
  std::string body;
  put_varint64(&body, drop.ts);
  put_length_prefixed(&body, drop.begin);
  put_length_prefixed(&body, drop.end);
  return body;
}

bool decode_drop(Slice body, RangeDrop* drop) {
  return get_varint64(&body, &drop->ts) && get_string(&body, &drop->begin) &&
         get_string(&body, &drop->end) && body.empty() && is_timestamp(drop->ts);
}

bool decode_number(Slice body, std::optional<uint64_t>* number) {
  uint64_t value = 0;
  if (!get_varint64(&body, &value) || !body.empty()) return false;
  *number = value;
  return true;
}

bool decode_segment(Slice body, SegmentMeta* segment) {
  return SegmentMeta::decode(&body, segment) && body.empty() && is_file_number(segment->id) &&
         is_file_number(segment->file);
}

bool decode_field(uint32_t tag, Slice body, VersionEdit* edit) {
  switch (tag) {
    case kAdded: {
      auto& [level, file] = edit->added.emplace_back();
      return decode_file(body, &level, &file);
    }
    case kRemoved: {
      auto& [level, number] = edit->removed.emplace_back();
      return get_level(&body, &level) && get_varint64(&body, &number) && body.empty();
    }
    case kDropAdded:
      return decode_drop(body, &edit->drops_added.emplace_back());
    case kDropRemoved:
      return decode_drop(body, &edit->drops_removed.emplace_back());
    case kCounter: {
      auto& [name, next] = edit->counters.emplace_back();
      return get_varint64(&body, &next) && get_string(&body, &name) && body.empty();
    }
    case kCounterErased:
      edit->counters_erased.emplace_back(body);
      return true;
    case kFlushedLsn:
      return decode_number(body, &edit->flushed_lsn);
    case kLastTs:
      return decode_number(body, &edit->last_ts) && is_timestamp(*edit->last_ts);
    case kSegmentAdded:
      return decode_segment(body, &edit->segments_added.emplace_back());
    case kSegmentRemoved:
      return get_varint64(&body, &edit->segments_removed.emplace_back()) && body.empty();
    case kLogEnd:
      return decode_number(body, &edit->log_end);
    default:
      return decode_number(body, &edit->next_file_number) &&
             is_file_number(*edit->next_file_number);
  }
}

}  // namespace

void VersionEdit::encode(std::string* to) const {
  for (const auto& [level, file] : added) put_field(to, kAdded, encode_file(level, file));
  for (const auto& [level, number] : removed) {
    std::string body;
    put_varint32(&body, static_cast<uint32_t>(level));
    put_varint64(&body, number);
    put_field(to, kRemoved, body);
  }
  for (const RangeDrop& drop : drops_added) put_field(to, kDropAdded, encode_drop(drop));
  for (const RangeDrop& drop : drops_removed) put_field(to, kDropRemoved, encode_drop(drop));
  for (const auto& [name, next] : counters) {
    std::string body;
    put_varint64(&body, next);
    put_length_prefixed(&body, name);
    put_field(to, kCounter, body);
  }
  for (const std::string& name : counters_erased) put_field(to, kCounterErased, name);
  for (const SegmentMeta& segment : segments_added) {
    std::string body;
    segment.encode(&body);
    put_field(to, kSegmentAdded, body);
  }
  for (const uint64_t id : segments_removed) put_number(to, kSegmentRemoved, id);
  if (flushed_lsn) put_number(to, kFlushedLsn, *flushed_lsn);
  if (last_ts) put_number(to, kLastTs, *last_ts);
  if (next_file_number) put_number(to, kNextFileNumber, *next_file_number);
  if (log_end) put_number(to, kLogEnd, *log_end);
}

Status VersionEdit::decode(Slice from, VersionEdit* edit) {
  *edit = VersionEdit();
  while (!from.empty()) {
    uint32_t tag = 0;
    Slice body;
    if (!get_varint32(&from, &tag) || !get_length_prefixed(&from, &body) || tag == 0) {
      return Status::make(Code::kCorruption, "an edit's fields make no sense");
    }
    if (tag > kLogEnd) {
      return Status::make(Code::kNotSupported,
                          "an edit has a field of a newer version: " + std::to_string(tag));
    }
    if (!decode_field(tag, body, edit)) {
      return Status::make(Code::kCorruption, "bad field " + std::to_string(tag) + " in an edit");
    }
  }
  return Status::ok();
}

Status ManifestState::apply(const VersionEdit& edit) {
  for (const auto& [level, number] : edit.removed) {
    std::vector<FileMeta>& files = levels[level];
    const uint64_t wanted = number;
    const auto at = std::find_if(files.begin(), files.end(),
                                 [wanted](const FileMeta& file) { return file.number == wanted; });
    if (at == files.end()) {
      return Status::make(Code::kCorruption, "an edit removes table " + std::to_string(number) +
                                                 ", which level " + std::to_string(level) +
                                                 " does not have");
    }
    files.erase(at);
    tables.erase(number);
  }
  std::vector<FileMeta> on_level0;
  for (const auto& [level, file] : edit.added) {
    if (!tables.insert(file.number).second) {
      return Status::make(Code::kCorruption, "an edit adds table " + std::to_string(file.number) +
                                                 ", which is there already");
    }
    std::vector<FileMeta>& files = levels[level];
    if (level == 0) {
      on_level0.push_back(file);
      continue;
    }
    const auto at = std::lower_bound(
        files.begin(), files.end(), file,
        [](const FileMeta& a, const FileMeta& b) { return a.smallest < b.smallest; });
    if ((at != files.end() && at->smallest <= file.largest) ||
        (at != files.begin() && std::prev(at)->largest >= file.smallest)) {
      return Status::make(Code::kCorruption, "an edit adds table " + std::to_string(file.number) +
                                                 ", which overlaps another of level " +
                                                 std::to_string(level));
    }
    files.insert(at, file);
  }
  // Edits come oldest first.
  levels[0].insert(levels[0].begin(), on_level0.rbegin(), on_level0.rend());
  for (const RangeDrop& drop : edit.drops_removed) std::erase(drops, drop);
  for (const RangeDrop& drop : edit.drops_added) {
    if (std::find(drops.begin(), drops.end(), drop) == drops.end()) drops.push_back(drop);
  }
  for (const auto& [name, next] : edit.counters) counters[name] = next;
  for (const std::string& name : edit.counters_erased) counters.erase(name);
  for (const SegmentMeta& segment : edit.segments_added) segments[segment.id] = segment;
  for (const uint64_t id : edit.segments_removed) {
    if (segments.erase(id) == 0) {
      return Status::make(Code::kCorruption, "an edit removes value segment " + std::to_string(id) +
                                                 ", which does not exist");
    }
  }
  if (edit.flushed_lsn) flushed_lsn = *edit.flushed_lsn;
  if (edit.last_ts) last_ts = *edit.last_ts;
  if (edit.next_file_number) next_file_number = *edit.next_file_number;
  if (edit.log_end) log_end = std::max(log_end, *edit.log_end);
  return Status::ok();
}

Status ManifestState::check() const {
  for (const std::vector<FileMeta>& level : levels) {
    for (const FileMeta& file : level) {
      const char* wrong = nullptr;
      if (file.max_ts > last_ts) wrong = " is newer than the newest timestamp in tables";
      if (segments.contains(file.number)) wrong = " has the number of a value segment";
      if (wrong == nullptr) continue;
      return Status::make(Code::kCorruption, "table " + std::to_string(file.number) + wrong);
    }
  }
  for (const RangeDrop& drop : drops) {
    if (drop.ts <= last_ts) continue;
    return Status::make(Code::kCorruption,
                        "a range drop at timestamp " + std::to_string(drop.ts) +
                            " is newer than the newest timestamp in tables, which is " +
                            std::to_string(last_ts));
  }
  return Status::ok();
}

VersionEdit ManifestState::snapshot() const {
  VersionEdit edit;
  for (int level = 0; level < kLevels; level++) {
    // Level 0 oldest first, as edits would have added it.
    for (auto file = levels[level].rbegin(); file != levels[level].rend(); ++file) {
      edit.added.emplace_back(level, *file);
    }
  }
  edit.drops_added = drops;
  edit.counters.assign(counters.begin(), counters.end());
  for (const auto& [id, segment] : segments) edit.segments_added.push_back(segment);
  edit.flushed_lsn = flushed_lsn;
  edit.last_ts = last_ts;
  edit.next_file_number = next_file_number;
  if (log_end != 0) edit.log_end = log_end;
  return edit;
}

}  // namespace pgz
