// SimDisk: files and directories of a simulated machine, each once as its processes see it and once
// as a power failure would leave it. No faults, no yields: sim_io.h adds those. Private to io/sim.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/rng.h"

namespace pgz {

inline constexpr size_t kSimSectorBytes = 512;

// A file's contents, whatever its name.
struct SimInode {
  uint64_t id = 0;
  std::string cache;         // what readers see
  std::string disk;          // what is on the platter
  std::set<uint64_t> dirty;  // sectors of the cache that a sync will write
  bool size_dirty = false;

  void write(uint64_t offset, const void* data, size_t n);
  void truncate(uint64_t n);
  void sync();
  void sync_range(uint64_t offset, uint64_t n);
  // A sync that fails: some dirty sectors get written, the others are taken for clean.
  void sync_failing(Rng* rng);
  // Power fails; keep(sector) says which unsynced sectors had been written.
  void settle(const std::function<bool(uint64_t)>& keep, bool keep_size);

 private:
  void write_sector(uint64_t sector);
};

class SimDisk {
 public:
  using InodeRef = std::shared_ptr<SimInode>;

  SimDisk();

  InodeRef find(const std::string& path) const;  // null when missing
  bool is_dir(const std::string& path) const { return dirs_.contains(path); }
  bool has_parent(const std::string& path) const;

  InodeRef create(const std::string& path);
  void mkdir(const std::string& path);
  void remove(const std::string& path);
  void remove_dir(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  std::vector<std::string> list(const std::string& dir) const;
  bool has_children(const std::string& dir) const { return !list(dir).empty(); }
  void sync_dir(const std::string& dir);

  uint64_t total_bytes() const;
  const std::map<std::string, InodeRef>& files() const { return files_; }

  // Power fails. keep_sector decides per unsynced sector, keep_name per unsynced directory
  // operation, keep_size per file whose length was not synced.
  struct Survival {
    std::function<bool(const std::string& path, uint64_t sector)> keep_sector;
    std::function<bool()> keep_name;
    std::function<bool()> keep_size;
  };
  void crash(const Survival& survival);

 private:
  struct NameOp {
    enum class Kind : uint8_t { kCreate, kRemove, kRename, kMkdir, kRemoveDir } kind;
    std::string dir;  // whose sync makes it durable
    std::string path;
    std::string from;  // of a rename
    InodeRef inode;
  };
  void apply_durable(const NameOp& op);

  std::map<std::string, InodeRef> files_;
  std::set<std::string> dirs_;
  std::map<std::string, InodeRef> durable_files_;
  std::set<std::string> durable_dirs_;
  std::vector<NameOp> pending_;
  uint64_t next_inode_ = 1;
};

// "a/b" of "a/b/c"; "" of "c", "/" of "/c".
std::string sim_parent(const std::string& path);

}  // namespace pgz
