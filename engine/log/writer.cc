// Appending and flushing.
#include <algorithm>
#include <cstring>

#include "engine/base/planted.h"
#include "engine/log/log_impl.h"
#include "engine/log/recovery.h"

namespace pgz::log {
namespace {

// Reads a gather list from front to back.
class PieceReader {
 public:
  explicit PieceReader(std::span<const Slice> pieces) : pieces_(pieces) {}
  void copy(char* dst, size_t n) {
    while (n > 0) {
      const Slice piece = pieces_.front().substr(at_);
      const size_t step = std::min(n, piece.size());
      std::memcpy(dst, piece.data(), step);
      dst += step;
      n -= step;
      at_ += step;
      if (at_ == pieces_.front().size()) {
        pieces_ = pieces_.subspan(1);
        at_ = 0;
      }
    }
  }

 private:
  std::span<const Slice> pieces_;
  size_t at_ = 0;
};

FragmentType fragment_type(bool first, bool last) {
  if (first) return last ? FragmentType::kFull : FragmentType::kFirst;
  return last ? FragmentType::kLast : FragmentType::kMiddle;
}

}  // namespace

LogImpl::LogImpl(const Runtime& runtime, const std::string& dir, const LogOptions& options)
    : runtime_(runtime), dir_(dir), options_(options), slots_(runtime, dir, options) {
  for (uint64_t bytes : {options.first_slot_bytes, options.slot_bytes}) {
    PGZ_ASSERT(bytes % kBlockBytes == 0 && bytes >= 2 * kBlockBytes);
  }
}

Status LogImpl::usable() const {
  if (!failed_.is_ok()) return Status::make(Code::kFailed, "log stopped: " + failed_.message());
  if (!started_) return Status::make(Code::kInvalidArgument, "the log has not been recovered");
  return Status::ok();
}

Status LogImpl::fail(Status why) {
  MutexLock lock(&mu_);
  if (failed_.is_ok()) failed_ = why;
  return why;
}

// Adds a slot at the end of the chain: a prepared one, or, when writers have outrun the background
// thread, a small one made on the spot.
Status LogImpl::assign_slot() {
  SlotRef slot = slots_.take_spare();
  if (slot == nullptr) {
    PGZ_ASSIGN(slot, slots_.create(slots_.fitting_bytes(options_.first_slot_bytes)));
  }
  const Lsn begin = chain_.empty() ? group_.begin : chain_.back().end;
  const Lsn end = begin + slot->bytes / kBlockBytes * kBlockBytes;
  chain_.push_back({std::move(slot), next_epoch_++, begin, end});
  return Status::ok();
}

// Every byte that is appended has a zero-filled place behind it before it gets its LSN, so that a
// full disk is met here and never by flush().
Status LogImpl::ensure_room(uint64_t record_bytes) {
  constexpr uint64_t kSpareBlocks = 3;  // the open block's rest is unused, the last, a sealing one
  const uint64_t blocks = record_bytes / (kPayloadMax - kFragmentHeaderBytes) + kSpareBlocks;
  for (;;) {
    const uint64_t headers = chain_.size() - 1 - current_;
    const uint64_t free_blocks = (chain_.back().end - group_.end()) / kBlockBytes;
    if (free_blocks >= blocks + headers) return Status::ok();
    PGZ_TRY(assign_slot());
  }
}

void LogImpl::close_block() {
  if (block_ == nullptr) return;
  set_block_shape(block_, BlockKind::kData, used_);
  block_ = nullptr;
  used_ = 0;
}

void LogImpl::begin_slot(const SlotHeader& header) {
  char* block = group_.add_block(&pool_);
  const size_t n = encode_slot_header(header, block + kBlockHeaderBytes);
  set_block_shape(block, BlockKind::kSlotHeader, n);
}

void LogImpl::open_block() {
  close_block();
  if (group_.end() == chain_[current_].end) {
    const Assigned& full = chain_[current_++];
    PGZ_ASSERT(current_ < chain_.size());
    begin_slot({chain_[current_].slot->bytes, full.epoch, full.end, false});
  }
  block_ = group_.add_block(&pool_);
}

size_t LogImpl::block_room() const { return block_ == nullptr ? 0 : kPayloadMax - used_; }

Lsn LogImpl::cursor() const { return group_.end() - kBlockBytes + kBlockHeaderBytes + used_; }

Result<Appended> LogImpl::append(std::span<const Slice> pieces) {
  uint64_t left = 0;
  for (const Slice& piece : pieces) left += piece.size();
  if (left == 0) return Status::make(Code::kInvalidArgument, "an empty log record");
  MutexLock lock(&mu_);
  PGZ_TRY(usable());
  PGZ_TRY(ensure_room(left));
  Appended at;
  PieceReader reader(pieces);
  for (bool first = true; left > 0; first = false) {
    if (block_room() <= kFragmentHeaderBytes) open_block();
    if (first) at.lsn_begin = cursor();
    const size_t n = std::min<uint64_t>(left, block_room() - kFragmentHeaderBytes);
    char* dst = block_ + kBlockHeaderBytes + used_;
    put_fragment_header(dst, fragment_type(first, n == left), n);
    reader.copy(dst + kFragmentHeaderBytes, n);
    used_ += kFragmentHeaderBytes + n;
    left -= n;
  }
  at.lsn_end = cursor();
  sealed_ = false;
  group_end_.store(group_.end(), std::memory_order_release);
  return at;
}

// Blocks [from, to) of the group, which lie in that slot.
Status LogImpl::write_blocks(const Assigned& assigned, Group* group, size_t from, size_t to) {
  uint64_t offset = group->begin + from * kBlockBytes - assigned.begin;
  const std::vector<IoSlice> pieces = group->slices(from, to);
  if (!PGZ_PLANTED(kSkipLogSync)) return assigned.slot->file->write_durable(offset, pieces);
  for (const IoSlice& piece : pieces) {
    PGZ_TRY(assigned.slot->file->write(offset, piece.data, piece.size));
    offset += piece.size;
  }
  return Status::ok();
}

Status LogImpl::write_group(Group* group, const std::vector<Assigned>& chain) {
  const Lsn durable = durable_lsn_.load(std::memory_order_relaxed);
  size_t i = 0;
  for (const Assigned& assigned : chain) {
    const size_t from = i;
    const Lsn begin = group->begin + from * kBlockBytes;
    if (begin < assigned.begin || begin >= assigned.end) continue;
    for (; i < group->blocks && group->begin + i * kBlockBytes < assigned.end; ++i) {
      last_checksum_ = seal_block(group->block(i), options_.uuid, assigned.epoch,
                                  group->begin + i * kBlockBytes, durable, last_checksum_);
    }
    if (i == from) continue;
    // See kFirstWriteBlocks.
    const size_t first = begin == assigned.begin ? std::min(i, from + kFirstWriteBlocks) : i;
    PGZ_TRY(write_blocks(assigned, group, from, first));
    if (first < i) PGZ_TRY(write_blocks(assigned, group, first, i));
  }
  PGZ_ASSERT(i == group->blocks);
  return Status::ok();
}

Status LogImpl::flush_locked_out() {
  Group group;
  std::vector<Assigned> chain;
  {
    MutexLock lock(&mu_);
    PGZ_TRY(usable());
    if (group_.blocks == 0) return Status::ok();
    close_block();
    group = std::move(group_);
    group_ = Group{};
    group_.begin = group.end();
    chain.assign(chain_.begin(), chain_.end());
  }
  Status written = options_.before_write ? options_.before_write() : Status::ok();
  if (written.is_ok()) written = write_group(&group, chain);
  if (!written.is_ok()) return fail(std::move(written));
  durable_lsn_.store(group.end(), std::memory_order_release);
  MutexLock lock(&mu_);
  pool_.give(&group.chunks);
  return Status::ok();
}

Status LogImpl::flush(Lsn* durable_lsn) {
  Status flushed;
  {
    MutexLock lock(&flush_mu_);
    flushed = flush_locked_out();
  }
  if (durable_lsn != nullptr) *durable_lsn = this->durable_lsn();
  return flushed;
}

Status LogImpl::seal() {
  MutexLock flush_lock(&flush_mu_);
  PGZ_TRY(flush_locked_out());
  {
    MutexLock lock(&mu_);
    PGZ_TRY(usable());
    // A record that came meanwhile would stand in the sealing block's group: not idle after all.
    if (sealed_ || group_.blocks > 0) return Status::ok();
    if (group_.end() == chain_[current_].end && current_ + 1 == chain_.size()) {
      return Status::ok();  // no room kept: nothing has been appended since the last seal's room
    }
    open_block();
    set_block_shape(block_, BlockKind::kSeal, 0);
    block_ = nullptr;
    sealed_ = true;
    group_end_.store(group_.end(), std::memory_order_release);
  }
  return flush_locked_out();
}

Status LogImpl::start(const Restart& restart) {
  MutexLock flush_lock(&flush_mu_);
  {
    MutexLock lock(&mu_);
    next_epoch_ = restart.epoch;
    group_.begin = restart.first_lsn;
    PGZ_TRY(assign_slot());
    started_ = true;
    begin_slot(
        {chain_[0].slot->bytes, restart.prev_epoch, restart.accepted_end, restart.after_recovery});
    group_end_.store(group_.end(), std::memory_order_release);
  }
  last_checksum_ = restart.prev_checksum;
  durable_lsn_.store(restart.accepted_end, std::memory_order_release);
  return flush_locked_out();
}

Status LogImpl::load() {
  PGZ_TRY(slots_.load(&loaded_));
  if (!loaded_.empty()) return Status::ok();
  return Status::make(Code::kCorruption, dir_ + ": the log has no slots");
}

Status LogImpl::recycle(Lsn below) {
  below = std::min(below, durable_lsn());
  std::vector<SlotRef> done;
  {
    MutexLock lock(&mu_);
    PGZ_TRY(usable());
    while (current_ > 0 && chain_.front().end <= below) {
      done.push_back(std::move(chain_.front().slot));
      chain_.pop_front();
      --current_;
    }
    std::erase_if(retired_, [&](Retired& old) {
      if (old.release_at > below) return false;
      done.push_back(std::move(old.slot));
      return true;
    });
  }
  for (SlotRef& slot : done) PGZ_TRY(slots_.release(std::move(slot)));
  return Status::ok();
}

Status LogImpl::prepare_slots() { return slots_.prepare(); }

}  // namespace pgz::log

namespace pgz {

Result<std::unique_ptr<Log>> Log::create(const Runtime& runtime, const std::string& dir,
                                         const LogOptions& options) {
  PGZ_TRY(runtime.io->mkdir(dir));
  auto log = std::make_unique<log::LogImpl>(runtime, dir, options);
  // Left over from a creation that was cut short: a directory that is new holds nothing of worth.
  PGZ_ASSIGN(const auto names, runtime.io->list(dir));
  for (const std::string& name : names) PGZ_TRY(runtime.io->remove(path_join(dir, name)));
  PGZ_TRY(log->start({}));
  return std::unique_ptr<Log>(std::move(log));
}

Result<std::unique_ptr<Log>> Log::open(const Runtime& runtime, const std::string& dir,
                                       const LogOptions& options) {
  auto log = std::make_unique<log::LogImpl>(runtime, dir, options);
  PGZ_TRY(log->load());
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace pgz
