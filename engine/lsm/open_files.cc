#include "engine/lsm/open_files.h"

#include <cerrno>
#include <iterator>
#include <utility>

namespace pgz {

class OpenFiles::Source final : public TableSource, public SegmentFile {
 public:
  Source(OpenFiles* owner, std::string path) : owner_(owner), path_(std::move(path)) {}
  ~Source() override { owner_->forget(this); }

  Status read(uint64_t offset, void* buffer, size_t n) override {
    std::shared_ptr<File> file;
    PGZ_TRY(owner_->use(this, &file));
    return file->read(offset, buffer, n);
  }
  Result<uint64_t> size() override {
    std::shared_ptr<File> file;
    PGZ_TRY(owner_->use(this, &file));
    return file->size();
  }
  bool is_direct() const override { return is_direct_; }
  Status use(std::shared_ptr<File>* file) override { return owner_->use(this, file); }

 private:
  friend class OpenFiles;
  OpenFiles* const owner_;
  const std::string path_;
  bool is_direct_ = false;  // as it was when opened first
  // Guarded by the owner's mutex.
  std::shared_ptr<File> file_;  // null: closed
  bool used_ = false;           // since it was looked at
  std::list<Source*>::iterator place_;
};

Result<std::unique_ptr<OpenFiles::Source>> OpenFiles::open_source(const std::string& path) {
  auto source = std::make_unique<Source>(this, path);
  std::shared_ptr<File> file;
  PGZ_TRY(use(source.get(), &file));
  source->is_direct_ = file->alignment() > 1;
  return source;
}

Result<std::unique_ptr<TableSource>> OpenFiles::open(const std::string& path) {
  PGZ_ASSIGN(std::unique_ptr<Source> source, open_source(path));
  return std::unique_ptr<TableSource>(std::move(source));
}

Result<std::unique_ptr<SegmentFile>> OpenFiles::open_segment(const std::string& path) {
  PGZ_ASSIGN(std::unique_ptr<Source> source, open_source(path));
  return std::unique_ptr<SegmentFile>(std::move(source));
}

Status OpenFiles::use(Source* source, std::shared_ptr<File>* file) {
  {
    MutexLock lock(&mutex_);
    if (source->file_ != nullptr) {
      source->used_ = true;
      *file = source->file_;
      return Status::ok();
    }
  }
  Result<std::unique_ptr<File>> opened = io_->open(source->path_, OpenMode::kRead, {.table = true});
  if (opened.code() == Code::kNotFound) {
    // To a reader "not found" means that there is no such key.
    return Status::make(Code::kCorruption, source->path_ + ": the file is gone", ENOENT);
  }
  if (!opened.is_ok()) return opened.take_status();
  *file = opened.take();
  std::list<std::shared_ptr<File>> closed;  // closes without the mutex
  MutexLock lock(&mutex_);
  if (source->file_ != nullptr) {  // another thread was faster
    closed.push_back(std::move(*file));
    *file = source->file_;
    return Status::ok();
  }
  source->file_ = *file;
  source->used_ = true;
  open_.push_back(source);
  source->place_ = std::prev(open_.end());
  shrink(source, &closed);
  return Status::ok();
}

void OpenFiles::shrink(const Source* keep, std::list<std::shared_ptr<File>>* closed) {
  // Two rounds: the first may find all of them used.
  for (size_t looks = 2 * open_.size(); looks > 0 && open_.size() > open_max_; looks--) {
    Source* first = open_.front();
    if (first == keep || first->used_) {
      first->used_ = false;
      open_.splice(open_.end(), open_, open_.begin());
      continue;
    }
    closed->push_back(std::move(first->file_));
    first->file_ = nullptr;
    open_.pop_front();
  }
}

void OpenFiles::forget(Source* source) {
  std::shared_ptr<File> file;
  MutexLock lock(&mutex_);
  if (source->file_ == nullptr) return;
  file = std::move(source->file_);
  open_.erase(source->place_);
}

uint32_t OpenFiles::open_now() const {
  MutexLock lock(&mutex_);
  return static_cast<uint32_t>(open_.size());
}

}  // namespace pgz
