#include "engine/lsm/placed_values.h"

#include <algorithm>
#include <utility>

namespace pgz {

PlacedValues::~PlacedValues() {
  for (const OpenSegmentRef& segment : segments_) segment->release();
}

std::string PlacedValues::logged(size_t i) const {
  std::string bytes;
  values_[i].encode(&bytes);
  return bytes;
}

std::string PlacedValues::pointer(size_t i) const {
  std::string bytes;
  values_[i].pointer.encode(&bytes);
  return bytes;
}

// Commits that failed behind their values (a full log, a serialization failure) leave segments that
// no memtable points into, and which no flush will ever finish.
void ValuePlacer::drop_unused() {
  std::vector<OpenSegmentRef> unused;  // their files go without the mutex
  MutexLock lock(&mutex_);
  std::erase_if(open_, [&](const OpenSegmentRef& segment) {
    // Others have theirs from a commit that placed a value there, or from here under the mutex.
    if (segment.use_count() > 1) return false;
    segment->abandon();
    unused.push_back(segment);
    return true;
  });
}

Status ValuePlacer::begin_segment() {
  if (current_ != nullptr) current_->close();
  current_.reset();
  drop_unused();
  PGZ_ASSIGN(current_,
             OpenSegment::create(io_, options_.vlog_dir, options_.new_number(), options_.files));
  MutexLock lock(&mutex_);
  open_.push_back(current_);
  return Status::ok();
}

Status ValuePlacer::place_next(Slice value, PlacedValues* placed) {
  PlacedValue place;
  MutexLock lock(&place_mutex_);
  if (current_ == nullptr || !current_->place(value, options_.segment_bytes, &place)) {
    PGZ_TRY(begin_segment());
    if (!current_->place(value, options_.segment_bytes, &place)) {
      return Status::make(Code::kInvalidArgument, "a value too large for a segment");
    }
  }
  placed->values_.push_back(place);
  placed->segments_.push_back(current_);
  return Status::ok();
}

Status ValuePlacer::place(std::span<const Slice> values, PlacedValues* placed) {
  for (const Slice value : values) PGZ_TRY(place_next(value, placed));
  // Neighbours in one transfer.
  std::vector<PlacedValue>& places = placed->values_;
  for (size_t first = 0; first < values.size();) {
    size_t last = first + 1;
    while (last < values.size() && placed->segments_[last] == placed->segments_[first] &&
           places[last].offset == places[last - 1].offset + values[last - 1].size()) {
      last++;
    }
    PGZ_TRY(placed->segments_[first]->write(values.subspan(first, last - first),
                                            std::span(places).subspan(first, last - first)));
    first = last;
  }
  for (const Slice value : values) written_.fetch_add(value.size(), std::memory_order_relaxed);
  return Status::ok();
}

Status ValuePlacer::sync() {
  std::vector<OpenSegmentRef> open;
  {
    MutexLock lock(&mutex_);
    open = open_;
  }
  for (const OpenSegmentRef& segment : open) PGZ_TRY(segment->sync());
  return Status::ok();
}

Status ValuePlacer::restore(const PlacedValue& placed, OpenSegmentRef* segment) {
  const uint64_t id = placed.pointer.segment;
  {
    MutexLock lock(&mutex_);
    const auto at = std::find_if(open_.begin(), open_.end(),
                                 [id](const OpenSegmentRef& open) { return open->id() == id; });
    if (at != open_.end()) {
      *segment = *at;
    } else {
      Result<OpenSegmentRef> found =
          OpenSegment::reopen(io_, options_.vlog_dir, id, options_.files);
      if (found.code() == Code::kNotFound) {
        return Status::make(Code::kCorruption, segment_path(options_.vlog_dir, id) +
                                                   " at 0: the log points into it, and it is gone");
      }
      if (!found.is_ok()) return found.take_status();
      *segment = found.take();
      open_.push_back(*segment);
    }
  }
  return (*segment)->restore(placed);
}

void ValuePlacer::close(const OpenSegmentRef& segment) {
  MutexLock lock(&place_mutex_);
  segment->close();
  if (current_ == segment) current_.reset();
}

void ValuePlacer::forget(const OpenSegmentRef& segment) {
  MutexLock lock(&mutex_);
  std::erase(open_, segment);
}

}  // namespace pgz
