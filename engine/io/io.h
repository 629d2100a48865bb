// The Io seam: everything the engine does to files and directories goes through these classes.
// Back ends: posix.h (the operating system) and sim/sim_io.h (a simulated disk).
//
// Promises
//  - Short transfers, EINTR, EAGAIN and ENOSPC are dealt with inside: a call does all or fails.
//  - Codes: kNotFound (no such file), kNoSpace (disk or quota full), kReadOnly, kExists, kLocked,
//    kOutOfMemory, kInvalidArgument (misuse), kCorruption (a read past the end of the file),
//    kIoError (anything else; sys_errno() is set). Messages name the path.
//  - After a failed sync or durable write nothing is known about what reached the disk: the caller
//    must not try again and trust the second answer.
//  - A new, renamed or removed name is certain to survive a power failure only after sync_dir() of
//    the directory it stands in.
// All classes are thread-safe unless said otherwise; two writes to overlapping bytes at the same
// time leave either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/io/aligned_buffer.h"

namespace pgz {

class File;
class Io;

// One piece of memory of a gathered or scattered transfer; data is only written to by reads.
struct IoSlice {
  void* data = nullptr;
  size_t size = 0;
};

// One asynchronous operation. The caller fills the first group, hands the op to Io::submit() and
// keeps it, the memory it names and the file alive and untouched until wait() has returned.
struct IoOp {
  enum class Kind : uint8_t { kRead, kWrite, kWriteDurable, kSync };

  Kind kind = Kind::kRead;
  File* file = nullptr;
  uint64_t offset = 0;
  std::span<const IoSlice> slices;
  bool waits_at_once = false;  // the submitter waits now: its thread may do the work

  // Results, valid after wait(). A read stops early only at the end of the file.
  Status status;
  size_t transferred = 0;

  void wait() { done.wait(); }
  ~IoOp() { PGZ_ASSERT(!is_in_flight); }

  // The back end's: between them the operation, and the memory it names, may be in use.
  void start() { is_in_flight = true; }
  void finish() {
    is_in_flight = false;
    done.set();
  }
  bool is_in_flight = false;
  Event done;
};

class File {
 public:
  virtual ~File() = default;  // closes
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Exactly n bytes, or kCorruption when the file ends before.
  Status read(uint64_t offset, void* buffer, size_t n);
  // True when all n bytes were at hand in the operating system's memory and are in the buffer.
  // False: nothing is known (errors too), and the buffer may have been written to; read() then
  // finds out. Never waits for a device, so that a batch can tell apart what is worth submitting.
  virtual bool read_cached(uint64_t offset, void* buffer, size_t n);
  // Up to n bytes; fewer only at the end of the file.
  Result<size_t> read_some(uint64_t offset, void* buffer, size_t n);
  Status write(uint64_t offset, const void* data, size_t n);
  // Returns when these bytes (not necessarily earlier writes elsewhere) are on stable storage.
  Status write_durable(uint64_t offset, std::span<const IoSlice> slices);
  // Everything written before the call is on stable storage when it returns.
  Status sync();
  // Starts the operation on this file; wait() for it. A misaligned write is over at once.
  void start(IoOp* op);
  // Writes zeros, extending the file where needed, so that later overwrites need no allocation.
  Status zero_fill(uint64_t offset, uint64_t n);
  virtual Result<uint64_t> size() = 0;
  virtual Status truncate(uint64_t n) = 0;
  // Brings bytes that were written before on their way to the device, so that sync() does not send
  // it a burst; with `waits`, returns when those on their way have arrived. Not a promise of
  // durability: sync() is still needed. An error is one of write(): the file is of no use then.
  virtual Status write_back(uint64_t offset, uint64_t n, bool waits);
  // Takes space on the device for n bytes from the beginning, and extends the file with zeros to
  // that length where it is shorter: writes there meet no full disk. Not durable before sync().
  virtual Status allocate(uint64_t n);

  // 1, or for direct files what writes must be aligned to (offset, memory and length); a misaligned
  // write is kInvalidArgument. Reads may have any alignment (a bounce buffer serves odd ones).
  size_t alignment() const { return alignment_; }
  const std::string& path() const { return path_; }

 protected:
  File(Io* io, std::string path, size_t alignment)
      : io_(io), path_(std::move(path)), alignment_(alignment) {}

 private:
  Status check_aligned(uint64_t offset, std::span<const IoSlice> slices) const;
  Status run(IoOp::Kind kind, uint64_t offset, std::span<const IoSlice> slices,
             size_t* transferred);
  Result<size_t> read_bounced(uint64_t offset, char* buffer, size_t n);

  Io* io_;
  std::string path_;
  size_t alignment_;
};

// Held until destroyed (or until the process ends).
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : uint8_t {
  kRead,             // kNotFound when missing
  kReadWrite,        // kNotFound when missing
  kCreate,           // read-write; made when missing
  kCreateExclusive,  // read-write; kExists when there
};

struct OpenFlags {
  // Past the page cache where the file system can; where it cannot the file is opened buffered and
  // alignment() is 1.
  bool direct = false;
  // Written once in large pieces, then only read, by readers with a cache of their own: direct
  // where the back end was told to treat such files so, buffered otherwise.
  bool table = false;
};

class Io {
 public:
  virtual ~Io() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                             OpenFlags flags = {}) = 0;
  virtual Status mkdir(const std::string& path) = 0;  // ok when the directory is there already
  virtual Status remove(const std::string& path) = 0;
  virtual Status remove_dir(const std::string& path) = 0;  // must be empty
  // Replaces `to`, atomically.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Names in the directory, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Status sync_dir(const std::string& path) = 0;
  // Creates the file where needed; kLocked when another process (or another holder in this one)
  // has it.
  virtual Result<std::unique_ptr<FileLock>> lock_file(const std::string& path) = 0;
  // Bytes an unprivileged process may still write to the file system that holds path.
  virtual Result<uint64_t> free_space(const std::string& path) = 0;
  // What this back end found out about the disk and chose, for the start-up log.
  virtual std::string describe() const = 0;

  // For the owner of a directory, before it makes files durable there: finds out how that is best
  // done on its device, which takes a few milliseconds the first time and is remembered in
  // DIR/flush-method. Failures only leave it unknown.
  virtual void tune(const std::string& dir) { (void)dir; }

  // Starts the operation. It may be done when submit returns.
  virtual void submit(IoOp* op) = 0;
};

// "dir/name".
std::string path_join(const std::string& dir, const std::string& name);

}  // namespace pgz
