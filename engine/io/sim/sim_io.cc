#include "engine/io/sim/sim_io.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

#include "engine/base/crc32c.h"
#include "engine/base/sync.h"
#include "engine/io/sim/sim_disk.h"

namespace pgz {
namespace {

enum class CallKind : uint8_t {
  kOpen,
  kCreate,
  kMkdir,
  kRemove,
  kRename,
  kList,
  kExists,
  kSyncDir,
  kLock,
  kFreeSpace,
  kRead,
  kWrite,
  kWriteDurable,
  kSync,
  kSize,
  kTruncate,
};

bool applies(SimFault fault, CallKind kind) {
  switch (fault) {
    case SimFault::kEio:
      return kind == CallKind::kRead || kind == CallKind::kWrite ||
             kind == CallKind::kWriteDurable || kind == CallKind::kSync ||
             kind == CallKind::kSyncDir || kind == CallKind::kCreate;
    case SimFault::kNoSpace:
      return kind == CallKind::kCreate || kind == CallKind::kMkdir;
    case SimFault::kSyncFailed:
      return kind == CallKind::kSync || kind == CallKind::kWriteDurable;
    case SimFault::kShortWrite:
    case SimFault::kLostWrite:
    case SimFault::kMisdirected:
      return kind == CallKind::kWrite || kind == CallKind::kWriteDurable;
    case SimFault::kSlow:
    case SimFault::kCrashPower:
    case SimFault::kCrashKill:
      return true;
  }
  return false;
}

Status no_such(const std::string& path) {
  return Status::make(Code::kNotFound, path + ": no such file or directory", ENOENT);
}

Status failed(const char* what, const std::string& path) {
  return Status::make(Code::kIoError, std::string(what) + " " + path + ": simulated failure", EIO);
}

Status no_space(const std::string& path) {
  return Status::make(Code::kNoSpace, path + ": no space on the simulated disk", ENOSPC);
}

class SimLock final : public FileLock {
 public:
  explicit SimLock(std::function<void()> release) : release_(std::move(release)) {}
  ~SimLock() override { release_(); }

 private:
  std::function<void()> release_;
};

}  // namespace

struct SimIo::Impl {
  explicit Impl(uint64_t seed) : direct_tables(seed % 2 == 1), rng(seed) {}

  // Tests without a simulation call from threads: those take turns. Fibers do so by nature, and
  // yield inside of calls.
  [[nodiscard]] std::unique_lock<std::mutex> turn() {
    return current_fiber_host == nullptr ? std::unique_lock(mu) : std::unique_lock<std::mutex>();
  }

  Status begin(CallKind kind, const std::string& path, std::optional<SimFault>* fault);
  void crash_after(const std::optional<SimFault>& fault);
  // The time the disk takes: other fibers run meanwhile, and may see the machine crash.
  void wait_for_disk(uint64_t micros_max = 150);
  void mix(uint64_t v) { hash = (hash ^ v) * 0x100000001b3; }
  void crash(SimFault kind);
  static Status down() {
    return Status::make(Code::kIoError, "the simulated machine is down", EIO);
  }

  const bool direct_tables;
  std::mutex mu;
  SplitMixRng rng;
  SimDisk disk;
  std::vector<SimFaultAt> plan;
  std::shared_ptr<std::set<std::string>> locks = std::make_shared<std::set<std::string>>();
  uint64_t call_count = 0;
  uint64_t capacity = ~uint64_t{0};
  uint64_t life = 1;  // of the process that opens files
  uint64_t hash = 0xcbf29ce484222325;
  bool is_down = false;
};

class SimFile final : public File {
 public:
  SimFile(SimIo* io, std::string path, size_t alignment, SimDisk::InodeRef inode, bool writable)
      : File(io, std::move(path), alignment),
        impl_(io->impl_.get()),
        inode_(std::move(inode)),
        life_(impl_->life),
        writable_(writable) {}

  Result<uint64_t> size() override {
    const auto turn = impl_->turn();
    PGZ_TRY(enter(CallKind::kSize, nullptr));
    return inode_->cache.size();
  }
  Status truncate(uint64_t n) override {
    const auto turn = impl_->turn();
    std::optional<SimFault> fault;
    PGZ_TRY(enter(CallKind::kTruncate, &fault));
    inode_->truncate(n);
    impl_->crash_after(fault);
    return impl_->is_down ? SimIo::Impl::down() : Status::ok();
  }
  // Two pages of three are in memory.
  bool read_cached(uint64_t offset, void* buffer, size_t n) override {
    const auto turn = impl_->turn();
    std::optional<SimFault> fault;
    if (!enter(CallKind::kRead, &fault).is_ok()) return false;
    impl_->crash_after(fault);
    const bool is_there = alignment() == 1 && offset / kIoAlignment % 3 != 0 &&
                          offset <= inode_->cache.size() && n <= inode_->cache.size() - offset;
    if (impl_->is_down || !is_there) return false;
    std::memcpy(buffer, inode_->cache.data() + offset, n);
    return true;
  }
  void run(IoOp* op);

 private:
  Status enter(CallKind kind, std::optional<SimFault>* fault) {
    if (life_ != impl_->life) {
      return Status::make(Code::kClosed, path() + ": opened before the crash");
    }
    return impl_->begin(kind, path(), fault);
  }
  // Whether the machine crashed while the disk was working, perhaps to be up again.
  bool is_cut_off() const { return impl_->is_down || life_ != impl_->life; }
  void read(IoOp* op);
  void transfer(IoOp* op, uint64_t total, const std::optional<SimFault>& fault);
  Status write(IoOp* op, CallKind kind, const std::optional<SimFault>& fault);
  Status sync(const std::optional<SimFault>& fault);

  SimIo::Impl* impl_;
  SimDisk::InodeRef inode_;
  uint64_t life_;
  bool writable_;
};

Status SimIo::Impl::begin(CallKind kind, const std::string& path, std::optional<SimFault>* fault) {
  if (current_fiber_host != nullptr) current_fiber_host->yield();
  if (is_down) return down();
  const uint64_t index = call_count++;
  const uint64_t life_before = life;
  mix(static_cast<uint64_t>(kind));
  mix(crc32c(0, path.data(), path.size()));
  for (auto at = plan.begin(); at != plan.end(); ++at) {
    if (index < at->at_call || !applies(at->fault, kind)) continue;
    const SimFault chosen = at->fault;
    plan.erase(at);
    if (chosen == SimFault::kEio) return failed("access", path);
    if (chosen == SimFault::kNoSpace) return no_space(path);
    const bool is_crash = chosen == SimFault::kCrashPower || chosen == SimFault::kCrashKill;
    // A crash comes before the call or after its unsynced effects; a reader has none.
    if (is_crash && (fault == nullptr || rng.uniform(2) == 0)) {
      crash(chosen);
      return down();
    }
    if (chosen == SimFault::kSlow) {
      constexpr uint64_t kSlowMicrosMax = 2'000'000;
      wait_for_disk(kSlowMicrosMax);
      return is_down || life != life_before ? down() : Status::ok();
    }
    *fault = chosen;
    break;
  }
  return Status::ok();
}

void SimIo::Impl::wait_for_disk(uint64_t micros_max) {
  if (current_fiber_host == nullptr) return;
  const uint64_t micros = rng.uniform(micros_max);
  current_fiber_host->park(&micros, micros);
}

void SimIo::Impl::crash_after(const std::optional<SimFault>& fault) {
  if (fault == SimFault::kCrashPower || fault == SimFault::kCrashKill) crash(*fault);
}

void SimIo::Impl::crash(SimFault kind) {
  if (kind == SimFault::kCrashPower) {
    // Half of the crashes are biased, so that "nothing survived" and "all did" happen too.
    const uint64_t survive_percent = rng.uniform(2) == 0 ? 50 : rng.uniform(3) * 50;
    const auto flip = [this, survive_percent] { return rng.uniform(100) < survive_percent; };
    disk.crash({[&](const std::string&, uint64_t) { return flip(); }, flip, flip});
  }
  is_down = true;
  ++life;
  locks = std::make_shared<std::set<std::string>>();
  mix(static_cast<uint64_t>(kind));
}

void SimFile::read(IoOp* op) {
  uint64_t at = op->offset;
  for (const IoSlice& s : op->slices) {
    const uint64_t size = inode_->cache.size();
    const size_t n = at < size ? std::min<uint64_t>(s.size, size - at) : 0;
    if (n > 0) std::memcpy(s.data, inode_->cache.data() + at, n);
    op->transferred += n;
    at += n;
    if (n < s.size) break;
  }
}

// Where the bytes of a write go, and how many of them.
void SimFile::transfer(IoOp* op, uint64_t total, const std::optional<SimFault>& fault) {
  uint64_t at = op->offset;
  uint64_t left = total;
  if (fault == SimFault::kShortWrite) {
    left = impl_->rng.uniform(total / kSimSectorBytes + 1) * kSimSectorBytes;
  } else if (fault == SimFault::kLostWrite || fault == SimFault::kMisdirected) {
    if (at + total > inode_->cache.size()) inode_->truncate(at + total);
    const uint64_t places = (inode_->cache.size() - total) / kSimSectorBytes + 1;
    at = impl_->rng.uniform(places) * kSimSectorBytes;
    if (fault == SimFault::kLostWrite || at == op->offset) left = 0;
  }
  for (const IoSlice& s : op->slices) {
    const size_t n = std::min<uint64_t>(left, s.size);
    if (n > 0) inode_->write(at, s.data, n);
    impl_->mix(crc32c(static_cast<uint32_t>(at), s.data, n));
    at += n;
    left -= n;
  }
}

Status SimFile::write(IoOp* op, CallKind kind, const std::optional<SimFault>& fault) {
  uint64_t total = 0;
  for (const IoSlice& s : op->slices) total += s.size;
  if (!writable_) {
    return Status::make(Code::kIoError, path() + ": opened for reading only", EBADF);
  }
  const uint64_t end = op->offset + total;
  const uint64_t grown = end > inode_->cache.size() ? end - inode_->cache.size() : 0;
  if (grown > 0 && impl_->disk.total_bytes() + grown > impl_->capacity) return no_space(path());
  transfer(op, total, fault);
  impl_->crash_after(fault);
  if (kind == CallKind::kWriteDurable) impl_->wait_for_disk();
  if (is_cut_off()) return SimIo::Impl::down();
  if (fault == SimFault::kSyncFailed) {
    inode_->sync_failing(&impl_->rng);
    return failed("write", path());
  }
  if (fault == SimFault::kShortWrite) return failed("write", path());
  if (kind == CallKind::kWriteDurable && fault != SimFault::kMisdirected) {
    inode_->sync_range(op->offset, total);
  } else if (kind == CallKind::kWriteDurable) {
    inode_->sync();  // wherever it went
  }
  op->transferred = total;
  return Status::ok();
}

Status SimFile::sync(const std::optional<SimFault>& fault) {
  impl_->crash_after(fault);
  impl_->wait_for_disk();
  if (is_cut_off()) return SimIo::Impl::down();
  if (fault == SimFault::kSyncFailed) {
    inode_->sync_failing(&impl_->rng);
    return failed("sync", path());
  }
  inode_->sync();
  return Status::ok();
}

void SimFile::run(IoOp* op) {
  constexpr CallKind kKinds[] = {CallKind::kRead, CallKind::kWrite, CallKind::kWriteDurable,
                                 CallKind::kSync};
  const CallKind kind = kKinds[static_cast<size_t>(op->kind)];
  std::optional<SimFault> fault;
  op->start();
  op->transferred = 0;
  op->status = enter(kind, kind == CallKind::kRead ? nullptr : &fault);
  if (op->status.is_ok()) {
    switch (op->kind) {
      case IoOp::Kind::kRead:
        read(op);
        break;
      case IoOp::Kind::kWrite:
      case IoOp::Kind::kWriteDurable:
        op->status = write(op, kind, fault);
        break;
      case IoOp::Kind::kSync:
        op->status = sync(fault);
        break;
    }
  }
  op->finish();
}

SimIo::SimIo(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
SimIo::~SimIo() = default;

void SimIo::submit(IoOp* op) {
  const auto turn = impl_->turn();
  static_cast<SimFile*>(op->file)->run(op);
}

Result<std::unique_ptr<File>> SimIo::open(const std::string& path, OpenMode mode, OpenFlags flags) {
  const auto turn = impl_->turn();
  SimDisk::InodeRef inode = impl_->disk.find(path);
  const bool creates =
      inode == nullptr && (mode == OpenMode::kCreate || mode == OpenMode::kCreateExclusive);
  std::optional<SimFault> fault;
  PGZ_TRY(impl_->begin(creates ? CallKind::kCreate : CallKind::kOpen, path,
                       creates ? &fault : nullptr));
  inode = impl_->disk.find(path);  // other fibers ran meanwhile
  if (inode != nullptr && mode == OpenMode::kCreateExclusive) {
    return Status::make(Code::kExists, path + " exists", EEXIST);
  }
  if (inode == nullptr) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) return no_such(path);
    if (!impl_->disk.has_parent(path)) return no_such(path);
    inode = impl_->disk.create(path);
    impl_->crash_after(fault);
    if (impl_->is_down) return Impl::down();
  }
  const bool direct = flags.direct || (flags.table && impl_->direct_tables);
  const size_t alignment = direct ? kSimSectorBytes : 1;
  return std::unique_ptr<File>(
      std::make_unique<SimFile>(this, path, alignment, std::move(inode), mode != OpenMode::kRead));
}

Status SimIo::mkdir(const std::string& path) {
  const auto turn = impl_->turn();
  std::optional<SimFault> fault;
  PGZ_TRY(impl_->begin(CallKind::kMkdir, path, &fault));
  if (impl_->disk.is_dir(path)) return Status::ok();
  if (!impl_->disk.has_parent(path)) return no_such(path);
  impl_->disk.mkdir(path);
  impl_->crash_after(fault);
  return impl_->is_down ? Impl::down() : Status::ok();
}

Status SimIo::remove(const std::string& path) {
  const auto turn = impl_->turn();
  std::optional<SimFault> fault;
  PGZ_TRY(impl_->begin(CallKind::kRemove, path, &fault));
  if (impl_->disk.find(path) == nullptr) return no_such(path);
  impl_->disk.remove(path);
  impl_->crash_after(fault);
  return impl_->is_down ? Impl::down() : Status::ok();
}

Status SimIo::remove_dir(const std::string& path) {
  const auto turn = impl_->turn();
  std::optional<SimFault> fault;
  PGZ_TRY(impl_->begin(CallKind::kRemove, path, &fault));
  if (!impl_->disk.is_dir(path)) return no_such(path);
  if (impl_->disk.has_children(path)) {
    return Status::make(Code::kIoError, path + " is not empty", ENOTEMPTY);
  }
  impl_->disk.remove_dir(path);
  impl_->crash_after(fault);
  return impl_->is_down ? Impl::down() : Status::ok();
}

Status SimIo::rename(const std::string& from, const std::string& to) {
  const auto turn = impl_->turn();
  std::optional<SimFault> fault;
  PGZ_TRY(impl_->begin(CallKind::kRename, from, &fault));
  if (impl_->disk.find(from) == nullptr || !impl_->disk.has_parent(to)) return no_such(from);
  impl_->disk.rename(from, to);
  impl_->crash_after(fault);
  return impl_->is_down ? Impl::down() : Status::ok();
}

Result<std::vector<std::string>> SimIo::list(const std::string& path) {
  const auto turn = impl_->turn();
  PGZ_TRY(impl_->begin(CallKind::kList, path, nullptr));
  if (!impl_->disk.is_dir(path)) return no_such(path);
  return impl_->disk.list(path);
}

Result<bool> SimIo::exists(const std::string& path) {
  const auto turn = impl_->turn();
  PGZ_TRY(impl_->begin(CallKind::kExists, path, nullptr));
  return impl_->disk.find(path) != nullptr || impl_->disk.is_dir(path);
}

Status SimIo::sync_dir(const std::string& path) {
  const auto turn = impl_->turn();
  std::optional<SimFault> fault;
  PGZ_TRY(impl_->begin(CallKind::kSyncDir, path, &fault));
  if (!impl_->disk.is_dir(path)) return no_such(path);
  impl_->crash_after(fault);
  const uint64_t life = impl_->life;
  impl_->wait_for_disk();
  if (impl_->is_down || life != impl_->life) return Impl::down();
  impl_->disk.sync_dir(path);
  return Status::ok();
}

Result<std::unique_ptr<FileLock>> SimIo::lock_file(const std::string& path) {
  const auto turn = impl_->turn();
  PGZ_TRY(impl_->begin(CallKind::kLock, path, nullptr));
  if (!impl_->disk.has_parent(path)) return no_such(path);
  if (!impl_->locks->insert(path).second) {
    return Status::make(Code::kLocked, path + " is held by another process", EWOULDBLOCK);
  }
  if (impl_->disk.find(path) == nullptr) impl_->disk.create(path);
  return std::unique_ptr<FileLock>(
      std::make_unique<SimLock>([locks = impl_->locks, path] { locks->erase(path); }));
}

Result<uint64_t> SimIo::free_space(const std::string& path) {
  const auto turn = impl_->turn();
  PGZ_TRY(impl_->begin(CallKind::kFreeSpace, path, nullptr));
  const uint64_t used = impl_->disk.total_bytes();
  return used < impl_->capacity ? impl_->capacity - used : 0;
}

std::string SimIo::describe() const { return "simulated disk"; }

uint64_t SimIo::calls() const {
  const auto turn = impl_->turn();
  return impl_->call_count;
}
void SimIo::set_plan(std::vector<SimFaultAt> plan) {
  const auto turn = impl_->turn();
  impl_->plan = std::move(plan);
}
void SimIo::clear_plan() {
  const auto turn = impl_->turn();
  impl_->plan.clear();
}
void SimIo::set_capacity(uint64_t bytes) {
  const auto turn = impl_->turn();
  impl_->capacity = bytes;
}
void SimIo::crash_power() {
  const auto turn = impl_->turn();
  impl_->crash(SimFault::kCrashPower);
}
void SimIo::crash_power(const std::function<bool(const std::string&, uint64_t)>& keep) {
  const auto turn = impl_->turn();
  const auto yes = [] { return true; };
  impl_->disk.crash({keep, yes, yes});
  impl_->crash(SimFault::kCrashKill);
}
void SimIo::crash_kill() {
  const auto turn = impl_->turn();
  impl_->crash(SimFault::kCrashKill);
}
bool SimIo::crashed() const {
  const auto turn = impl_->turn();
  return impl_->is_down;
}
void SimIo::restart() {
  const auto turn = impl_->turn();
  impl_->is_down = false;
  impl_->plan.clear();
  impl_->call_count = 0;
}

bool SimIo::flip_bit(const std::string& path, uint64_t bit) {
  const SimDisk::InodeRef inode = impl_->disk.find(path);
  if (inode == nullptr || bit / 8 >= inode->cache.size()) return false;
  const char mask = static_cast<char>(1 << bit % 8);
  return overwrite(path, bit / 8, std::string(1, static_cast<char>(inode->cache[bit / 8] ^ mask)));
}

bool SimIo::overwrite(const std::string& path, uint64_t offset, const std::string& bytes) {
  const SimDisk::InodeRef inode = impl_->disk.find(path);
  if (inode == nullptr || offset + bytes.size() > inode->cache.size()) return false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    inode->cache[offset + i] = bytes[i];
    if (offset + i < inode->disk.size()) inode->disk[offset + i] = bytes[i];
  }
  return true;
}

bool SimIo::lose(const std::string& path) {
  if (impl_->disk.find(path) == nullptr) return false;
  impl_->disk.remove(path);
  impl_->disk.sync_dir(sim_parent(path));
  return true;
}

bool SimIo::cut(const std::string& path, uint64_t bytes) {
  const SimDisk::InodeRef inode = impl_->disk.find(path);
  if (inode == nullptr || bytes >= inode->cache.size()) return false;
  inode->truncate(bytes);
  inode->sync();
  return true;
}

uint64_t SimIo::used_bytes() const {
  const auto turn = impl_->turn();
  return impl_->disk.total_bytes();
}

std::string SimIo::contents(const std::string& path) const {
  const SimDisk::InodeRef inode = impl_->disk.find(path);
  return inode == nullptr ? std::string() : inode->cache;
}

std::vector<std::string> SimIo::all_files() const {
  std::vector<std::string> out;
  for (const auto& [path, inode] : impl_->disk.files()) out.push_back(path);
  return out;
}

uint64_t SimIo::trace_hash() const { return impl_->hash; }

}  // namespace pgz
