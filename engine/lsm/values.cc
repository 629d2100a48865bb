#include "engine/lsm/values.h"

#include <cstring>
#include <utility>
#include <vector>

namespace pgz {

namespace {

// Larger ones are not worth what they push out.
constexpr uint32_t kCachedBytesMax = 64 << 10;
constexpr uint32_t kTrustedBytesMax = 1 << 20;

}  // namespace

Status Values::find(const View& view, Slice encoded, ValueRead* read) {
  if (!ValuePointer::decode(encoded, &read->pointer)) {
    return Status::make(Code::kCorruption, "a value pointer makes no sense");
  }
  const SegmentMap& segments = *view.version->segments;
  const auto at = segments.find(read->pointer.segment);
  if (at != segments.end()) {
    read->segment = at->second.get();
    uint64_t offset = 0;
    // Nobody asks for much memory on the word of a pointer that leads out of its segment.
    return read->pointer.length <= kTrustedBytesMax ? Status::ok()
                                                    : read->segment->locate(read->pointer, &offset);
  }
  for (const auto& entry : view.queue) {  // it came with a memtable
    const OpenSegmentRef open = entry->open_segment(read->pointer.segment);
    if (open == nullptr) continue;
    read->segment = open->segment().get();
    return Status::ok();
  }
  return Status::make(Code::kCorruption, "a pointer leads into value segment " +
                                             std::to_string(read->pointer.segment) +
                                             ", which does not exist");
}

bool Values::take_cached(const ValueRead& read) const {
  const BlockCache::Pin pin = cache_->lookup(read.pointer.segment, read.pointer.slot);
  if (pin.handle == nullptr) return false;
  const Slice cached = pin.block->slice();
  const bool fits = cached.size() == read.pointer.value_bytes();
  if (fits) std::memcpy(read.to, cached.data(), cached.size());
  cache_->release(pin.handle);
  return fits;
}

void Values::put_cached(const ValueRead& read) const {
  const uint32_t bytes = read.pointer.value_bytes();
  if (bytes > kCachedBytesMax) return;
  OwnedBlock copy = BlockContents::make(bytes, 0);
  std::memcpy(copy->bytes(), read.to, bytes);
  cache_->release(cache_->insert(read.pointer.segment, read.pointer.slot, std::move(copy)).handle);
}

Status Values::resolve(const View& view, std::string* value) const {
  ValueRead read;
  PGZ_TRY(find(view, *value, &read));
  value->resize(read.pointer.value_bytes());
  read.to = value->data();
  if (take_cached(read)) return Status::ok();
  PGZ_TRY(read.segment->read(read.pointer, read.to));
  put_cached(read);
  return Status::ok();
}

void Values::note_places(std::span<const ValueRead> reads) const {
  constexpr size_t kFew = 8;  // not a scan, or what a cache that has most of them left
  if (reads.size() < kFew) return;
  size_t switches = 0;
  for (size_t i = 1; i < reads.size(); i++) {
    switches += reads[i].pointer.segment != reads[i - 1].pointer.segment ? 1 : 0;
  }
  if (2 * switches < reads.size()) return;
  constexpr uint64_t kAskEvery = 64;
  if (scattered_scans_.fetch_add(1, std::memory_order_relaxed) % kAskEvery == kAskEvery - 1) {
    on_scattered_();
  }
}

void Values::read(std::span<ValueRead> reads, bool are_neighbours) const {
  std::vector<ValueRead> missing;
  std::vector<size_t> places;
  for (size_t i = 0; i < reads.size(); i++) {
    if (take_cached(reads[i])) continue;
    ValueRead& read = missing.emplace_back();
    read.segment = reads[i].segment;
    read.pointer = reads[i].pointer;
    read.to = reads[i].to;
    places.push_back(i);
  }
  if (missing.empty()) return;
  if (are_neighbours) note_places(missing);
  read_values(io_, missing);
  for (size_t i = 0; i < missing.size(); i++) {
    // Batches are scans': they shall not push out what single reads want for the sake of what the
    // operating system holds in memory already.
    if (missing[i].status.is_ok() && !missing[i].was_cached) put_cached(missing[i]);
    reads[places[i]].status = std::move(missing[i].status);
  }
}

}  // namespace pgz
