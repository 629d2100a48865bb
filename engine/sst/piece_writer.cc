#include "engine/sst/piece_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pgz::sst {

PieceWriter::~PieceWriter() {
  if (in_flight_) op_.wait();
}

Status PieceWriter::wait() {
  if (!in_flight_) return Status::ok();
  op_.wait();
  in_flight_ = false;
  return std::move(op_.status);
}

Status PieceWriter::write_piece(size_t bytes) {
  PGZ_TRY(wait());
  const uint64_t offset = written_;
  written_ += used_;
  used_ = 0;
  if (file_->alignment() == 1) {
    PGZ_TRY(file_->write(offset, filling_.data(), bytes));
    return behind_.wrote(file_, offset + bytes);
  }
  if (writing_.size() == 0) writing_ = AlignedBuffer(kPieceBytes);
  std::swap(filling_, writing_);
  slice_ = {writing_.data(), bytes};
  op_.kind = IoOp::Kind::kWrite;
  op_.offset = offset;
  op_.slices = {&slice_, 1};
  op_.done.reset();
  in_flight_ = true;
  file_->start(&op_);
  return Status::ok();
}

Status PieceWriter::append(Slice bytes) {
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kPieceBytes - used_);
    std::memcpy(filling_.data() + used_, bytes.data(), n);
    used_ += n;
    bytes.remove_prefix(n);
    if (used_ == kPieceBytes) PGZ_TRY(write_piece(kPieceBytes));
  }
  return Status::ok();
}

Status PieceWriter::finish() {
  const size_t alignment = file_->alignment();
  const uint64_t end = size();
  const size_t padded = (used_ + alignment - 1) / alignment * alignment;
  std::memset(filling_.data() + used_, 0, padded - used_);
  const bool cut = padded != used_;
  if (padded != 0) PGZ_TRY(write_piece(padded));
  PGZ_TRY(wait());
  return cut ? file_->truncate(end) : Status::ok();
}

}  // namespace pgz::sst
