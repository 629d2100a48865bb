#include "engine/io/sim/sim_disk.h"

#include <algorithm>
#include <cstring>

#include "engine/base/assert.h"

namespace pgz {

std::string sim_parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void SimInode::write(uint64_t offset, const void* data, size_t n) {
  if (n == 0) return;
  if (cache.size() < offset + n) {
    cache.resize(offset + n, '\0');
    size_dirty = true;
  }
  std::memcpy(cache.data() + offset, data, n);
  for (uint64_t s = offset / kSimSectorBytes; s <= (offset + n - 1) / kSimSectorBytes; ++s) {
    dirty.insert(s);
  }
}

void SimInode::truncate(uint64_t n) {
  if (n == cache.size()) return;
  cache.resize(n, '\0');
  size_dirty = true;
  const uint64_t sectors = (n + kSimSectorBytes - 1) / kSimSectorBytes;
  dirty.erase(dirty.lower_bound(sectors), dirty.end());
  if (n % kSimSectorBytes != 0) dirty.insert(n / kSimSectorBytes);
}

void SimInode::write_sector(uint64_t sector) {
  const uint64_t begin = sector * kSimSectorBytes;
  const uint64_t end = std::min<uint64_t>(begin + kSimSectorBytes, cache.size());
  if (begin >= end) return;
  if (disk.size() < end) disk.resize(end, '\0');
  std::memcpy(disk.data() + begin, cache.data() + begin, end - begin);
}

void SimInode::sync() {
  for (uint64_t s : dirty) write_sector(s);
  dirty.clear();
  disk.resize(cache.size(), '\0');
  size_dirty = false;
}

void SimInode::sync_range(uint64_t offset, uint64_t n) {
  if (n == 0) return;
  for (uint64_t s = offset / kSimSectorBytes; s <= (offset + n - 1) / kSimSectorBytes; ++s) {
    if (dirty.erase(s) > 0) write_sector(s);
  }
  // Bytes that are durable are reachable: the length goes with them.
  if (size_dirty) {
    disk.resize(cache.size(), '\0');
    size_dirty = false;
  }
}

void SimInode::sync_failing(Rng* rng) {
  for (uint64_t s : dirty) {
    if (rng->uniform(2) == 0) write_sector(s);
  }
  dirty.clear();
}

void SimInode::settle(const std::function<bool(uint64_t)>& keep, bool keep_size) {
  const uint64_t disk_size = disk.size();
  for (uint64_t s : dirty) {
    if (keep(s)) write_sector(s);
  }
  dirty.clear();
  // Sectors beyond an unsynced length are lost with it.
  if (size_dirty) disk.resize(keep_size ? cache.size() : disk_size, '\0');
  size_dirty = false;
  cache = disk;
}

SimDisk::SimDisk() {
  for (const char* root : {"", "/"}) {
    dirs_.insert(root);
    durable_dirs_.insert(root);
  }
}

SimDisk::InodeRef SimDisk::find(const std::string& path) const {
  const auto at = files_.find(path);
  return at == files_.end() ? nullptr : at->second;
}

bool SimDisk::has_parent(const std::string& path) const { return is_dir(sim_parent(path)); }

SimDisk::InodeRef SimDisk::create(const std::string& path) {
  auto inode = std::make_shared<SimInode>();
  inode->id = next_inode_++;
  files_[path] = inode;
  pending_.push_back({NameOp::Kind::kCreate, sim_parent(path), path, "", inode});
  return inode;
}

void SimDisk::mkdir(const std::string& path) {
  dirs_.insert(path);
  pending_.push_back({NameOp::Kind::kMkdir, sim_parent(path), path, "", nullptr});
}

void SimDisk::remove(const std::string& path) {
  files_.erase(path);
  pending_.push_back({NameOp::Kind::kRemove, sim_parent(path), path, "", nullptr});
}

void SimDisk::remove_dir(const std::string& path) {
  dirs_.erase(path);
  pending_.push_back({NameOp::Kind::kRemoveDir, sim_parent(path), path, "", nullptr});
}

void SimDisk::rename(const std::string& from, const std::string& to) {
  InodeRef inode = find(from);
  PGZ_ASSERT(inode != nullptr);
  files_.erase(from);
  files_[to] = inode;
  pending_.push_back({NameOp::Kind::kRename, sim_parent(to), to, from, inode});
}

std::vector<std::string> SimDisk::list(const std::string& dir) const {
  std::vector<std::string> names;
  const size_t skip = dir.empty() || dir == "/" ? dir.size() : dir.size() + 1;
  for (const auto& [path, inode] : files_) {
    if (sim_parent(path) == dir) names.push_back(path.substr(skip));
  }
  for (const std::string& path : dirs_) {
    if (path != "" && path != "/" && sim_parent(path) == dir) names.push_back(path.substr(skip));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void SimDisk::apply_durable(const NameOp& op) {
  switch (op.kind) {
    case NameOp::Kind::kCreate:
      durable_files_[op.path] = op.inode;
      break;
    case NameOp::Kind::kRemove:
      durable_files_.erase(op.path);
      break;
    case NameOp::Kind::kRename: {
      // What stands under the old name may be a younger file by now; only the moved one goes.
      const auto at = durable_files_.find(op.from);
      if (at != durable_files_.end() && at->second == op.inode) durable_files_.erase(at);
      durable_files_[op.path] = op.inode;
      break;
    }
    case NameOp::Kind::kMkdir:
      durable_dirs_.insert(op.path);
      break;
    case NameOp::Kind::kRemoveDir:
      durable_dirs_.erase(op.path);
      break;
  }
}

void SimDisk::sync_dir(const std::string& dir) {
  std::vector<NameOp> rest;
  for (NameOp& op : pending_) {
    if (op.dir == dir) {
      apply_durable(op);
    } else {
      rest.push_back(std::move(op));
    }
  }
  pending_ = std::move(rest);
}

uint64_t SimDisk::total_bytes() const {
  uint64_t n = 0;
  for (const auto& [path, inode] : files_) n += inode->cache.size();
  return n;
}

void SimDisk::crash(const Survival& survival) {
  for (const NameOp& op : pending_) {
    if (survival.keep_name()) apply_durable(op);
  }
  pending_.clear();
  // A name whose directory was lost is lost.
  std::erase_if(durable_dirs_, [&](const std::string& dir) {
    for (std::string up = dir; up != "" && up != "/";) {
      up = sim_parent(up);
      if (!durable_dirs_.contains(up)) return true;
    }
    return false;
  });
  std::erase_if(durable_files_, [&](const auto& entry) {
    return !durable_dirs_.contains(sim_parent(entry.first));
  });
  files_ = durable_files_;
  dirs_ = durable_dirs_;
  for (const auto& [path, inode] : files_) {
    inode->settle([&, &name = path](uint64_t s) { return survival.keep_sector(name, s); },
                  survival.keep_size());
  }
}

}  // namespace pgz
