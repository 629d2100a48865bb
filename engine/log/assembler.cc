#include "engine/log/recovery.h"

namespace pgz::log {

void Assembler::drop_unfinished() {
  record_.clear();
  in_record_ = false;
}

Status Assembler::finish(Lsn lsn_end, Slice record) {
  if (lsn_end <= from_) return Status::ok();
  ++result_->records;
  result_->bytes += record.size();
  return deliver_(lsn_end, record);
}

Status Assembler::feed(Lsn position, Slice payload, const std::string& where) {
  const char* const payload_begin = payload.data();
  const auto bad = [&](const char* what) {
    return Status::make(Code::kCorruption, where + ": " + what);
  };
  while (!payload.empty()) {
    Fragment fragment;
    if (!take_fragment(&payload, &fragment)) return bad("malformed log fragment");
    const Lsn lsn_end =
        position + kBlockHeaderBytes + static_cast<size_t>(payload.data() - payload_begin);
    const bool begins =
        fragment.type == FragmentType::kFull || fragment.type == FragmentType::kFirst;
    if (begins == in_record_) {
      if (in_record_) return bad("a log record begins inside another");
      // The end of a record whose beginning lies before the place reading starts at.
      if (seen_beginning_ || lsn_end > from_) return bad("a log record without its beginning");
      continue;
    }
    seen_beginning_ = true;
    switch (fragment.type) {
      case FragmentType::kFull:
        PGZ_TRY(finish(lsn_end, fragment.bytes));
        break;
      case FragmentType::kFirst:
      case FragmentType::kMiddle:
        record_.append(fragment.bytes);
        in_record_ = true;
        break;
      case FragmentType::kLast:
        record_.append(fragment.bytes);
        PGZ_TRY(finish(lsn_end, record_));
        drop_unfinished();
        break;
    }
  }
  return Status::ok();
}

}  // namespace pgz::log
