#include <algorithm>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/planted.h"
#include "engine/vlog/compress.h"
#include "engine/vlog/format.h"

namespace pgz {

namespace {

// What most compressed values fit into while they are read.
constexpr size_t kStoredOnStackMax = 4096;

class HeldFile final : public SegmentFile {
 public:
  explicit HeldFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Status use(std::shared_ptr<File>* file) override {
    *file = file_;
    return Status::ok();
  }

 private:
  const std::shared_ptr<File> file_;
};

Result<std::unique_ptr<SegmentFile>> open_file(Io* io, const std::string& path,
                                               SegmentFiles* files) {
  if (files != nullptr) return files->open_segment(path);
  PGZ_ASSIGN(std::unique_ptr<File> file, io->open(path, OpenMode::kRead, {.table = true}));
  return std::unique_ptr<SegmentFile>(std::make_unique<HeldFile>(std::move(file)));
}

}  // namespace

Result<std::shared_ptr<Segment>> Segment::open(Io* io, const std::string& vlog_dir,
                                               const SegmentMeta& meta, SegmentFiles* files) {
  std::shared_ptr<Segment> segment(new Segment);
  segment->io_ = io;
  segment->path_ = segment_path(vlog_dir, meta.file);
  segment->meta_ = meta;
  const std::string& path = segment->path_;
  PGZ_ASSIGN(segment->file_, open_file(io, path, files));
  std::shared_ptr<File> file;
  PGZ_TRY(segment->use(&file));
  PGZ_ASSIGN(const uint64_t size, file->size());
  if (size != meta.file_bytes || size < 2 * vlog::kHeaderBytes) {
    return vlog::corruption(path, size, "the file's size is not the one the manifest names");
  }
  std::string bytes(vlog::kHeaderBytes, '\0');
  PGZ_TRY(file->read(0, bytes.data(), bytes.size()));
  PGZ_TRY(vlog::check_header(bytes, path, meta));
  bytes.resize(vlog::kFooterBytes);
  PGZ_TRY(file->read(size - bytes.size(), bytes.data(), bytes.size()));
  vlog::Footer footer;
  PGZ_TRY(vlog::Footer::decode(bytes, path, &footer));
  if (footer.meta != meta) {
    return vlog::corruption(path, size - bytes.size(),
                            "the segment is not the one the manifest names");
  }
  return segment;
}

Segment::~Segment() {
  file_.reset();
  // What cannot be removed now is removed as an orphan at the next start.
  if (obsolete_.load(std::memory_order_acquire)) (void)io_->remove(path_).is_ok();
}

Status Segment::read_directory(std::vector<Entry>* entries) const {
  std::shared_ptr<File> file;
  PGZ_TRY(use(&file));
  std::string bytes(vlog::kFooterBytes, '\0');
  PGZ_TRY(file->read(meta_.file_bytes - bytes.size(), bytes.data(), bytes.size()));
  vlog::Footer footer;
  PGZ_TRY(vlog::Footer::decode(bytes, path_, &footer));
  bytes.resize(size_t{meta_.slots} * vlog::kEntryBytes);
  PGZ_TRY(file->read(footer.directory_offset, bytes.data(), bytes.size()));
  if (crc32c(0, bytes.data(), bytes.size()) != footer.directory_crc) {
    return vlog::corruption(path_, footer.directory_offset, "directory checksum mismatch");
  }
  entries->resize(meta_.slots);
  const char* from = bytes.data();
  for (Entry& entry : *entries) {
    entry = vlog::get_entry(from, footer.features);
    from += vlog::kEntryBytes;
    if (entry.length != 0 && (entry.offset < vlog::kHeaderBytes ||
                              uint64_t{entry.offset} + entry.length > footer.directory_offset)) {
      return vlog::corruption(path_, footer.directory_offset, "a value reaches out of the segment");
    }
  }
  return Status::ok();
}

Status Segment::load_offsets() const {
  MutexLock lock(&load_mutex_);
  if (loaded_.load(std::memory_order_relaxed) || growing_) return Status::ok();
  std::vector<Entry> entries;
  PGZ_TRY(read_directory(&entries));
  offsets_.reserve(entries.size());
  for (const Entry& entry : entries) offsets_.push_back(entry.offset);
  loaded_.store(true, std::memory_order_release);
  return Status::ok();
}

uint64_t Segment::memory_bytes() const {
  return sizeof(*this) +
         (loaded_.load(std::memory_order_acquire) ? offsets_.size() * sizeof(uint32_t) : 0);
}

std::shared_ptr<Segment> Segment::make_growing(Io* io, const std::string& vlog_dir,
                                               const SegmentMeta& meta,
                                               std::unique_ptr<SegmentFile> file) {
  std::shared_ptr<Segment> segment(new Segment);
  segment->io_ = io;
  segment->path_ = segment_path(vlog_dir, meta.file);
  segment->meta_ = meta;
  segment->file_ = std::move(file);
  segment->growing_ = true;
  return segment;
}

void Segment::grow(uint32_t slot, uint32_t offset) {
  MutexLock lock(&load_mutex_);
  if (offsets_.size() <= slot) offsets_.resize(slot + 1);
  offsets_[slot] = offset;
}

void Segment::stop_growing(const SegmentMeta& meta) {
  MutexLock lock(&load_mutex_);
  PGZ_ASSERT(meta.id == meta_.id && meta.file == meta_.file);
  // Id and file are read without the mutex all the while, and stay untouched.
  meta_.file_bytes = meta.file_bytes;
  meta_.value_bytes = meta.value_bytes;
  meta_.values = meta.values;
  meta_.slots = meta.slots;
  growing_ = false;
  offsets_.resize(meta.slots);
  loaded_.store(true, std::memory_order_release);
}

Status Segment::no_value(const ValuePointer& pointer, uint64_t offset) const {
  return vlog::corruption(path_, offset,
                          "no value in slot " + std::to_string(pointer.slot) + " of segment " +
                              std::to_string(pointer.segment));
}

Status Segment::locate_growing(const ValuePointer& pointer, uint64_t* offset) const {
  MutexLock lock(&load_mutex_);
  *offset = pointer.slot < offsets_.size() ? offsets_[pointer.slot] : 0;
  return *offset == 0 || pointer.segment != meta_.id ? no_value(pointer, *offset) : Status::ok();
}

Status Segment::locate(const ValuePointer& pointer, uint64_t* offset) const {
  if (!loaded_.load(std::memory_order_acquire)) PGZ_TRY(load_offsets());
  if (!loaded_.load(std::memory_order_acquire)) return locate_growing(pointer, offset);
  *offset = pointer.slot < offsets_.size() ? offsets_[pointer.slot] : 0;
  if (*offset == 0 || pointer.segment != meta_.id ||
      *offset + pointer.length > meta_.file_bytes - vlog::kFooterBytes) {
    return no_value(pointer, *offset);
  }
  return Status::ok();
}

Status Segment::check(const ValuePointer& pointer, uint64_t offset, Slice stored) const {
  if (PGZ_PLANTED(kIgnoreValueCrc)) return Status::ok();
  if (value_crc(pointer.segment, pointer.slot, stored) == pointer.crc) return Status::ok();
  return vlog::corruption(path_, offset,
                          "value checksum mismatch in slot " + std::to_string(pointer.slot));
}

Status Segment::deliver(const ValuePointer& pointer, uint64_t offset, Slice stored,
                        char* to) const {
  PGZ_TRY(check(pointer, offset, stored));
  if (pointer.raw_length == 0) {
    if (stored.data() != to) std::memcpy(to, stored.data(), stored.size());
    return Status::ok();
  }
  if (uncompress_value(stored, pointer.raw_length, to)) return Status::ok();
  return vlog::corruption(path_, offset,
                          "the value in slot " + std::to_string(pointer.slot) +
                              " does not uncompress to " + std::to_string(pointer.raw_length) +
                              " bytes");
}

Status Segment::read(const ValuePointer& pointer, char* to) const {
  uint64_t offset = 0;
  PGZ_TRY(locate(pointer, &offset));
  return read_at(pointer, offset, to);
}

Status Segment::read_at(const ValuePointer& pointer, uint64_t offset, char* to) const {
  std::shared_ptr<File> file;
  PGZ_TRY(use(&file));
  char small[kStoredOnStackMax];
  std::unique_ptr<char[]> large;
  char* stored = to;
  if (pointer.raw_length != 0) {
    stored = small;
    if (pointer.length > sizeof(small)) {
      large = std::make_unique_for_overwrite<char[]>(pointer.length);
      stored = large.get();
    }
  }
  PGZ_TRY(file->read(offset, stored, pointer.length));
  return deliver(pointer, offset, {stored, pointer.length}, to);
}

Status Segment::read(const ValuePointer& pointer, std::string* value) const {
  uint64_t offset = 0;
  PGZ_TRY(locate(pointer, &offset));
  value->resize(pointer.value_bytes());
  return read_at(pointer, offset, value->data());
}

}  // namespace pgz
