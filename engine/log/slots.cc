#include "engine/log/slots.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "engine/base/planted.h"
#include "engine/log/format.h"

namespace pgz::log {
namespace {

constexpr const char* kSuffix = ".slot";
constexpr const char* kTempSuffix = ".slot.tmp";

std::string slot_name(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%06llu%s", static_cast<unsigned long long>(number), kSuffix);
  return name;
}

}  // namespace

SlotSet::SlotSet(const Runtime& runtime, std::string dir, const LogOptions& options)
    : runtime_(runtime), dir_(std::move(dir)), options_(options) {}

Status SlotSet::load(std::vector<SlotRef>* slots) {
  PGZ_ASSIGN(const auto names, runtime_.io->list(dir_));
  for (const std::string& name : names) {
    const std::string path = path_join(dir_, name);
    if (name.ends_with(kTempSuffix)) {
      unfinished_.push_back(path);
      continue;
    }
    if (!name.ends_with(kSuffix)) {
      return Status::make(Code::kCorruption, path + ": not a log slot");
    }
    PGZ_ASSIGN(auto file,
               runtime_.io->open(path, OpenMode::kReadWrite, {.direct = options_.direct}));
    PGZ_ASSIGN(const uint64_t bytes, file->size());
    const uint64_t number = std::strtoull(name.c_str(), nullptr, 10);
    {
      MutexLock lock(&mu_);
      next_number_ = std::max(next_number_, number + 1);
    }
    disk_bytes_ += bytes;
    slots->push_back(std::make_shared<SlotFile>(SlotFile{path, std::move(file), bytes}));
  }
  return Status::ok();
}

Status SlotSet::settle_names() {
  for (const std::string& path : unfinished_) PGZ_TRY(runtime_.io->remove(path));
  unfinished_.clear();
  return runtime_.io->sync_dir(dir_);
}

uint64_t SlotSet::fitting_bytes(uint64_t wanted) const {
  constexpr uint64_t kBytesMin = 32 * kBlockBytes;
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (!free.is_ok()) return wanted;
  uint64_t bytes = wanted;
  while (free.value() < bytes && bytes / 2 >= kBytesMin && bytes / 2 % kBlockBytes == 0) bytes /= 2;
  return bytes;
}

// Asks first: filling the disk to its end and giving that back would take it from others meanwhile.
Status SlotSet::fill(const std::string& path, uint64_t bytes) {
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (free.is_ok() && free.value() < bytes) {
    return Status::make(Code::kNoSpace, path + ": " + std::to_string(free.value()) +
                                            " bytes free, " + std::to_string(bytes) +
                                            " wanted: no space left on device");
  }
  PGZ_ASSIGN(auto file,
             runtime_.io->open(path, OpenMode::kCreateExclusive, {.direct = options_.direct}));
  PGZ_TRY(file->zero_fill(0, bytes));
  return file->sync();
}

Result<SlotRef> SlotSet::create(uint64_t bytes) {
  uint64_t number = 0;
  {
    MutexLock lock(&mu_);
    number = next_number_++;
  }
  const std::string path = path_join(dir_, slot_name(number));
  const std::string temp = path + ".tmp";
  if (Status filled = fill(temp, bytes); !filled.is_ok()) {
    // On a full disk the unfinished file would hold the space; elsewhere recovery removes it.
    (void)runtime_.io->remove(temp).is_ok();
    return filled;
  }
  PGZ_TRY(runtime_.io->rename(temp, path));
  if (!PGZ_PLANTED(kSkipSlotDirSync)) PGZ_TRY(runtime_.io->sync_dir(dir_));
  PGZ_ASSIGN(auto file, runtime_.io->open(path, OpenMode::kReadWrite, {.direct = options_.direct}));
  disk_bytes_ += bytes;
  return std::make_shared<SlotFile>(SlotFile{path, std::move(file), bytes});
}

SlotRef SlotSet::take_spare() {
  MutexLock lock(&mu_);
  const auto largest =
      std::max_element(spares_.begin(), spares_.end(),
                       [](const SlotRef& a, const SlotRef& b) { return a->bytes < b->bytes; });
  if (largest == spares_.end()) return nullptr;
  SlotRef slot = std::move(*largest);
  spares_.erase(largest);
  return slot;
}

Status SlotSet::release(SlotRef slot) {
  {
    MutexLock lock(&mu_);
    // A small slot (the first one, or one made in haste) is kept only while there is nothing else.
    const size_t keep =
        slot->bytes < options_.slot_bytes ? options_.spare_slots : options_.spare_slots_max;
    if (spares_.size() < keep) {
      spares_.push_back(std::move(slot));
      return Status::ok();
    }
  }
  disk_bytes_ -= slot->bytes;
  slot->file.reset();
  PGZ_TRY(runtime_.io->remove(slot->path));
  return runtime_.io->sync_dir(dir_);
}

bool SlotSet::wants_spares() const {
  MutexLock lock(&mu_);
  return spares_.size() < options_.spare_slots;
}

Status SlotSet::prepare() {
  while (wants_spares()) {
    PGZ_ASSIGN(SlotRef slot, create(options_.slot_bytes));
    MutexLock lock(&mu_);
    spares_.push_back(std::move(slot));
  }
  return Status::ok();
}

}  // namespace pgz::log
