#include "engine/lsm/value_output.h"

namespace pgz {

ValueOutput::~ValueOutput() {
  for (const SegmentRef& segment : segments_) segment->set_obsolete();
}

Status ValueOutput::separate(Slice* key, Slice* value) {
  const Kind kind = trailer_kind(load_trailer(*key));
  ValuePointer pointer;
  if (kind == Kind::kValuePointer) {
    if (!ValuePointer::decode(*value, &pointer)) {
      return Status::make(Code::kCorruption, "a value pointer in a table makes no sense");
    }
    uses_.add(pointer);
    has_compressed_ |= pointer.raw_length != 0;
    return Status::ok();
  }
  if (options_.inline_max_bytes == 0 || kind != Kind::kValue ||
      value->size() < options_.inline_max_bytes) {
    return Status::ok();
  }
  PGZ_TRY(write(*value, &pointer));
  point(pointer, key, value);
  return Status::ok();
}

Status ValueOutput::move(const ValuePointer& from, Slice* key, Slice* value) {
  ValuePointer pointer;
  PGZ_TRY(begin_segment(value->size()));
  PGZ_TRY(writer_->add_stored(*value, from.raw_length, &pointer));
  point(pointer, key, value);
  return Status::ok();
}

void ValueOutput::point(const ValuePointer& pointer, Slice* key, Slice* value) {
  uses_.add(pointer);
  has_compressed_ |= pointer.raw_length != 0;
  key_.clear();
  append_internal_key(&key_, user_key_of(*key), trailer_ts(load_trailer(*key)),
                      Kind::kValuePointer);
  pointer_.clear();
  pointer.encode(&pointer_);
  *key = key_;
  *value = pointer_;
}

Status ValueOutput::write(Slice value, ValuePointer* pointer) {
  uint32_t raw_length = 0;
  if (options_.compress) {
    if (const Slice compressed = compressor_.compress(value); !compressed.empty()) {
      raw_length = static_cast<uint32_t>(value.size());
      value = compressed;
    }
  }
  PGZ_TRY(begin_segment(value.size()));
  return writer_->add_stored(value, raw_length, pointer);
}

// Room for a value of so many bytes as stored.
Status ValueOutput::begin_segment(uint64_t bytes) {
  if (writer_ != nullptr &&
      (writer_->is_full() || writer_->value_bytes() + bytes > options_.segment_bytes)) {
    PGZ_TRY(end_segment());
  }
  if (writer_ != nullptr) return Status::ok();
  const uint64_t number = options_.new_number();
  writer_ = std::make_unique<SegmentWriter>(io_, options_.vlog_dir, number, number);
  return writer_->open();
}

Status ValueOutput::end_segment() {
  SegmentMeta meta;
  PGZ_TRY(writer_->finish(&meta));
  writer_.reset();
  PGZ_ASSIGN(SegmentRef segment, Segment::open(io_, options_.vlog_dir, meta, options_.files));
  segments_.push_back(std::move(segment));
  return Status::ok();
}

Status ValueOutput::finish() { return writer_ == nullptr ? Status::ok() : end_segment(); }

}  // namespace pgz
