#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/planted.h"
#include "engine/vlog/format.h"

namespace pgz {

SegmentWriter::SegmentWriter(Io* io, std::string vlog_dir, uint64_t id, uint64_t file)
    : io_(io), vlog_dir_(std::move(vlog_dir)), path_(segment_path(vlog_dir_, file)) {
  meta_.id = id;
  meta_.file = file;
}

SegmentWriter::~SegmentWriter() {
  if (file_ == nullptr || finished_) return;
  file_.reset();
  (void)io_->remove(path_).is_ok();  // else an orphan until the next start
}

Status SegmentWriter::open() {
  PGZ_ASSIGN(file_, io_->open(path_, OpenMode::kCreateExclusive, {.table = true}));
  buffer_ = AlignedBuffer(kWriteBytesMax);
  return append(vlog::encode_header(meta_.id, meta_.file));
}

// Writes the buffer: the aligned part of it, or all with zeros up to a whole block.
Status SegmentWriter::write_out(bool whole) {
  size_t n = buffered_ / kIoAlignment * kIoAlignment;
  if (whole && n < buffered_) {
    n += kIoAlignment;
    std::memset(buffer_.data() + buffered_, 0, n - buffered_);
    buffered_ = n;
  }
  PGZ_TRY(file_->write(written_, buffer_.data(), n));
  std::memmove(buffer_.data(), buffer_.data() + n, buffered_ - n);
  buffered_ -= n;
  written_ += n;
  return behind_.wrote(file_.get(), written_);
}

Status SegmentWriter::append(Slice bytes) {
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), buffer_.size() - buffered_);
    std::memcpy(buffer_.data() + buffered_, bytes.data(), n);
    buffered_ += n;
    bytes.remove_prefix(n);
    if (buffered_ == buffer_.size()) PGZ_TRY(write_out(false));
  }
  return Status::ok();
}

Status SegmentWriter::add_entry(Slice stored, uint32_t crc, bool is_compressed) {
  const uint64_t offset = written_ + buffered_;
  if (stored.empty() || stored.size() > kSegmentValueBytesMax || is_full() ||
      offset + stored.size() > UINT32_MAX - kWriteBytesMax) {
    return Status::make(Code::kInvalidArgument, path_ + ": value or segment out of bounds");
  }
  vlog::put_entry(&directory_, {static_cast<uint32_t>(offset), static_cast<uint32_t>(stored.size()),
                                crc, is_compressed});
  has_compressed_ |= is_compressed;
  meta_.slots++;
  meta_.values++;
  meta_.value_bytes += stored.size();
  return append(stored);
}

Status SegmentWriter::add_stored(Slice stored, uint32_t raw_length, ValuePointer* pointer) {
  PGZ_ASSERT(raw_length == 0 || (raw_length > stored.size() && raw_length <= kCompressedRawMax));
  pointer->segment = meta_.id;
  pointer->slot = meta_.slots;
  pointer->length = static_cast<uint32_t>(stored.size());
  pointer->crc = value_crc(meta_.id, meta_.slots, stored);
  pointer->raw_length = raw_length;
  return add_entry(stored, pointer->crc, raw_length != 0);
}

Status SegmentWriter::add_moved(Slice stored, const SegmentEntry& entry) {
  return add_entry(stored, entry.crc, entry.is_compressed);
}

void SegmentWriter::add_empty() {
  directory_.append(vlog::kEntryBytes, '\0');
  meta_.slots++;
}

Status SegmentWriter::finish(SegmentMeta* meta) {
  if (meta_.values == 0) {
    return Status::make(Code::kInvalidArgument, path_ + ": a segment without values");
  }
  vlog::Footer footer;
  footer.features = has_compressed_ ? vlog::kFeatureCompressed : 0;
  footer.directory_offset = written_ + buffered_;
  footer.directory_crc = crc32c(0, directory_.data(), directory_.size());
  const uint64_t end = footer.directory_offset + directory_.size() + vlog::kFooterBytes;
  meta_.file_bytes = (end + kIoAlignment - 1) / kIoAlignment * kIoAlignment;
  footer.meta = meta_;
  PGZ_TRY(append(directory_));
  PGZ_TRY(append(std::string(meta_.file_bytes - end, '\0')));
  PGZ_TRY(append(footer.encode()));
  if (buffered_ != 0) PGZ_TRY(write_out(true));
  if (!PGZ_PLANTED(kSkipSegmentSync)) PGZ_TRY(file_->sync());
  if (!PGZ_PLANTED(kSkipSegmentDirSync)) PGZ_TRY(io_->sync_dir(vlog_dir_));
  finished_ = true;
  *meta = meta_;
  return Status::ok();
}

}  // namespace pgz
