#include "engine/log/recovery.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "engine/base/planted.h"

namespace pgz::log {
namespace {

// A piece is a buffer that is used again and again by whoever reads at all, not fresh memory.
constexpr uint64_t kBlocksPerRead = 64;
// Of what is replayed so much is read once only.
constexpr size_t kKeptBytesMax = size_t{16} << 20;
// What is read of every slot. Nothing written after a slot's header is missed by it: the header's
// own write ends at kFirstWriteBlocks, and the next one begins there or before.
constexpr uint64_t kHeadBlocks = 2 * kFirstWriteBlocks;
// Stands for every block that is not a whole one: for replay they are all alike.
constexpr char kNoBlock[kBlockBytes] = {};

}  // namespace

BlockReader::~BlockReader() { stop(); }

void BlockReader::stop() {
  for (Piece& piece : pieces_) {
    wait(&piece);
    piece.slot = nullptr;
  }
}

void BlockReader::wait(Piece* piece) {
  if (!piece->in_flight) return;
  piece->op.wait();
  piece->in_flight = false;
  piece->count = piece->op.status.is_ok() ? piece->op.transferred / kBlockBytes : 0;
}

void BlockReader::start(Piece* piece, const Place& place) {
  if (piece->buffer.size() == 0) piece->buffer = AlignedBuffer(kBlocksPerRead * kBlockBytes);
  const uint64_t blocks = std::min(kBlocksPerRead, place.end - place.first);
  piece->slot = place.slot;
  piece->first = place.first;
  piece->slice = {piece->buffer.data(), blocks * kBlockBytes};
  piece->op.kind = IoOp::Kind::kRead;
  piece->op.offset = place.first * kBlockBytes;
  piece->op.slices = {&piece->slice, 1};
  piece->op.status = Status::ok();
  piece->op.transferred = 0;
  piece->op.done.reset();
  piece->in_flight = true;
  place.slot->file->start(&piece->op);
}

BlockReader::Place BlockReader::place_of(const SlotFile* slot, uint64_t index) const {
  for (const BlockRange& range : order_) {
    if (range.slot.get() != slot || index < range.first || index >= range.end) continue;
    return {slot, index, range.end, &range};
  }
  return {slot, index, slot->bytes / kBlockBytes, nullptr};
}

BlockReader::Place BlockReader::behind(Place place) const {
  place.first += kBlocksPerRead;
  if (place.first < place.end && place.range != nullptr) return place;
  if (place.range == nullptr || place.range + 1 == order_.data() + order_.size()) return {};
  const BlockRange& next = place.range[1];
  return {next.slot.get(), next.first, next.end, &next};
}

// Makes the piece at `place` the current one, and has those behind it read.
Status BlockReader::fetch(Place place) {
  size_t at = 0;
  const auto holds = [](const Piece& piece, const Place& wanted) {
    return piece.slot == wanted.slot && piece.first == wanted.first;
  };
  while (at < kPieces && !holds(pieces_[(current_ + at) % kPieces], place)) at++;
  if (at == kPieces) {  // it goes on elsewhere: nothing that was read ahead is of use
    stop();
    at = 0;
  }
  current_ = (current_ + at) % kPieces;
  for (size_t ahead = 0; ahead < kPieces && place.slot != nullptr; ahead++) {
    Piece& piece = pieces_[(current_ + ahead) % kPieces];
    if (!holds(piece, place)) {
      wait(&piece);
      start(&piece, place);
    }
    place = behind(place);
  }
  wait(&pieces_[current_]);
  return std::move(pieces_[current_].op.status);
}

Status BlockReader::read(const SlotRef& slot, uint64_t index, const char** block) {
  const Piece* piece = &pieces_[current_];
  *block = nullptr;
  if (piece->slot != slot.get() || index < piece->first || index >= piece->first + piece->count) {
    if (index >= slot->bytes / kBlockBytes) return Status::ok();
    PGZ_TRY(fetch(place_of(slot.get(), index)));
    piece = &pieces_[current_];
  }
  if (piece->count != 0) *block = piece->buffer.data() + (index - piece->first) * kBlockBytes;
  return Status::ok();
}

Recovery::Recovery(const LogOptions& options, std::vector<SlotRef> slots) : options_(options) {
  for (SlotRef& slot : slots) {
    slots_.push_back(Slot{std::move(slot), std::nullopt, {}, false, false, {}});
  }
}

std::string Recovery::where(const Slot& slot, Lsn lsn) {
  return slot.file->path + " at offset " + std::to_string(lsn - slot.begin());
}

Status Recovery::scan_heads() {
  constexpr Lsn kAll = 0;  // few blocks: which of them are wanted will be seen
  std::vector<BlockRange> heads;
  for (const Slot& slot : slots_) {
    heads.push_back({slot.file, 0, std::min(slot.file->bytes / kBlockBytes, kHeadBlocks)});
  }
  BlockReader reader(heads);
  for (size_t i = 0; i < slots_.size(); ++i) {
    PGZ_TRY(scan_range(&reader, &slots_[i], heads[i], kAll));
    // A slot gets its name when it has its full length, which never changes.
    const uint64_t bytes = slots_[i].file->bytes;
    const bool wrong = slots_[i].first && slots_[i].header.slot_bytes != bytes;
    if (wrong || bytes % kBlockBytes != 0 || bytes < 2 * kBlockBytes) {
      return Status::make(Code::kCorruption,
                          slots_[i].file->path + " is cut off at offset " + std::to_string(bytes));
    }
  }
  return Status::ok();
}

Status Recovery::scan(Lsn from) {
  std::vector<BlockRange> rest;
  for (const Slot& slot : slots_) {
    if (BlockRange range = behind_head(slot, from); range.first < range.end) rest.push_back(range);
  }
  reader_.emplace(rest);
  for (const BlockRange& range : rest) {
    const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                   [&](const Slot& s) { return s.file == range.slot; });
    PGZ_TRY(scan_range(&*reader_, &*slot, range, from));
  }
  return Status::ok();
}

// What of the slot can matter, beside its head. Behind a header stand blocks of its own epoch, and
// older ones, and of its own those that end at or below `from` are of no use: what they know to be
// durable lies below them. Older ones know less than the header does. A slot whose header is zeros
// has not been begun. Where a header's write did not reach the device the blocks behind it are of a
// newer epoch, and the head shows it: the whole slot is read then.
BlockRange Recovery::behind_head(const Slot& slot, Lsn from) {
  const uint64_t blocks = slot.file->bytes / kBlockBytes;
  if (slot.is_doubtful) return {slot.file, kHeadBlocks, blocks};
  if (!slot.first) return {slot.file, blocks, blocks};
  const uint64_t wanted = from <= slot.begin() ? 0 : (from - slot.begin()) / kBlockBytes;
  return {slot.file, std::max(kHeadBlocks, wanted), blocks};
}

void Recovery::keep(Slot* slot, uint64_t index, const char* block) {
  if (block != kNoBlock) {
    if (kept_.memory_bytes() >= kKeptBytesMax) return;
    char* const copy = kept_.allocate_aligned(kBlockBytes);
    std::memcpy(copy, block, kBlockBytes);
    block = copy;
  }
  slot->kept.resize(index + 1);
  slot->kept[index] = block;
}

Status Recovery::read(const Slot& slot, uint64_t index, const char** block) {
  *block = index < slot.kept.size() ? slot.kept[index] : nullptr;
  return *block != nullptr ? Status::ok() : reader_->read(slot.file, index, block);
}

Status Recovery::scan_range(BlockReader* reader, Slot* slot, const BlockRange& range, Lsn from) {
  bool is_wanted = false;
  for (uint64_t i = range.first; i < range.end; ++i) {
    const char* block = nullptr;
    PGZ_TRY(reader->read(slot->file, i, &block));
    if (block == nullptr) return Status::ok();
    PGZ_TRY(scan_block(slot, i, block, from, &is_wanted));
  }
  return Status::ok();
}

// *is_wanted: whether replay wants the block; before, whether it wanted the one before.
Status Recovery::scan_block(Slot* slot, uint64_t index, const char* block, Lsn from,
                            bool* is_wanted) {
  const std::optional<BlockHeader> h = parse_block(block, options_.uuid);
  if (const std::string newer = newer_format(block, options_.uuid); !newer.empty()) {
    return Status::make(
        Code::kNotSupported,
        slot->file->path + " at offset " + std::to_string(index * kBlockBytes) + ": " + newer);
  }
  if (!h) {
    if (index == 0 && std::memcmp(block, kNoBlock, kBlockBytes) != 0) slot->is_doubtful = true;
    keep(slot, index, kNoBlock);
    return Status::ok();
  }
  const bool was_wanted = *is_wanted;
  *is_wanted = h->position + kBlockBytes > from;
  if (*is_wanted || was_wanted) keep(slot, index, block);  // what ends the log is wanted as well
  note_block(slot, index, *h, block);
  return Status::ok();
}

void Recovery::note_block(Slot* slot, uint64_t index, const BlockHeader& h, const char* block) {
  slot->any_valid = true;
  epoch_max_ = std::max(epoch_max_, h.epoch);
  position_end_max_ = std::max(position_end_max_, h.position + kBlockBytes);
  if (h.durable_lsn > durable_max_) {
    durable_max_ = h.durable_lsn;
    durable_where_ = slot->file->path + " at offset " + std::to_string(index * kBlockBytes);
  }
  if (index > 0) {
    const bool is_older = slot->first && h.epoch < slot->first->epoch;
    const bool is_own = slot->first && h.epoch == slot->first->epoch &&
                        h.position == slot->begin() + index * kBlockBytes;
    if (!is_older && !is_own) slot->is_doubtful = true;
    return;
  }
  std::optional<SlotHeader> header;
  if (h.kind == BlockKind::kSlotHeader) {
    header = parse_slot_header(Slice(block + kBlockHeaderBytes, h.length));
  }
  if (!header) {
    slot->is_doubtful = true;
    return;
  }
  slot->first = h;
  slot->header = *header;
  position_end_max_ = std::max(position_end_max_, slot->end());
}

// The youngest slot before which nothing is needed.
const Recovery::Slot* Recovery::find_start(Lsn from) const {
  const Slot* best = nullptr;
  for (const Slot& slot : slots_) {
    if (!slot.first || slot.header.accepted_end > from) continue;
    if (best == nullptr || slot.first->epoch > best->first->epoch) best = &slot;
  }
  return best;
}

// Epochs grow: a header that says otherwise is damaged, and following it might never end.
const Recovery::Slot* Recovery::successor(const Slot& slot) const {
  const Slot* best = nullptr;
  for (const Slot& next : slots_) {
    if (!next.first || next.header.prev_epoch != slot.first->epoch) continue;
    if (next.first->epoch <= slot.first->epoch) continue;
    if (best == nullptr || next.first->epoch > best->first->epoch) best = &next;
  }
  return best;
}

Status Recovery::end_at(const Slot& slot, Lsn lsn, const char* what, bool* ended) {
  *ended = true;
  end_reason_ = where(slot, lsn) + ": " + what;
  if (lsn >= durable_max_ || PGZ_PLANTED(kIgnoreLogGap)) return Status::ok();
  return Status::make(Code::kCorruption, end_reason_ + ", but the log was durable up to position " +
                                             std::to_string(durable_max_) + " (" + durable_where_ +
                                             "); position here is " + std::to_string(lsn));
}

// Reads on in the last slot of walked_ until its log ends: *ended says whether the whole log does.
Status Recovery::walk_slot(Assembler* assembler, Lsn from, bool* ended) {
  Walked& walked = walked_.back();
  const Slot& slot = *walked.slot;
  const Slot* next = successor(slot);
  const Lsn limit = next != nullptr ? next->header.accepted_end : slot.end();
  if (from > slot.begin()) walked.begin = std::min(from / kBlockBytes * kBlockBytes, limit);
  walked.end = walked.begin;
  for (Lsn lsn = walked.begin; lsn < limit; lsn += kBlockBytes, walked.end = lsn) {
    const char* block = nullptr;
    PGZ_TRY(read(slot, (lsn - slot.begin()) / kBlockBytes, &block));
    if (block == nullptr) return end_at(slot, lsn, "the file is cut off", ended);
    const std::optional<BlockHeader> h = parse_block(block, options_.uuid);
    if (!h) return end_at(slot, lsn, "no valid log block", ended);
    if (h->epoch != slot.first->epoch) return end_at(slot, lsn, "a block of an old epoch", ended);
    if (h->position != lsn) return end_at(slot, lsn, "a block of another position", ended);
    if (last_checksum_ && h->prev != *last_checksum_) {
      return end_at(slot, lsn, "a block that does not continue the chain", ended);
    }
    last_checksum_ = h->checksum;
    last_kind_ = h->kind;
    if (h->kind != BlockKind::kData) continue;
    walked.has_records = true;
    PGZ_TRY(assembler->feed(lsn, Slice(block + kBlockHeaderBytes, h->length), where(slot, lsn)));
  }
  if (next == nullptr) return end_at(slot, limit, "the slot is full and has no successor", ended);
  if (next->header.after_recovery) assembler->drop_unfinished();
  walked_.push_back({next, next->begin(), next->begin(), false});
  return Status::ok();
}

Status Recovery::replay(Lsn from, Lsn known_durable, const Assembler::Deliver& deliver,
                        RecoverResult* result) {
  if (known_durable > durable_max_ && !PGZ_PLANTED(kForgetLogEnd)) {
    durable_max_ = known_durable;
    durable_where_ = "the manifest says so";
  }
  // What is kept elsewhere was durable here before it was written there (rule 6).
  if (from > durable_max_) {
    durable_max_ = from;
    durable_where_ = "records up to there are in tables";
  }
  if (epoch_max_ > kEpochMax / 2 || position_end_max_ > kPositionMax / 2) {
    return Status::make(
        Code::kCorruption,
        slots_.front().file->path + " or one of its neighbours leaves the log no room: epoch " +
            std::to_string(epoch_max_) + ", end at position " + std::to_string(position_end_max_));
  }
  const Slot* start = find_start(from);
  if (start == nullptr) {
    return Status::make(Code::kCorruption, slots_.front().file->path +
                                               " and its neighbours do not hold the log from " +
                                               std::to_string(from) + " on");
  }
  Assembler assembler(from, deliver, result);
  walked_.push_back({start, start->begin(), start->begin(), false});
  for (bool ended = false; !ended;) PGZ_TRY(walk_slot(&assembler, from, &ended));
  reader_->stop();  // slots are given up, and their files closed, next
  result->end_lsn = walked_.back().end;
  result->sealed = last_kind_ != BlockKind::kData;
  result->end_reason = end_reason_;
  return Status::ok();
}

// A sync that failed in an earlier process may have left blocks in the page cache that the kernel
// takes for written. Writing the same bytes again makes them dirty, so that the sync reaches them.
Status Recovery::make_durable() {
  if (PGZ_PLANTED(kSkipRecoverySync)) return Status::ok();
  AlignedBuffer buffer(kBlocksPerRead * kBlockBytes);
  std::deque<IoOp> syncs;  // under way at the same time: none rests on another
  Status status;
  for (const Walked& w : walked_) {
    status = write_again(w, &buffer);
    if (!status.is_ok()) break;
    IoOp& sync = syncs.emplace_back();
    sync.kind = IoOp::Kind::kSync;
    w.slot->file->file->start(&sync);
  }
  for (IoOp& sync : syncs) {
    sync.wait();
    if (status.is_ok()) status = std::move(sync.status);
  }
  return status;
}

Status Recovery::write_again(const Walked& w, AlignedBuffer* buffer) const {
  File* file = w.slot->file->file.get();
  for (Lsn lsn = std::max(w.begin, durable_max_ / kBlockBytes * kBlockBytes); lsn < w.end;) {
    const size_t n = std::min<uint64_t>(w.end - lsn, buffer->size());
    const uint64_t offset = lsn - w.slot->begin();
    PGZ_TRY(file->read(offset, buffer->data(), n));
    PGZ_TRY(file->write(offset, buffer->data(), n));
    lsn += n;
  }
  return Status::ok();
}

// Slots at the end that hold no records need not stay in the chain: a server that keeps being
// restarted would collect them.
size_t Recovery::first_empty() const {
  size_t n = walked_.size();
  while (n > 0 && !walked_[n - 1].has_records) --n;
  return n;
}

Restart Recovery::restart() const {
  Restart r;
  r.epoch = epoch_max_ + 1;
  // Beyond everything ever written, so that no position means two things.
  r.first_lsn = std::max(position_end_max_, walked_.back().end);
  r.after_recovery = true;
  if (const size_t empty = first_empty(); empty < walked_.size()) {
    const Slot& replaced = *walked_[empty].slot;
    r.prev_epoch = replaced.header.prev_epoch;
    r.accepted_end = replaced.header.accepted_end;
    r.prev_checksum = replaced.first->prev;
  } else {
    r.prev_epoch = walked_.back().slot->first->epoch;
    r.accepted_end = walked_.back().end;
    r.prev_checksum = last_checksum_.value_or(0);
  }
  return r;
}

Recovery::Release Recovery::release(Lsn from) const {
  Release out;
  const size_t empty = first_empty();
  for (const Slot& slot : slots_) {
    const auto at = std::find_if(walked_.begin(), walked_.end(),
                                 [&](const Walked& w) { return w.slot == &slot; });
    if (at != walked_.end() && static_cast<size_t>(at - walked_.begin()) < empty) {
      out.later.emplace_back(slot.file, at->end);
    } else if (at == walked_.end() && (!slot.any_valid || (slot.first && slot.end() <= from))) {
      out.now.push_back(slot.file);
    } else {
      out.after.push_back(slot.file);
    }
  }
  return out;
}

Status LogImpl::read_ahead(const std::function<std::optional<Lsn>()>& from_lsn) {
  {
    MutexLock lock(&mu_);
    PGZ_ASSERT(!started_ && recovery_ == nullptr);
  }
  recovery_ = std::make_unique<Recovery>(options_, std::move(loaded_));
  loaded_.clear();
  PGZ_TRY(recovery_->scan_heads());
  const std::optional<Lsn> from = from_lsn();
  return from ? recovery_->scan(*from) : Status::ok();
}

Status LogImpl::recover(Lsn from_lsn, const std::function<Status(Lsn, Slice)>& deliver,
                        RecoverResult* result, const RecoverOptions& options) {
  *result = RecoverResult{};
  if (recovery_ == nullptr) PGZ_TRY(read_ahead([&] { return std::optional<Lsn>(from_lsn); }));
  const std::unique_ptr<Recovery> recovery = std::move(recovery_);
  PGZ_TRY(recovery->replay(from_lsn, options.durable_lsn, deliver, result));
  if (options.before_writes) PGZ_TRY(options.before_writes());
  // Before one of them is written to as a spare, or counted on as a part of the log.
  PGZ_TRY(slots_.settle_names());
  PGZ_TRY(recovery->make_durable());
  if (options.before_reuse) PGZ_TRY(options.before_reuse());
  Recovery::Release release = recovery->release(from_lsn);
  for (SlotRef& slot : release.now) PGZ_TRY(slots_.release(std::move(slot)));
  PGZ_TRY(start(recovery->restart()));
  for (SlotRef& slot : release.after) PGZ_TRY(slots_.release(std::move(slot)));
  {
    MutexLock lock(&mu_);
    for (auto& [slot, at] : release.later) retired_.push_back({std::move(slot), at});
  }
  return recycle(from_lsn);
}

LogImpl::~LogImpl() = default;

}  // namespace pgz::log
