#include "engine/lsm/value_output.h"

namespace pgz {

ValueOutput::~ValueOutput() {
  for (const SegmentRef& segment : segments_) segment->set_obsolete();
}

Status ValueOutput::separate(Slice* key, Slice* value) {
  const uint64_t trailer = load_trailer(*key);
  ValuePointer pointer;
  if (trailer_kind(trailer) == Kind::kValuePointer) {
    if (!ValuePointer::decode(*value, &pointer)) {
      return Status::make(Code::kCorruption, "a value pointer in a table makes no sense");
    }
    uses_.add(pointer);
    has_compressed_ |= pointer.raw_length != 0;
    return Status::ok();
  }
  if (options_.inline_max_bytes == 0 || trailer_kind(trailer) != Kind::kValue ||
      value->size() < options_.inline_max_bytes) {
    return Status::ok();
  }
  PGZ_TRY(write(*value, &pointer));
  uses_.add(pointer);
  has_compressed_ |= pointer.raw_length != 0;
  key_.clear();
  append_internal_key(&key_, user_key_of(*key), trailer_ts(trailer), Kind::kValuePointer);
  pointer_.clear();
  pointer.encode(&pointer_);
  *key = key_;
  *value = pointer_;
  return Status::ok();
}

Status ValueOutput::write(Slice value, ValuePointer* pointer) {
  uint32_t raw_length = 0;
  if (options_.compress) {
    if (const Slice compressed = compressor_.compress(value); !compressed.empty()) {
      raw_length = static_cast<uint32_t>(value.size());
      value = compressed;
    }
  }
  if (writer_ != nullptr &&
      (writer_->is_full() || writer_->value_bytes() + value.size() > options_.segment_bytes)) {
    PGZ_TRY(end_segment());
  }
  if (writer_ == nullptr) {
    const uint64_t number = options_.new_number();
    writer_ = std::make_unique<SegmentWriter>(io_, options_.vlog_dir, number, number);
    PGZ_TRY(writer_->open());
  }
  return writer_->add_stored(value, raw_length, pointer);
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
