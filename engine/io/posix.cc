#include "engine/io/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <deque>

#include "engine/base/clock.h"
#include "engine/io/posix_calls.h"

namespace pgz {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

Fd open_fd(const std::string& path, int flags) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd >= 0 || errno != EINTR) return Fd(fd);
  }
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateExclusive:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

// What direct transfers on this file must be aligned to; 0 when it cannot have any.
size_t direct_alignment(int fd) {
#if defined(STATX_DIOALIGN)
  struct statx stx;
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
      (stx.stx_mask & STATX_DIOALIGN) != 0) {
    return std::max<size_t>(stx.stx_dio_mem_align, stx.stx_dio_offset_align);
  }
#endif
  // No answer: a page has been enough everywhere, and a refused read tells where it is not.
  AlignedBuffer probe(kIoAlignment);
  return ::pread(fd, probe.data(), probe.size(), 0) >= 0 ? kIoAlignment : 0;
}

class PosixFile final : public File {
 public:
  PosixFile(Io* io, std::string path, size_t alignment, Fd fd)
      : File(io, std::move(path), alignment), fd_(std::move(fd)) {}

  Result<uint64_t> size() override {
    struct stat st;
    if (::fstat(fd_.get(), &st) != 0) return posix_error(errno, "stat", path());
    return static_cast<uint64_t>(st.st_size);
  }
  Status truncate(uint64_t n) override {
    while (::ftruncate(fd_.get(), static_cast<off_t>(n)) != 0) {
      if (errno != EINTR) return posix_error(errno, "truncate", path());
    }
    return Status::ok();
  }
  Transfer transfer(PosixCalls* calls) const { return {calls, fd_.get(), &path(), alignment()}; }

 private:
  Fd fd_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Fd fd) : fd_(std::move(fd)) {}

 private:
  Fd fd_;  // closing it lets the lock go
};

class PosixIo final : public Io {
 public:
  explicit PosixIo(const PosixIoOptions& options) : allow_direct_(options.allow_direct) {
    for (uint32_t i = 0; i < options.pool_threads; ++i) {
      pool_.push_back(thread_executor()->spawn("pgz-io-" + std::to_string(i), [this] { serve(); }));
    }
  }
  ~PosixIo() override {
    {
      MutexLock lock(&mu_);
      stopping_ = true;
      work_.notify_all();
    }
    pool_.clear();
  }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                     OpenFlags flags) override;
  Status mkdir(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return Status::ok();
    const int error = errno;
    struct stat st;
    if (error == EEXIST && ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
      return Status::ok();
    }
    return posix_error(error, "mkdir", path);
  }
  Status remove(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? Status::ok() : posix_error(errno, "remove", path);
  }
  Status remove_dir(const std::string& path) override {
    return ::rmdir(path.c_str()) == 0 ? Status::ok() : posix_error(errno, "remove", path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return std::rename(from.c_str(), to.c_str()) == 0 ? Status::ok()
                                                      : posix_error(errno, "rename", from);
  }
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override {
    struct stat st;
    if (::stat(path.c_str(), &st) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return posix_error(errno, "stat", path);
  }
  Status sync_dir(const std::string& path) override {
    const Fd fd = open_fd(path, O_RDONLY | O_DIRECTORY);
    if (!fd.is_open()) return posix_error(errno, "open", path);
    while (::fsync(fd.get()) != 0) {
      if (errno != EINTR) return posix_error(errno, "sync", path);
    }
    return Status::ok();
  }
  Result<std::unique_ptr<FileLock>> lock_file(const std::string& path) override;
  Result<uint64_t> free_space(const std::string& path) override {
    struct statvfs vfs;
    if (::statvfs(path.c_str(), &vfs) != 0) return posix_error(errno, "statvfs", path);
    return static_cast<uint64_t>(vfs.f_bavail) * vfs.f_frsize;
  }
  std::string describe() const override;
  void submit(IoOp* op) override;

 private:
  void serve();
  void execute(IoOp* op);

  const bool allow_direct_;
  PosixCalls calls_;
  std::atomic<DurableMethod> durable_method_{DurableMethod::kDsyncFlag};
  std::atomic<bool> direct_seen_{false};
  std::atomic<bool> direct_refused_{false};

  Mutex mu_;
  CondVar work_;
  std::deque<IoOp*> queue_ PGZ_GUARDED_BY(mu_);
  bool stopping_ PGZ_GUARDED_BY(mu_) = false;
  std::vector<std::unique_ptr<Joinable>> pool_;
};

Result<std::unique_ptr<File>> PosixIo::open(const std::string& path, OpenMode mode,
                                            OpenFlags flags) {
  // Buffered first: the file exists and its mode is settled whatever direct access says.
  Fd fd = open_fd(path, flags_of(mode));
  if (!fd.is_open()) return posix_error(errno, "open", path);
  if (!flags.direct || !allow_direct_) {
    return std::unique_ptr<File>(std::make_unique<PosixFile>(this, path, 1, std::move(fd)));
  }
#if defined(__APPLE__)
  const bool direct = ::fcntl(fd.get(), F_NOCACHE, 1) == 0;  // has no alignment rules
  direct_seen_ = direct_seen_ || direct;
  return std::unique_ptr<File>(std::make_unique<PosixFile>(this, path, 1, std::move(fd)));
#else
  Fd direct = open_fd(path, (flags_of(mode) & ~(O_CREAT | O_EXCL)) | O_DIRECT);
  const size_t alignment = direct.is_open() ? direct_alignment(direct.get()) : 0;
  if (alignment == 0 || alignment > kIoAlignment) {
    direct_refused_ = true;
    return std::unique_ptr<File>(std::make_unique<PosixFile>(this, path, 1, std::move(fd)));
  }
  direct_seen_ = true;
  return std::unique_ptr<File>(
      std::make_unique<PosixFile>(this, path, alignment, std::move(direct)));
#endif
}

Result<std::vector<std::string>> PosixIo::list(const std::string& path) {
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return posix_error(errno, "list", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(dir);
  if (error != 0) return posix_error(error, "list", path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<FileLock>> PosixIo::lock_file(const std::string& path) {
  Fd fd = open_fd(path, O_RDWR | O_CREAT);
  if (!fd.is_open()) return posix_error(errno, "open", path);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) {
      return Status::make(Code::kLocked, path + " is held by another process", errno);
    }
    return posix_error(errno, "lock", path);
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(fd)));
}

std::string PosixIo::describe() const {
  std::string out = "posix i/o, durable writes by ";
  out += durable_method_ == DurableMethod::kDsyncFlag ? "RWF_DSYNC" : "write and sync";
  if (direct_seen_) out += ", direct access";
  if (direct_refused_) out += ", page cache where direct access is refused";
  return out;
}

void PosixIo::submit(IoOp* op) {
  if (op->waits_at_once || pool_.empty()) {
    execute(op);
    return;
  }
  MutexLock lock(&mu_);
  queue_.push_back(op);
  work_.notify_one();
}

void PosixIo::serve() {
  for (;;) {
    IoOp* op = nullptr;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stopping_) work_.wait(&mu_);
      if (queue_.empty()) return;
      op = queue_.front();
      queue_.pop_front();
    }
    execute(op);
  }
}

void PosixIo::execute(IoOp* op) {
  const Transfer transfer = static_cast<PosixFile*>(op->file)->transfer(&calls_);
  switch (op->kind) {
    case IoOp::Kind::kRead:
      op->status = transfer.read(op->offset, op->slices, &op->transferred);
      break;
    case IoOp::Kind::kWrite:
      op->status = transfer.write(op->offset, op->slices, false, &op->transferred);
      break;
    case IoOp::Kind::kWriteDurable:
      op->status =
          transfer.write_durable(op->offset, op->slices, &durable_method_, &op->transferred);
      break;
    case IoOp::Kind::kSync:
      op->status = transfer.sync();
      break;
  }
  op->done.set();
}

}  // namespace

std::unique_ptr<Io> make_posix_io(const PosixIoOptions& options) {
  return std::make_unique<PosixIo>(options);
}

PosixRuntime::PosixRuntime(const PosixIoOptions& options)
    : io_(make_posix_io(options)), rng_(random_seed()) {}

Runtime PosixRuntime::get() { return {io_.get(), system_clock(), &rng_, thread_executor()}; }

}  // namespace pgz
