#include "engine/db/space_guard.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/io/io.h"

namespace pgz {

namespace {

constexpr uint64_t kFirstBytes = uint64_t{4} << 20;
constexpr uint64_t kShareOfFree = 8;

}  // namespace

SpaceGuard::SpaceGuard(const Runtime& runtime, const std::string& dir, uint64_t bytes_max,
                       uint64_t restart_bytes)
    : runtime_(runtime),
      dir_(dir),
      path_(path_join(dir, "reserve")),
      bytes_max_(bytes_max),
      restart_bytes_(restart_bytes) {}

Status SpaceGuard::check() const {
  if (!is_spent()) return Status::ok();
  return Status::make(Code::kNoSpace, dir_ +
                                          ": the disk is full: writes are refused until there is "
                                          "space again; reads and deletes go on");
}

// In doublings and ahead of the log, which grows on while the file does.
uint64_t SpaceGuard::aim(uint64_t log_bytes) const {
  return std::min(bytes_max_, restart_bytes_ + std::max(kFirstBytes, 2 * std::bit_ceil(log_bytes)));
}

// What must be free beside the reserve, or the next flush would spend it again.
uint64_t SpaceGuard::room_for_data() const { return std::max(bytes_max_ / 2, restart_bytes_); }

// 0 where there is none, or it cannot be seen.
uint64_t SpaceGuard::reserved_bytes() const {
  auto file = runtime_.io->open(path_, OpenMode::kRead);
  if (!file.is_ok()) return 0;
  const Result<uint64_t> size = file.value()->size();
  return size.is_ok() ? size.value() : 0;
}

void SpaceGuard::open() {
  MutexLock lock(&mu_);
  const uint64_t reserved = reserved_bytes();
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (free.is_ok() && free.value() < restart_bytes_) {
    spent_ = true;
    if (reserved > 0) (void)runtime_.io->remove(path_).is_ok();
  } else if (reserved > restart_bytes_) {
    kept_ = reserved;
  } else {
    // The last owner spent it, unless it was no larger on a small file system.
    spent_ = reserved > 0 && free.is_ok() && free.value() < room_for_data();
  }
  if (is_spent()) had_ = bytes_max_ / 2;
}

void SpaceGuard::spend(uint64_t wanted) {
  MutexLock lock(&mu_);
  if (is_spent()) return;
  const uint64_t reserved = reserved_bytes();
  const uint64_t given = reserved > restart_bytes_ ? reserved - restart_bytes_ : 0;
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (wanted > 0 && free.is_ok()) {
    if (free.value() >= wanted) return;
    if (wanted > bytes_max_ && free.value() + given < wanted) return;
  }
  spent_ = true;
  had_ = std::exchange(kept_, 0);
  if (given == 0) return;
  auto file = runtime_.io->open(path_, OpenMode::kReadWrite);
  if (file.is_ok() && file.value()->truncate(restart_bytes_).is_ok()) return;
  // What cannot be cut off can go as a whole.
  if (file.is_ok()) file.value().reset();
  (void)runtime_.io->remove(path_).is_ok();
}

bool SpaceGuard::wants(uint64_t log_bytes) const {
  return aim(log_bytes) > asked_.load(std::memory_order_relaxed);
}

// Whether to look again later: there is no space for it, whatever the file system says.
bool SpaceGuard::grow(uint64_t from, uint64_t to) {
  auto file = runtime_.io->open(path_, OpenMode::kCreate);
  if (!file.is_ok()) return false;
  const Status s = file.value()->allocate(to);
  if (s.is_ok()) {
    kept_ = to;
    return false;
  }
  (void)file.value()->truncate(from).is_ok();
  return s.is(Code::kNoSpace);
}

void SpaceGuard::refill(uint64_t log_bytes) {
  MutexLock lock(&mu_);
  const uint64_t wanted = aim(log_bytes);
  asked_ = wanted;
  if (!is_spent() && kept_ >= wanted) return;
  const Result<uint64_t> free = runtime_.io->free_space(dir_);
  if (!free.is_ok()) return;
  const uint64_t reserved = reserved_bytes();
  // Of a full disk the share would be nothing: what was given away has to come back.
  const uint64_t share = std::max((free.value() + reserved) / kShareOfFree, had_);
  const uint64_t target = std::min(wanted, share);
  const uint64_t missing = target > reserved ? target - reserved : 0;
  if (free.value() < missing + room_for_data()) return;
  if (missing == 0) kept_ = reserved;
  // Where it cannot be made for another reason than space, writes go on without one.
  if (missing > 0 && grow(reserved, target)) return;
  spent_ = false;
  had_ = 0;
}

}  // namespace pgz
