// The part of File that is the same for every back end: synchronous calls made of submitted ones,
// and alignment.
#include <algorithm>
#include <cstring>

#include "engine/io/io.h"
#include "engine/io/write_behind.h"

namespace pgz {
namespace {

constexpr size_t kZeroPieceBytes = 1 << 20;

bool is_multiple(uint64_t n, size_t of) { return n % of == 0; }

bool is_multiple(const void* p, size_t of) { return reinterpret_cast<uintptr_t>(p) % of == 0; }

}  // namespace

Status File::run(IoOp::Kind kind, uint64_t offset, std::span<const IoSlice> slices,
                 size_t* transferred) {
  IoOp op;
  op.kind = kind;
  op.file = this;
  op.offset = offset;
  op.slices = slices;
  op.waits_at_once = true;
  io_->submit(&op);
  op.wait();
  if (transferred != nullptr) *transferred = op.transferred;
  return std::move(op.status);
}

Status File::check_aligned(uint64_t offset, std::span<const IoSlice> slices) const {
  bool aligned = is_multiple(offset, alignment_);
  for (const IoSlice& s : slices) {
    aligned = aligned && is_multiple(s.data, alignment_) && is_multiple(s.size, alignment_);
  }
  if (aligned) return Status::ok();
  return Status::make(
      Code::kInvalidArgument,
      path_ + ": write at offset " + std::to_string(offset) + " is not aligned for direct access");
}

Result<size_t> File::read_some(uint64_t offset, void* buffer, size_t n) {
  if (n == 0) return size_t{0};
  if (alignment_ > 1 && !(is_multiple(offset, alignment_) && is_multiple(buffer, alignment_) &&
                          is_multiple(n, alignment_))) {
    return read_bounced(offset, static_cast<char*>(buffer), n);
  }
  const IoSlice slice{buffer, n};
  size_t transferred = 0;
  PGZ_TRY(run(IoOp::Kind::kRead, offset, {&slice, 1}, &transferred));
  return transferred;
}

Result<size_t> File::read_bounced(uint64_t offset, char* buffer, size_t n) {
  const uint64_t begin = offset / alignment_ * alignment_;
  const uint64_t end = (offset + n + alignment_ - 1) / alignment_ * alignment_;
  AlignedBuffer bounce(end - begin, std::max(alignment_, kIoAlignment));
  const IoSlice slice{bounce.data(), bounce.size()};
  size_t transferred = 0;
  PGZ_TRY(run(IoOp::Kind::kRead, begin, {&slice, 1}, &transferred));
  const size_t skip = offset - begin;
  const size_t got = transferred > skip ? std::min(transferred - skip, n) : 0;
  std::memcpy(buffer, bounce.data() + skip, got);
  return got;
}

Status File::read(uint64_t offset, void* buffer, size_t n) {
  PGZ_ASSIGN(const size_t got, read_some(offset, buffer, n));
  if (got == n) return Status::ok();
  return Status::make(Code::kCorruption,
                      path_ + ": short read: file ends at " + std::to_string(offset + got) +
                          ", wanted " + std::to_string(n) + " bytes at " + std::to_string(offset));
}

bool File::read_cached(uint64_t /*offset*/, void* /*buffer*/, size_t /*n*/) { return false; }

Status File::write(uint64_t offset, const void* data, size_t n) {
  if (n == 0) return Status::ok();
  const IoSlice slice{const_cast<void*>(data), n};
  PGZ_TRY(check_aligned(offset, {&slice, 1}));
  return run(IoOp::Kind::kWrite, offset, {&slice, 1}, nullptr);
}

Status File::write_durable(uint64_t offset, std::span<const IoSlice> slices) {
  PGZ_TRY(check_aligned(offset, slices));
  return run(IoOp::Kind::kWriteDurable, offset, slices, nullptr);
}

void File::start(IoOp* op) {
  op->file = this;
  if (op->kind == IoOp::Kind::kWrite || op->kind == IoOp::Kind::kWriteDurable) {
    op->status = check_aligned(op->offset, op->slices);
    if (!op->status.is_ok()) {
      op->done.set();
      return;
    }
  }
  io_->submit(op);
}

Status File::sync() { return run(IoOp::Kind::kSync, 0, {}, nullptr); }

Status File::zero_fill(uint64_t offset, uint64_t n) {
  if (n == 0) return Status::ok();
  AlignedBuffer zeros(std::min<uint64_t>(n, kZeroPieceBytes), std::max(alignment_, kIoAlignment));
  zeros.zero();
  while (n > 0) {
    const size_t piece = std::min<uint64_t>(n, zeros.size());
    PGZ_TRY(write(offset, zeros.data(), piece));
    offset += piece;
    n -= piece;
  }
  return Status::ok();
}

Status File::write_back(uint64_t, uint64_t, bool) { return Status::ok(); }

Status WriteBehind::wrote(File* file, uint64_t end) {
  if (file->alignment() != 1 || end - begun_ < kStepBytes) return Status::ok();
  if (begun_ > 0) PGZ_TRY(file->write_back(done_, begun_ - done_, true));
  PGZ_TRY(file->write_back(begun_, end - begun_, false));
  done_ = begun_;
  begun_ = end;
  return Status::ok();
}

Status File::allocate(uint64_t n) {
  PGZ_ASSIGN(const uint64_t now, size());
  return now < n ? zero_fill(now, n - now) : Status::ok();
}

std::string path_join(const std::string& dir, const std::string& name) {
  if (dir.empty() || dir.back() == '/') return dir + name;
  return dir + "/" + name;
}

}  // namespace pgz
