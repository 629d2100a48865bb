// SimIo: a simulated disk of 512-byte sectors behind the Io seam.
//
// What is written stands in a cache until it is synced. A power failure keeps any subset of the
// unsynced sectors (each on its own) and any subset of the directory operations that were not
// followed by sync_dir(); the end of a process keeps all of them. Faults come from a plan of call
// indexes, so that a run can be repeated exactly.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/rng.h"
#include "engine/io/io.h"

namespace pgz {

enum class SimFault : uint8_t {
  kEio,         // the call fails with EIO and has done nothing
  kNoSpace,     // the call fails with ENOSPC and has done nothing
  kSyncFailed,  // a sync or durable write fails with EIO; any part of what was unsynced reached the
                // disk and the rest is forgotten: a later sync succeeds without writing it
  kShortWrite,  // a write fails with EIO after it has written its first sectors
  kLostWrite,   // a write reports success and has written nothing (zeros where the file grew)
  kMisdirected,  // a write reports success and went to another place of its file
  kSlow,         // the call takes up to two seconds
  kCrashPower,   // the machine loses power during the call (what it wrote counts as unsynced)
  kCrashKill,    // the process dies before or after the call; the page cache survives
};

// Fires at the first call with index >= at_call that it can apply to.
struct SimFaultAt {
  uint64_t at_call = 0;
  SimFault fault = SimFault::kEio;
};

class SimIo : public Io {
 public:
  // Tables are direct files with odd seeds and buffered ones with even seeds.
  explicit SimIo(uint64_t seed);
  ~SimIo() override;

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
  void submit(IoOp* op) override;

  // --- the tester's side ---

  // Io calls begun so far; each is one index of a fault plan.
  uint64_t calls() const;
  void set_plan(std::vector<SimFaultAt> plan);
  void clear_plan();
  // Total bytes the files may have; writes that need more get kNoSpace.
  void set_capacity(uint64_t bytes);
  // Power fails now: unsynced sectors and names survive at random (by the seed), locks are gone,
  // and every call fails until restart(), then those on files of the old life.
  void crash_power();
  // As crash_power(), but `keep` decides per unsynced sector: (path, sector index) -> survives.
  // Directory operations all survive.
  void crash_power(const std::function<bool(const std::string&, uint64_t)>& keep);
  // The process dies: everything written survives in the cache, locks are gone.
  void crash_kill();
  // Whether a crash (planned or called) happened since the last restart().
  bool crashed() const;
  // The machine is up again, calls work. Clears the plan; calls() goes on from 0.
  void restart();
  // Flips one bit of the stored file (cache and disk); false when the file is not that long.
  bool flip_bit(const std::string& path, uint64_t bit);
  // Replaces bytes of the stored file (cache and disk); false when the file is not that long.
  bool overwrite(const std::string& path, uint64_t offset, const std::string& bytes);
  // The file's name is gone, as after a repair of the file system; false when there is none.
  bool lose(const std::string& path);
  // Cuts the stored file off at `bytes`.
  bool cut(const std::string& path, uint64_t bytes);
  // Bytes of all files, what set_capacity() bounds.
  uint64_t used_bytes() const;
  // Whole contents as the next reader would see them; empty when missing.
  std::string contents(const std::string& path) const;
  std::vector<std::string> all_files() const;
  uint64_t trace_hash() const;

 private:
  friend class SimFile;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgz
