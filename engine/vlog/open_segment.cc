#include "engine/vlog/open_segment.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/planted.h"
#include "engine/vlog/format.h"

namespace pgz {

void PlacedValue::encode(std::string* to) const {
  put_varint64(to, offset);
  pointer.encode(to);
}

bool PlacedValue::decode(Slice from, PlacedValue* placed) {
  // Commits store values as they are.
  return get_varint64(&from, &placed->offset) && ValuePointer::decode(from, &placed->pointer) &&
         placed->pointer.raw_length == 0;
}

// The descriptor that values are written through, until the segment is finished; then what `files`
// gives.
class OpenSegment::OpenFile final : public SegmentFile {
 public:
  OpenFile(std::unique_ptr<File> file, SegmentFiles* files)
      : file_(std::move(file)), files_(files) {}

  Status use(std::shared_ptr<File>* file) override {
    MutexLock lock(&mutex_);
    if (bounded_ != nullptr) return bounded_->use(file);
    *file = file_;
    return Status::ok();
  }
  // After one failure nothing is known of the file, whatever a later attempt says. One without
  // anything to sync does not wait for another's: the log thread asks before every group.
  Status sync(bool is_dirty) {
    if (!is_dirty) return check();
    MutexLock one_at_a_time(&sync_mutex_);
    PGZ_TRY(check());
    std::shared_ptr<File> file;
    {
      MutexLock lock(&mutex_);
      file = file_;
    }
    if (file == nullptr) return Status::ok();  // finish() has synced it
    Status synced = file->sync();
    if (!synced.is_ok()) is_failed_ = true;
    return synced;
  }
  Status finish(const std::string& path) {
    if (files_ == nullptr) return Status::ok();
    PGZ_ASSIGN(std::unique_ptr<SegmentFile> bounded, files_->open_segment(path));
    MutexLock lock(&mutex_);
    bounded_ = std::move(bounded);
    file_.reset();
    return Status::ok();
  }

 private:
  Status check() const {
    if (!is_failed_) return Status::ok();
    return Status::make(Code::kIoError, "a value segment could not be made durable before");
  }

  Mutex mutex_;
  std::shared_ptr<File> file_ PGZ_GUARDED_BY(mutex_);
  std::unique_ptr<SegmentFile> bounded_ PGZ_GUARDED_BY(mutex_);
  SegmentFiles* const files_;
  Mutex sync_mutex_;
  std::atomic<bool> is_failed_{false};
};

void OpenSegment::attach(uint64_t id, std::unique_ptr<File> file, SegmentFiles* files) {
  auto open = std::make_unique<OpenFile>(std::move(file), files);
  file_ = open.get();
  SegmentMeta meta;
  meta.id = meta.file = id;
  segment_ = Segment::make_growing(io_, vlog_dir_, meta, std::move(open));
}

Result<OpenSegmentRef> OpenSegment::create(Io* io, const std::string& vlog_dir, uint64_t id,
                                           SegmentFiles* files) {
  OpenSegmentRef open(new OpenSegment(io, vlog_dir));
  const std::string path = segment_path(vlog_dir, id);
  PGZ_ASSIGN(std::unique_ptr<File> file, io->open(path, OpenMode::kCreateExclusive, {}));
  const std::string header = vlog::encode_header(id, id);
  Status begun = file->write(0, header.data(), header.size());
  if (begun.is_ok() && !PGZ_PLANTED(kSkipPlacedDirSync)) begun = io->sync_dir(vlog_dir);
  if (!begun.is_ok()) {
    file.reset();
    (void)io->remove(path).is_ok();  // else an orphan until the next start
    return begun;
  }
  open->attach(id, std::move(file), files);
  MutexLock lock(&open->mutex_);
  open->end_ = header.size();
  return open;
}

Result<OpenSegmentRef> OpenSegment::reopen(Io* io, const std::string& vlog_dir, uint64_t id,
                                           SegmentFiles* files) {
  OpenSegmentRef open(new OpenSegment(io, vlog_dir));
  const std::string path = segment_path(vlog_dir, id);
  PGZ_ASSIGN(std::unique_ptr<File> file, io->open(path, OpenMode::kReadWrite, {}));
  std::string header(vlog::kHeaderBytes, '\0');
  PGZ_TRY(file->read(0, header.data(), header.size()));
  PGZ_ASSIGN(open->file_bytes_, file->size());
  open->attach(id, std::move(file), files);
  PGZ_TRY(vlog::check_header(header, path, open->segment_->meta()));
  MutexLock lock(&open->mutex_);
  open->end_ = header.size();
  open->closed_ = true;
  return open;
}

OpenSegment::~OpenSegment() = default;

bool OpenSegment::place(Slice value, uint64_t bytes_max, PlacedValue* placed) {
  MutexLock lock(&mutex_);
  const bool is_first = entries_.empty();
  if (closed_ || entries_.size() >= kSlotsMax || end_ + value.size() > UINT32_MAX / 2 ||
      (!is_first && end_ + value.size() > bytes_max)) {
    return false;
  }
  placed->pointer.segment = id();
  placed->pointer.slot = static_cast<uint32_t>(entries_.size());
  placed->pointer.length = static_cast<uint32_t>(value.size());
  placed->offset = end_;
  entries_.emplace_back();
  end_ += value.size();
  holders_++;
  return true;
}

Status OpenSegment::write(std::span<const Slice> values, std::span<PlacedValue> placed) {
  std::vector<IoSlice> slices;
  for (size_t i = 0; i < values.size(); i++) {
    ValuePointer& pointer = placed[i].pointer;
    pointer.crc = value_crc(pointer.segment, pointer.slot, values[i]);
    slices.push_back({const_cast<char*>(values[i].data()), values[i].size()});
  }
  std::shared_ptr<File> file;
  PGZ_TRY(segment_->use(&file));
  IoOp op;
  op.kind = IoOp::Kind::kWrite;
  op.file = file.get();
  op.offset = placed[0].offset;
  op.slices = slices;
  op.waits_at_once = true;
  io_->submit(&op);
  op.wait();
  PGZ_TRY(std::move(op.status));
  MutexLock lock(&mutex_);
  for (const PlacedValue& value : placed) {
    const Segment::Entry entry{static_cast<uint32_t>(value.offset), value.pointer.length,
                               value.pointer.crc};
    entries_[value.pointer.slot] = entry;
    segment_->grow(value.pointer.slot, entry.offset);
  }
  dirty_.store(true);
  return Status::ok();
}

void OpenSegment::release() {
  MutexLock lock(&mutex_);
  PGZ_ASSERT(holders_ > 0);
  if (--holders_ == 0) released_.notify_all();
}

Status OpenSegment::sync() { return file_->sync(dirty_.exchange(false)); }

Status OpenSegment::restore(const PlacedValue& placed) {
  const ValuePointer& pointer = placed.pointer;
  // Slots were given out in the order of places, and no value is empty.
  if (placed.offset < vlog::kHeaderBytes || placed.offset > UINT32_MAX / 2 ||
      pointer.slot >= kSlotsMax || pointer.slot > placed.offset - vlog::kHeaderBytes) {
    return vlog::corruption(segment_->path(), placed.offset, "the log names an impossible place");
  }
  if (placed.offset + pointer.length > file_bytes_) {
    return vlog::corruption(
        segment_->path(), file_bytes_,
        "the log names a value that ends at " + std::to_string(placed.offset + pointer.length));
  }
  {
    MutexLock lock(&mutex_);
    if (entries_.size() <= pointer.slot) entries_.resize(pointer.slot + 1);
    entries_[pointer.slot] = {static_cast<uint32_t>(placed.offset), pointer.length, pointer.crc};
    end_ = std::max(end_, placed.offset + pointer.length);
  }
  segment_->grow(pointer.slot, static_cast<uint32_t>(placed.offset));
  std::string value;
  return segment_->read(pointer, &value);
}

void OpenSegment::abandon() { segment_->set_obsolete(); }

void OpenSegment::close() {
  MutexLock lock(&mutex_);
  closed_ = true;
}

Status OpenSegment::write_tail(SegmentMeta* meta) {
  std::string tail;
  vlog::Footer footer;
  *meta = segment_->meta();
  {
    MutexLock lock(&mutex_);
    PGZ_ASSERT(closed_);
    while (holders_ > 0) released_.wait(&mutex_);
    footer.directory_offset = end_;
    for (const Segment::Entry& entry : entries_) {
      vlog::put_entry(&tail, entry);
      if (entry.length == 0) continue;
      meta->values++;
      meta->value_bytes += entry.length;
    }
    meta->slots = static_cast<uint32_t>(entries_.size());
  }
  footer.directory_crc = crc32c(0, tail.data(), tail.size());
  const uint64_t end = footer.directory_offset + tail.size() + vlog::kFooterBytes;
  meta->file_bytes = (end + kIoAlignment - 1) / kIoAlignment * kIoAlignment;
  footer.meta = *meta;
  tail.append(meta->file_bytes - end, '\0');
  tail += footer.encode();
  std::shared_ptr<File> file;
  PGZ_TRY(segment_->use(&file));
  PGZ_ASSIGN(const uint64_t size, file->size());
  // What a crash left beyond the last value the log names.
  if (size > meta->file_bytes) PGZ_TRY(file->truncate(meta->file_bytes));
  if (!PGZ_PLANTED(kSkipSlotDirectory)) {
    PGZ_TRY(file->write(footer.directory_offset, tail.data(), tail.size()));
  }
  // The segment stays dirty: the log thread may not rely on a sync that is still under way.
  return file_->sync(true);
}

Status OpenSegment::finish(SegmentMeta* meta) {
  if (finished_) {
    *meta = segment_->meta();
    return Status::ok();
  }
  PGZ_TRY(write_tail(meta));
  dirty_.store(false);
  PGZ_TRY(file_->finish(segment_->path()));
  segment_->stop_growing(*meta);
  finished_ = true;
  MutexLock lock(&mutex_);
  entries_.clear();
  entries_.shrink_to_fit();
  return Status::ok();
}

}  // namespace pgz
