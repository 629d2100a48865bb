#include "engine/db/space_guard.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/io/io.h"

namespace pgz {

SpaceGuard::SpaceGuard(const Runtime& runtime, const std::string& dir, uint64_t memtable_bytes,
                       uint64_t slot_bytes)
    : runtime_(runtime),
      dir_(dir),
      path_(path_join(dir, "reserve")),
      spent_path_(path_join(dir, "reserve-spent")),
      memtable_bytes_(memtable_bytes),
      slot_bytes_(slot_bytes) {}

Status SpaceGuard::check() const {
  if (!is_spent()) return Status::ok();
  return Status::make(Code::kNoSpace, dir_ +
                                          ": the disk is full: writes are refused until there is "
                                          "space again; reads and deletes go on");
}

// What a memtable may hold by now, in doublings; one that is full is a little larger than its aim.
uint64_t SpaceGuard::memtable_share(uint64_t log_bytes) const {
  return std::min(memtable_bytes_ + memtable_bytes_ / 4, std::bit_ceil(log_bytes));
}

// For now two memtables, the one that met the full disk and the one being written to; for the next
// opening the flush that gives log slots back and the log slot it needs, and another one, should it
// end before that flush.
uint64_t SpaceGuard::aim(uint64_t log_bytes) const {
  return 2 * slot_bytes_ + 3 * memtable_share(log_bytes);
}

// Of a reserve, whatever it came to.
uint64_t SpaceGuard::for_next_opening(uint64_t reserved) const {
  return reserved <= 2 * slot_bytes_ ? reserved
                                     : 2 * slot_bytes_ + (reserved - 2 * slot_bytes_) / 3;
}

// What must be free beside the reserve, or the next flush would spend it again.
uint64_t SpaceGuard::room_for_data() const { return memtable_bytes_ + slot_bytes_; }

// 0 where there is none, or it cannot be seen.
uint64_t SpaceGuard::size_of(const std::string& path) const {
  auto file = runtime_.io->open(path, OpenMode::kRead);
  if (!file.is_ok()) return 0;
  const Result<uint64_t> size = file.value()->size();
  return size.is_ok() ? size.value() : 0;
}

// Leaves `keep` bytes of the file at `path`, under the other name.
void SpaceGuard::cut(const std::string& path, uint64_t keep) {
  spent_ = true;
  is_last_owners_ = false;
  had_ = std::max(had_, std::exchange(kept_, 0));
  auto file =
      keep == 0 ? Status::make(Code::kNotFound, "") : runtime_.io->open(path, OpenMode::kReadWrite);
  if (file.is_ok() && file.value()->truncate(keep).is_ok() &&
      (path == spent_path_ || runtime_.io->rename(path, spent_path_).is_ok())) {
    return;
  }
  // What cannot be cut off can go as a whole.
  if (file.is_ok()) file.value().reset();
  (void)runtime_.io->remove(path).is_ok();
}

// For an opening on a full disk: all but another log slot, should this life end before a flush.
void SpaceGuard::give_for_opening() {
  const std::string& path = size_of(path_) > 0 ? path_ : spent_path_;
  const uint64_t reserved = size_of(path);
  if (reserved > 0) cut(path, reserved >= 2 * slot_bytes_ ? slot_bytes_ : 0);
  spent_ = true;
}

void SpaceGuard::open() {
  MutexLock lock(&mu_);
  kept_ = size_of(path_);
  const uint64_t left = size_of(spent_path_);
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (!free.is_ok()) return;
  is_last_owners_ = left > 0 && free.value() < room_for_data();
  spent_ = is_last_owners_;
  if (free.value() < slot_bytes_ + slot_bytes_ / 4) give_for_opening();
  if (is_spent()) had_ = std::max(had_, left);
}

void SpaceGuard::spend(uint64_t wanted) {
  MutexLock lock(&mu_);
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (wanted > 0 && free.is_ok() && free.value() >= wanted) return;
  if (is_spent()) {
    // What the last owner left is for what it could not flush.
    if (is_last_owners_) give_for_opening();
    return;
  }
  const uint64_t reserved = size_of(path_);
  const uint64_t keep = for_next_opening(reserved);
  if (wanted > 0 && free.is_ok()) {
    const bool is_flush = wanted <= 2 * memtable_bytes_;
    if (!is_flush && free.value() + reserved - keep < wanted) return;
  }
  spent_ = true;
  if (reserved > 0) cut(path_, keep);
}

bool SpaceGuard::wants(uint64_t log_bytes) const {
  return aim(log_bytes) > asked_.load(std::memory_order_relaxed);
}

// Whether there is no space for it, whatever the file system says.
bool SpaceGuard::grow(const std::string& path, uint64_t from, uint64_t to) {
  auto file = runtime_.io->open(path, OpenMode::kCreate);
  if (!file.is_ok()) return false;
  const Status s = file.value()->allocate(to);
  if (s.is_ok()) return false;
  (void)file.value()->truncate(from).is_ok();
  return s.is(Code::kNoSpace);
}

void SpaceGuard::refill(uint64_t log_bytes) {
  constexpr uint64_t kShareOfFree = 8;
  MutexLock lock(&mu_);
  const uint64_t wanted = aim(log_bytes);
  asked_ = wanted;
  if (!is_spent() && kept_ >= wanted) return;
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (!free.is_ok()) return;
  const std::string& path = is_spent() ? spent_path_ : path_;
  const uint64_t reserved = size_of(path);
  // Of a full disk the share would be nothing: what was given away has to come back.
  const uint64_t share = std::max((free.value() + reserved) / kShareOfFree, had_);
  const uint64_t target = std::min(wanted, share);
  const uint64_t missing = target > reserved ? target - reserved : 0;
  if (free.value() < missing + room_for_data()) return;
  // Where it cannot be made for another reason than space, writes go on without one.
  if (missing > 0 && grow(path, reserved, target)) return;
  if (is_spent()) (void)runtime_.io->rename(spent_path_, path_).is_ok();
  kept_ = size_of(path_);
  had_ = 0;
  is_last_owners_ = false;
  spent_ = false;
}

}  // namespace pgz
