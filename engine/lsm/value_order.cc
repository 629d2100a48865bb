#include "engine/lsm/value_order.h"

#include <algorithm>
#include <utility>

namespace pgz {

namespace {

constexpr size_t kGroupMin = 16;
constexpr uint64_t kLargestShare = 8;     // of a group, the largest has at most 1 / kLargestShare
constexpr uint64_t kSharePercentMax = 6;  // of a window
constexpr size_t kWindowEntriesMax = 4096;

}  // namespace

size_t scattered_group(std::span<const uint64_t> ascending) {
  uint64_t total = 0;
  for (const uint64_t count : ascending) total += count;
  size_t group = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < ascending.size(); i++) {
    if (ascending[i] * 100 >= total * kSharePercentMax) break;
    sum += ascending[i];
    if (ascending[i] * kLargestShare <= sum) group = i + 1;
  }
  return group >= kGroupMin ? group : 0;
}

void ValueOrder::add(Slice key, Slice value) {
  Place& place = places_.emplace_back();
  place.begin = bytes_.size();
  place.key_bytes = static_cast<uint32_t>(key.size());
  place.value_bytes = static_cast<uint32_t>(value.size());
  bytes_.append(key);
  bytes_.append(value);
  ValuePointer pointer;
  if (trailer_kind(load_trailer(key)) == Kind::kValuePointer &&
      ValuePointer::decode(value, &pointer) && pointer.length < options_.value_bytes_max) {
    place.pointer = pointer;
    pointed_bytes_ += pointer.length;
  }
}

bool ValueOrder::is_full() const {
  return bytes_.size() + pointed_bytes_ >= options_.window_bytes ||
         places_.size() >= kWindowEntriesMax;
}

std::vector<uint64_t> ValueOrder::chosen_segments() const {
  std::map<uint64_t, uint64_t> counts;
  for (const Place& place : places_) {
    if (place.pointer.length != 0) counts[place.pointer.segment]++;
  }
  std::vector<std::pair<uint64_t, uint64_t>> by_count;  // count, segment
  by_count.reserve(counts.size());
  for (const auto& [segment, count] : counts) by_count.emplace_back(count, segment);
  std::sort(by_count.begin(), by_count.end());
  std::vector<uint64_t> ascending;
  ascending.reserve(by_count.size());
  for (const auto& [count, segment] : by_count) ascending.push_back(count);
  std::vector<uint64_t> chosen;
  for (size_t i = 0; i < scattered_group(ascending); i++) chosen.push_back(by_count[i].second);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

void ValueOrder::choose(const SegmentMap& segments) {
  if (is_full() || chosen_.empty()) chosen_ = chosen_segments();
  uint64_t bytes = 0;
  std::vector<ValueRead> reads;
  std::vector<size_t> read_for;
  for (size_t i = 0; i < places_.size(); i++) {
    const Place& place = places_[i];
    const Slice key(bytes_.data() + place.begin, place.key_bytes);
    const Slice value(key.data() + key.size(), place.value_bytes);
    entries_.push_back({key, value, nullptr});
    if (place.pointer.length == 0 ||
        !std::binary_search(chosen_.begin(), chosen_.end(), place.pointer.segment)) {
      continue;
    }
    const auto at = segments.find(place.pointer.segment);
    if (at == segments.end()) continue;
    ValueRead& read = reads.emplace_back();
    read.segment = at->second.get();
    read.pointer = place.pointer;
    read.pointer.raw_length = 0;  // as it is stored
    read_for.push_back(i);
    bytes += place.pointer.length;
  }
  if (reads.empty() || moved_bytes_ + bytes > options_.moved_bytes_max) return;
  values_ = std::make_unique_for_overwrite<char[]>(bytes);
  char* to = values_.get();
  for (ValueRead& read : reads) {
    read.to = to;
    to += read.pointer.length;
  }
  read_values(io_, reads);
  for (size_t i = 0; i < reads.size(); i++) {
    if (!reads[i].status.is_ok()) continue;
    Entry& entry = entries_[read_for[i]];
    entry.value = {reads[i].to, reads[i].pointer.length};
    entry.from = &places_[read_for[i]].pointer;
    moved_bytes_ += reads[i].pointer.length;
  }
}

void ValueOrder::clear() {
  bytes_.clear();
  pointed_bytes_ = 0;
  places_.clear();
  entries_.clear();
  values_.reset();
}

}  // namespace pgz
