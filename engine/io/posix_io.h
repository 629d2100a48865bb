// The classes behind posix.h; uring.cc adds rings to them. Private to io/.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/runtime.h"
#include "engine/io/posix.h"
#include "engine/io/posix_calls.h"

namespace pgz {

struct FlushMethod;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&&) = delete;
  ~Fd();
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

// What transfers need of a file. Operations in a ring hold it, so that the descriptor's number is
// not given to another file while the kernel may still use it.
struct Descriptor {
  Fd fd;
  std::string path;
  size_t alignment;

  Transfer transfer(PosixCalls* calls) const { return {calls, fd.get(), &path, alignment}; }
};

// Carries the operation out by plain calls and fills in its results; finish() is left to the
// caller.
void execute_plain(IoOp* op, const Descriptor& descriptor, PosixCalls* calls,
                   std::atomic<DurableMethod>* method);

class PosixFile final : public File {
 public:
  PosixFile(Io* io, const std::string& path, size_t alignment, Fd fd)
      : File(io, path, alignment),
        descriptor_(
            std::make_shared<const Descriptor>(Descriptor{std::move(fd), path, alignment})) {}

  Result<uint64_t> size() override;
  Status truncate(uint64_t n) override;
  Status allocate(uint64_t n) override;
  bool read_cached(uint64_t offset, void* buffer, size_t n) override;
  Status write_back(uint64_t offset, uint64_t n, bool waits) override;
  const std::shared_ptr<const Descriptor>& descriptor() const { return descriptor_; }

 private:
  std::shared_ptr<const Descriptor> descriptor_;
};

class PosixIo : public Io {
 public:
  // Tests pass calls of their own.
  explicit PosixIo(const PosixIoOptions& options,
                   std::unique_ptr<PosixCalls> calls = std::make_unique<PosixCalls>());
  ~PosixIo() override;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                     OpenFlags flags) override;
  Status mkdir(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status remove_dir(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Status sync_dir(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock_file(const std::string& path) override;
  Result<uint64_t> free_space(const std::string& path) override;
  std::string describe() const override;
  // Where an earlier process began to measure and could not tell, the first call leaves it at that,
  // since a start waits for it, and the second goes on.
  void tune(const std::string& dir) override;
  void submit(IoOp* op) override;

  // For make_io(): a method that is not to be measured; why there is no ring.
  void force_durable_method(DurableMethod method);
  void set_remark(std::string remark) { remark_ = std::move(remark); }

 protected:
  virtual const char* name() const { return "posix"; }
  virtual bool has_ring() const { return false; }
  // On the calling thread; finish() is left to the caller.
  virtual void execute(IoOp* op);

  static const std::shared_ptr<const Descriptor>& descriptor_of(const IoOp& op) {
    return static_cast<PosixFile*>(op.file)->descriptor();
  }

  const std::unique_ptr<PosixCalls> calls_;
  std::atomic<DurableMethod> durable_method_{DurableMethod::kDsyncFlag};

 private:
  void serve();
  // durable_probe.cc
  Status measure_methods(const std::string& path, FlushMethod* found);
  Status remember_method(const std::string& dir, const FlushMethod& found);
  void note_method(DurableMethod method, std::string how);
  std::string how_found(const char* otherwise) const;
  bool leave_unmeasured(const std::string& dir);

  const PosixIoOptions options_;
  std::string remark_;
  bool method_is_forced_ = false;
  std::atomic<bool> direct_seen_{false};
  std::atomic<bool> direct_refused_{false};

  mutable Mutex mu_;
  std::string how_method_was_found_ PGZ_GUARDED_BY(mu_);
  std::string left_unmeasured_ PGZ_GUARDED_BY(mu_);  // directory
  CondVar work_;
  std::deque<IoOp*> queue_ PGZ_GUARDED_BY(mu_);
  bool stopping_ PGZ_GUARDED_BY(mu_) = false;
  std::vector<std::unique_ptr<Joinable>> pool_ PGZ_GUARDED_BY(mu_);
};

}  // namespace pgz
