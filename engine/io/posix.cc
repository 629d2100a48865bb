#include "engine/io/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "engine/io/posix_io.h"

namespace pgz {
namespace {

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

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Fd fd) : fd_(std::move(fd)) {}

 private:
  Fd fd_;  // closing it lets the lock go
};

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<uint64_t> PosixFile::size() {
  struct stat st;
  if (::fstat(descriptor_->fd.get(), &st) != 0) return posix_error(errno, "stat", path());
  return static_cast<uint64_t>(st.st_size);
}

Status PosixFile::truncate(uint64_t n) {
  while (::ftruncate(descriptor_->fd.get(), static_cast<off_t>(n)) != 0) {
    if (errno != EINTR) return posix_error(errno, "truncate", path());
  }
  return Status::ok();
}

// Waiting reports, and forgets, errors of earlier write-back that sync() would have told of: so
// they are returned and not ignored.
Status PosixFile::write_back(uint64_t offset, uint64_t n, bool waits) {
#if defined(__linux__)
  const unsigned flags =
      waits ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
            : SYNC_FILE_RANGE_WRITE;
  while (::sync_file_range(descriptor_->fd.get(), static_cast<off_t>(offset), static_cast<off_t>(n),
                           flags) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOSYS || errno == ESPIPE || errno == EINVAL) return Status::ok();
    return posix_error(errno, "write back", path());
  }
  return Status::ok();
#else
  return File::write_back(offset, n, waits);
#endif
}

Status PosixFile::allocate(uint64_t n) {
  const int fd = descriptor_->fd.get();
#if defined(__APPLE__)
  PGZ_ASSIGN(const uint64_t now, size());
  if (n <= now) return Status::ok();
  fstore_t store{F_ALLOCATEALL, F_PEOFPOSMODE, 0, static_cast<off_t>(n - now), 0};
  if (::fcntl(fd, F_PREALLOCATE, &store) == 0) return truncate(n);
  if (errno == ENOSPC) return posix_error(errno, "allocate", path());
  return File::allocate(n);
#elif defined(__linux__)
  // Not posix_fallocate(), which writes into every block where the file system cannot do it.
  while (::fallocate(fd, 0, 0, static_cast<off_t>(n)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return File::allocate(n);
    return posix_error(errno, "allocate", path());
  }
  return Status::ok();
#else
  (void)fd;
  return File::allocate(n);
#endif
}

bool PosixFile::read_cached(uint64_t offset, void* buffer, size_t n) {
#if defined(__linux__) && defined(RWF_NOWAIT)
  if (alignment() > 1) return false;
  const iovec piece{buffer, n};
  const ssize_t got =
      ::preadv2(descriptor_->fd.get(), &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  return got >= 0 && static_cast<size_t>(got) == n;
#else
  return File::read_cached(offset, buffer, n);
#endif
}

PosixIo::PosixIo(const PosixIoOptions& options, std::unique_ptr<PosixCalls> calls)
    : calls_(std::move(calls)), options_(options) {}

PosixIo::~PosixIo() {
  std::vector<std::unique_ptr<Joinable>> pool;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    work_.notify_all();
    pool.swap(pool_);
  }
}

Status PosixIo::mkdir(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return Status::ok();
  const int error = errno;
  struct stat st;
  if (error == EEXIST && ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    return Status::ok();
  }
  return posix_error(error, "mkdir", path);
}

Status PosixIo::remove(const std::string& path) {
  return ::unlink(path.c_str()) == 0 ? Status::ok() : posix_error(errno, "remove", path);
}

Status PosixIo::remove_dir(const std::string& path) {
  return ::rmdir(path.c_str()) == 0 ? Status::ok() : posix_error(errno, "remove", path);
}

Status PosixIo::rename(const std::string& from, const std::string& to) {
  return std::rename(from.c_str(), to.c_str()) == 0 ? Status::ok()
                                                    : posix_error(errno, "rename", from);
}

Result<bool> PosixIo::exists(const std::string& path) {
  struct stat st;
  if (::stat(path.c_str(), &st) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return posix_error(errno, "stat", path);
}

Status PosixIo::sync_dir(const std::string& path) {
  const Fd fd = open_fd(path, O_RDONLY | O_DIRECTORY);
  if (!fd.is_open()) return posix_error(errno, "open", path);
  while (::fsync(fd.get()) != 0) {
    if (errno != EINTR) return posix_error(errno, "sync", path);
  }
  return Status::ok();
}

Result<uint64_t> PosixIo::free_space(const std::string& path) {
  struct statvfs vfs;
  if (::statvfs(path.c_str(), &vfs) != 0) return posix_error(errno, "statvfs", path);
  return static_cast<uint64_t>(vfs.f_bavail) * vfs.f_frsize;
}

Result<std::unique_ptr<File>> PosixIo::open(const std::string& path, OpenMode mode,
                                            OpenFlags flags) {
  // Buffered first: the file exists and its mode is settled whatever direct access says.
  Fd fd = open_fd(path, flags_of(mode));
  if (!fd.is_open()) return posix_error(errno, "open", path);
  const bool wanted = flags.direct || (flags.table && options_.direct_tables);
  if (!wanted || !options_.allow_direct) {
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
  std::string out = name();
  out += ", durable writes by ";
  out += to_string(durable_method_);
  {
    MutexLock lock(&mu_);
    if (!how_method_was_found_.empty()) out += " (" + how_method_was_found_ + ")";
  }
  if (direct_seen_)
    out +=
        options_.direct_tables ? ", direct access to log and tables" : ", direct access to the log";
  if (direct_refused_) out += ", page cache where direct access is refused";
  if (!remark_.empty()) out += "; " + remark_;
  return out;
}

void PosixIo::submit(IoOp* op) {
  op->start();
  if (op->waits_at_once || options_.pool_threads == 0) {
    execute(op);
    op->finish();
    return;
  }
  MutexLock lock(&mu_);
  queue_.push_back(op);
  if (pool_.size() < options_.pool_threads) {
    const std::string name = "pgz-io-" + std::to_string(pool_.size());
    pool_.push_back(thread_executor()->spawn(name, [this] { serve(); }));
  }
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
    op->finish();
  }
}

void PosixIo::execute(IoOp* op) {
  execute_plain(op, *descriptor_of(*op), calls_.get(), &durable_method_);
}

void execute_plain(IoOp* op, const Descriptor& descriptor, PosixCalls* calls,
                   std::atomic<DurableMethod>* method) {
  const Transfer transfer = descriptor.transfer(calls);
  switch (op->kind) {
    case IoOp::Kind::kRead:
      op->status = transfer.read(op->offset, op->slices, &op->transferred);
      break;
    case IoOp::Kind::kWrite:
      op->status = transfer.write(op->offset, op->slices, false, &op->transferred);
      break;
    case IoOp::Kind::kWriteDurable:
      op->status = transfer.write_durable(op->offset, op->slices, method, &op->transferred);
      break;
    case IoOp::Kind::kSync:
      op->status = transfer.sync();
      break;
  }
}

void PosixIo::force_durable_method(DurableMethod method) {
  note_method(
      method == DurableMethod::kLinkedRing && !has_ring() ? DurableMethod::kWriteThenSync : method,
      "as asked for");
  method_is_forced_ = true;
}

std::unique_ptr<Io> make_posix_io(const PosixIoOptions& options) {
  return std::make_unique<PosixIo>(options);
}

}  // namespace pgz
