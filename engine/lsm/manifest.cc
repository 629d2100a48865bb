#include "engine/lsm/manifest.h"

#include <algorithm>
#include <utility>

#include "engine/base/planted.h"
#include "engine/base/rng.h"
#include "engine/lsm/manifest_format.h"

namespace pgz {

using manifest::kBlockBytes;
using manifest::Superblock;

namespace {

constexpr uint64_t kMaxSlotBytes = uint64_t{1} << 30;

Status in_file(const std::string& path, uint64_t offset, const Status& status) {
  return Status::make(status.code(),
                      path + " at " + std::to_string(offset) + ": " + status.message());
}

Status corruption(const std::string& path, uint64_t offset, const std::string& what) {
  return in_file(path, offset, Status::make(Code::kCorruption, what));
}

// What became of a failed write is unknown: nobody may take the edit for undone and try again.
Status as_final(Status status) {
  if (!status.is(Code::kNoSpace)) return status;
  return Status::make(Code::kIoError, "no room in preallocated blocks: " + status.message());
}

}  // namespace

struct Manifest::Rep {
  std::string slot_path(uint32_t slot) const {
    return path_join(dir, slot == 0 ? "edits-0" : "edits-1");
  }
  std::string super_path() const { return path_join(dir, "super"); }

  Status open_files(OpenMode mode);
  Status prepare_slot(uint32_t slot, uint64_t bytes);
  Status write_record(uint32_t slot, uint64_t at, uint64_t record_salt, uint64_t sequence,
                      Slice payload);
  Status write_swapped(Slice payload);
  Status write_checkpoint(const ManifestState& to_write);
  Status write_superblocks();
  Status read_superblocks();
  Status read_slot();
  Status read_to(uint64_t end);
  Status read_next_record();
  Status apply_records();
  void start_reading_end();
  Status finish_reading();
  Status check_nothing_follows(Slice bytes, uint64_t from) const;

  Runtime runtime;
  std::string dir;
  ManifestOptions options;
  std::unique_ptr<File> super;
  std::unique_ptr<File> slots[2];
  Superblock current;
  ManifestState state;
  uint64_t next_offset = 0;    // where the next record of the current slot goes
  uint64_t next_sequence = 0;  // and its number
  bool was_read = false;       // the current slot is an earlier life's
  Status failed;

  AlignedBuffer bytes;    // of the current slot, while it is read
  uint64_t read_end = 0;  // up to where they have been read, or are being read by end_op
  IoSlice end_slice;
  std::unique_ptr<IoOp> end_op;  // null: not under way

  std::string held;  // by write_swapped()
  uint64_t held_at = 0;
  uint64_t held_sequence = 0;
  uint64_t held_salt = 0;
};

Manifest::Manifest(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Manifest::~Manifest() {
  if (rep_->end_op != nullptr) rep_->end_op->wait();
}

const ManifestState& Manifest::state() const { return rep_->state; }

// Past the page cache, like the log: each write is of whole blocks and durable, and nothing is read
// again after opening. In the page cache a block belongs to as large a piece as the file was filled
// with (1 MiB), which Linux counts as written whenever one block of it is.
Status Manifest::Rep::open_files(OpenMode mode) {
  const OpenFlags flags{.direct = true};
  PGZ_ASSIGN(super, runtime.io->open(super_path(), mode, flags));
  for (uint32_t slot = 0; slot < 2; slot++) {
    PGZ_ASSIGN(slots[slot], runtime.io->open(slot_path(slot), mode, flags));
  }
  return Status::ok();
}

// Makes the slot's blocks real before they are needed, so that a full disk is met here, where
// nothing has changed yet.
Status Manifest::Rep::prepare_slot(uint32_t slot, uint64_t bytes) {
  PGZ_ASSIGN(const uint64_t size, slots[slot]->size());
  if (size >= bytes) return Status::ok();
  const uint64_t whole = size / kBlockBytes * kBlockBytes;  // a file cut anywhere else is no use
  PGZ_TRY(slots[slot]->zero_fill(whole, bytes - whole));
  return slots[slot]->sync();
}

Status Manifest::Rep::write_record(uint32_t slot, uint64_t at, uint64_t record_salt,
                                   uint64_t sequence, Slice payload) {
  AlignedBuffer buffer(manifest::record_bytes(payload.size()), kBlockBytes);
  manifest::encode_record(record_salt, sequence, payload, buffer.data());
  const IoSlice piece{buffer.data(), buffer.size()};
  return slots[slot]->write_durable(at, {&piece, 1});
}

// A planted bug: the first of two edits reaches the disk after the second.
Status Manifest::Rep::write_swapped(Slice payload) {
  if (held.empty() || held_salt != current.salt) {
    held.assign(payload);
    held_at = next_offset;
    held_sequence = next_sequence;
    held_salt = current.salt;
    return Status::ok();
  }
  PGZ_TRY(write_record(current.slot, next_offset, current.salt, next_sequence, payload));
  const std::string first = std::exchange(held, std::string());
  return write_record(current.slot, held_at, current.salt, held_sequence, first);
}

Status Manifest::Rep::write_superblocks() {
  const std::string block = current.encode();
  AlignedBuffer buffer(kBlockBytes, kBlockBytes);
  std::copy(block.begin(), block.end(), buffer.data());
  const IoSlice piece{buffer.data(), buffer.size()};
  // One after the other: at any moment one copy is whole.
  PGZ_TRY(super->write_durable(0, {&piece, 1}));
  return super->write_durable(kBlockBytes, {&piece, 1});
}

// Writes the whole state to the slot not in use and switches to it.
Status Manifest::Rep::write_checkpoint(const ManifestState& to_write) {
  std::string payload;
  to_write.snapshot().encode(&payload);
  const uint64_t need = manifest::record_bytes(payload.size());
  Superblock next = current;
  next.sequence++;
  next.slot = 1 - current.slot;
  next.salt = runtime.rng->next64();
  // Room for edits at least as large as the checkpoint, so that checkpoints stay rare.
  while (next.slot_bytes < 2 * need) next.slot_bytes *= 2;
  if (next.slot_bytes > kMaxSlotBytes) {
    return Status::make(Code::kNotSupported, slot_path(next.slot) + ": too many tables");
  }
  PGZ_TRY(prepare_slot(next.slot, next.slot_bytes));
  failed = as_final(write_record(next.slot, 0, next.salt, 0, payload));
  PGZ_TRY(failed);
  current = next;
  failed = as_final(write_superblocks());
  PGZ_TRY(failed);
  next_offset = need;
  next_sequence = 1;
  was_read = false;
  return Status::ok();
}

Result<std::unique_ptr<Manifest>> Manifest::create(const Runtime& runtime, const std::string& dir,
                                                   const ManifestOptions& options) {
  if (options.uuid.size() != manifest::kUuidBytes || options.slot_bytes == 0 ||
      options.slot_bytes % kBlockBytes != 0) {
    return Status::make(Code::kInvalidArgument, dir + ": bad manifest options");
  }
  PGZ_TRY(runtime.io->mkdir(dir));
  PGZ_ASSIGN(const std::vector<std::string> leftovers, runtime.io->list(dir));
  for (const std::string& name : leftovers) PGZ_TRY(runtime.io->remove(path_join(dir, name)));
  auto rep = std::make_unique<Rep>();
  rep->runtime = runtime;
  rep->dir = dir;
  rep->options = options;
  PGZ_TRY(rep->open_files(OpenMode::kCreateExclusive));
  rep->current.uuid = options.uuid;
  rep->current.slot = 1;  // the first checkpoint goes to slot 0
  rep->current.slot_bytes = options.slot_bytes;
  PGZ_TRY(rep->prepare_slot(1, options.slot_bytes));
  PGZ_TRY(rep->write_checkpoint(rep->state));
  PGZ_TRY(runtime.io->sync_dir(dir));
  return std::unique_ptr<Manifest>(new Manifest(std::move(rep)));
}

Status Manifest::Rep::read_superblocks() {
  Status problem[2];
  bool found = false;
  AlignedBuffer blocks(2 * kBlockBytes, kBlockBytes);
  PGZ_ASSIGN(const size_t got, super->read_some(0, blocks.data(), blocks.size()));
  for (uint64_t copy = 0; copy < 2; copy++) {
    Superblock superblock;
    Status status = got >= (copy + 1) * kBlockBytes
                        ? Superblock::decode(Slice(blocks.data() + copy * kBlockBytes, kBlockBytes),
                                             &superblock)
                        : Status::make(Code::kCorruption, "cut off");
    if (!status.is_ok()) {
      problem[copy] = in_file(super_path(), copy * kBlockBytes, status);
      continue;
    }
    if (!found || superblock.sequence > current.sequence) current = superblock;
    found = true;
  }
  for (const Status& status : problem) {
    // A newer version's superblock must not be overruled by an older copy.
    if (status.is(Code::kNotSupported)) return status;
  }
  if (!found) return problem[0];
  if (current.uuid != options.uuid) {
    return Status::make(Code::kCorruption,
                        super_path() + ": the manifest belongs to another database");
  }
  return Status::ok();
}

// A bad record that valid ones follow is damage, not a torn end. So are many bad ones: a crash
// tears one, and a checksum for each of those that claim the whole slot would take for ever.
Status Manifest::Rep::check_nothing_follows(Slice bytes, uint64_t from) const {
  uint64_t claimed = 0;
  for (uint64_t at = from + kBlockBytes; at < bytes.size(); at += kBlockBytes) {
    const Slice rest = bytes.substr(at);
    if (!manifest::begins_record(rest, current.salt)) continue;
    claimed += std::min<uint64_t>(manifest::claimed_bytes(rest), rest.size());
    if (claimed > 2 * bytes.size()) {
      return corruption(slot_path(current.slot), from,
                        "bad edits that overlap, one of them at " + std::to_string(at));
    }
    uint64_t sequence = 0;
    Slice payload;
    if (manifest::decode_record(rest, current.salt, &sequence, &payload) &&
        sequence > next_sequence) {
      return corruption(slot_path(current.slot), from,
                        "bad edit before a good one at " + std::to_string(at));
    }
  }
  return Status::ok();
}

Status Manifest::Rep::read_to(uint64_t end) {
  PGZ_TRY(slots[current.slot]->read(read_end, bytes.data() + read_end, end - read_end));
  read_end = end;
  return Status::ok();
}

// What stands at next_offset, as far as its length goes.
Status Manifest::Rep::read_next_record() {
  if (next_offset == read_end) PGZ_TRY(read_to(std::min<uint64_t>(bytes.size(), 2 * read_end)));
  const uint64_t claimed =
      manifest::claimed_bytes({bytes.data() + next_offset, read_end - next_offset});
  const uint64_t end = std::min<uint64_t>(bytes.size(), next_offset + claimed);
  return end <= read_end ? Status::ok() : read_to(end);
}

// Up to the first record that is not one.
Status Manifest::Rep::apply_records() {
  const std::string path = slot_path(current.slot);
  while (next_offset < bytes.size()) {
    uint64_t sequence = 0;
    Slice payload;
    PGZ_TRY(read_next_record());
    const Slice rest(bytes.data() + next_offset, read_end - next_offset);
    if (!manifest::decode_record(rest, current.salt, &sequence, &payload) ||
        sequence != next_sequence) {
      return next_sequence == 0 ? corruption(path, 0, "bad checkpoint") : Status::ok();
    }
    VersionEdit edit;
    Status status;
    if (manifest::has_unknown_fields(rest)) {
      status = Status::make(Code::kNotSupported, "an edit uses a feature of a newer version");
    }
    if (status.is_ok()) status = VersionEdit::decode(payload, &edit);
    if (status.is_ok()) status = state.apply(edit);
    if (!status.is_ok()) return in_file(path, next_offset, status);
    next_offset += manifest::record_bytes(payload.size());
    next_sequence++;
  }
  return Status::ok();
}

void Manifest::Rep::start_reading_end() {
  end_slice = {bytes.data() + read_end, bytes.size() - read_end};
  end_op = std::make_unique<IoOp>();
  end_op->kind = IoOp::Kind::kRead;
  end_op->offset = read_end;
  end_op->slices = {&end_slice, 1};
  slots[current.slot]->start(end_op.get());
}

// Most of a slot is not in use: what is comes first, and tables can be opened while the rest is
// read.
Status Manifest::Rep::read_slot() {
  constexpr uint64_t kFirstBytes = 64 << 10;
  if (current.slot_bytes == 0 || current.slot_bytes > kMaxSlotBytes) {
    return corruption(super_path(), 0, "bad slot size");
  }
  // Before memory is taken for it.
  PGZ_ASSIGN(const uint64_t size, slots[current.slot]->size());
  if (size < current.slot_bytes) {
    return corruption(slot_path(current.slot), size, "the slot is cut off");
  }
  bytes = AlignedBuffer(current.slot_bytes, kBlockBytes);
  next_offset = 0;
  next_sequence = 0;
  PGZ_TRY(read_to(std::min(kFirstBytes, current.slot_bytes)));
  PGZ_TRY(apply_records());
  if (read_end < bytes.size()) start_reading_end();
  return options.reads_end_later ? Status::ok() : finish_reading();
}

Status Manifest::Rep::finish_reading() {
  if (bytes.size() == 0) return Status::ok();
  if (end_op != nullptr) {
    end_op->wait();
    failed = std::move(end_op->status);
    if (failed.is_ok() && end_op->transferred < end_slice.size) {
      failed = corruption(slot_path(current.slot), read_end, "the slot is cut off");
    }
    end_op.reset();
  }
  if (failed.is_ok()) {
    failed = check_nothing_follows({bytes.data(), bytes.size()}, next_offset);
  }
  bytes = AlignedBuffer();
  return failed;
}

Result<std::unique_ptr<Manifest>> Manifest::open(const Runtime& runtime, const std::string& dir,
                                                 const ManifestOptions& options) {
  auto rep = std::make_unique<Rep>();
  rep->runtime = runtime;
  rep->dir = dir;
  rep->options = options;
  PGZ_TRY(rep->open_files(OpenMode::kReadWrite));
  PGZ_TRY(rep->read_superblocks());
  PGZ_TRY(rep->read_slot());
  rep->was_read = true;
  return std::unique_ptr<Manifest>(new Manifest(std::move(rep)));
}

Status Manifest::finish_reading() { return rep_->finish_reading(); }

Status Manifest::settle() { return rep_->was_read ? append(VersionEdit()) : Status::ok(); }

Status Manifest::append(const VersionEdit& edit) {
  Rep& rep = *rep_;
  PGZ_TRY(finish_reading());
  PGZ_TRY(rep.failed);
  ManifestState next = rep.state;
  PGZ_TRY(next.apply(edit));
  std::string payload;
  edit.encode(&payload);
  const uint64_t need = manifest::record_bytes(payload.size());
  if (rep.was_read || need > rep.current.slot_bytes - rep.next_offset) {
    PGZ_TRY(rep.write_checkpoint(next));
  } else {
    rep.failed = as_final(PGZ_PLANTED(kSwapEdits)
                              ? rep.write_swapped(payload)
                              : rep.write_record(rep.current.slot, rep.next_offset,
                                                 rep.current.salt, rep.next_sequence, payload));
    PGZ_TRY(rep.failed);
    rep.next_offset += need;
    rep.next_sequence++;
  }
  rep.state = std::move(next);
  return Status::ok();
}

}  // namespace pgz
