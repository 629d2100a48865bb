#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/base/coding.h"
#include "engine/db/dump_format.h"
#include "engine/db/identity.h"
#include "engine/db/record.h"
#include "engine/log/format.h"

namespace pgz::dump {

namespace {

using log::BlockHeader;
using log::BlockKind;
using log::FragmentType;
using log::kBlockBytes;
using log::kBlockHeaderBytes;

// Shows a commit record as it is parsed.
class CommitText final : public CommitVisitor {
 public:
  explicit CommitText(Report* report) : report_(report) {}
  Status begin(uint64_t ts, uint64_t wall_micros) override {
    head_ = "commit at " + std::to_string(ts) + ", " + wall_time(wall_micros);
    return Status::ok();
  }
  Status drop(Slice begin, Slice end) override {
    lines_.push_back("drop " + quoted(begin) + " to " + (end.empty() ? "the end" : quoted(end)));
    return Status::ok();
  }
  Status runs(std::vector<RunFile> runs) override {
    for (const RunFile& run : runs) {
      lines_.push_back("run: table " + std::to_string(run.number) + ", " +
                       std::to_string(run.entries) + " entries, " + quoted(run.smallest) + " to " +
                       quoted(run.largest));
    }
    return Status::ok();
  }
  Status write(Kind kind, Slice key, Slice value) override {
    ++writes_;
    if (!report_->entries()) return Status::ok();
    std::string line = kind == Kind::kValue            ? "put "
                       : kind == Kind::kTombstone      ? "delete "
                       : kind == Kind::kMovedTombstone ? "move "
                       : kind == Kind::kValuePointer
                           ? "placed "
                           : "kind " + std::to_string(static_cast<int>(kind)) + " ";
    line += quoted(key);
    if (kind != Kind::kTombstone) line += " " + quoted(value);
    lines_.push_back(std::move(line));
    return Status::ok();
  }
  Status end() override { return Status::ok(); }

  void show(const std::string& indent) {
    report_->line(indent + head_ + ", " + std::to_string(writes_) + " writes");
    for (const std::string& line : lines_) report_->line(indent + "  " + line);
  }

 private:
  Report* const report_;
  std::string head_;
  std::vector<std::string> lines_;
  uint64_t writes_ = 0;
};

class SlotDump {
 public:
  SlotDump(Report* report, const log::Uuid& uuid, uint64_t size)
      : report_(report), uuid_(uuid), size_(size) {}

  void block(uint64_t offset, const char* bytes);
  void finish();

 private:
  void run_of_zeros_ends();
  void chain_breaks();
  void slot_header(uint64_t offset, const BlockHeader& h, Slice payload);
  void data(uint64_t offset, const BlockHeader& h, Slice payload);
  void record(uint64_t offset, Slice bytes);

  Report* const report_;
  const log::Uuid uuid_;
  const uint64_t size_;
  uint64_t zeros_ = 0;
  uint64_t zeros_from_ = 0;
  std::optional<BlockHeader> first_;
  std::optional<BlockHeader> last_;
  bool in_record_ = false;
  std::string record_;
  // Blocks that are not whole: an earlier use's end, the log's end or damage, which only a whole
  // block behind them that knows of their durability tells.
  std::vector<std::pair<uint64_t, uint64_t>> bad_;  // offset, log position
};

void SlotDump::run_of_zeros_ends() {
  if (zeros_ == 0) return;
  report_->line("  " + padded(zeros_from_, 8) + "  " + std::to_string(zeros_) + " blocks of zeros");
  zeros_ = 0;
}

// What stands behind goes on with no record that began before.
void SlotDump::chain_breaks() {
  if (in_record_) report_->line("            the rest of a record is missing");
  in_record_ = false;
}

void SlotDump::slot_header(uint64_t offset, const BlockHeader& h, Slice payload) {
  const auto header = log::parse_slot_header(payload);
  if (!header) {
    report_->damaged(offset, "the slot header makes no sense");
    return;
  }
  report_->line("  " + padded(offset, 8) + "  slot header, epoch " + std::to_string(h.epoch) +
                ", position " + std::to_string(h.position) + ", durable " +
                std::to_string(h.durable_lsn) + ", " + std::to_string(header->slot_bytes) +
                " bytes, follows epoch " + std::to_string(header->prev_epoch) + " up to " +
                std::to_string(header->accepted_end) +
                (header->after_recovery ? ", after a recovery" : ""));
  if (header->slot_bytes != size_) {
    report_->damaged(size_, "the file is cut off, or is not as long as its slot header says");
  }
}

void SlotDump::record(uint64_t offset, Slice bytes) {
  const std::string indent = "            ";
  RecordType type{};
  Status s = parse_record_type(bytes, &type);
  if (s.is_ok() && type == RecordType::kCommit) {
    CommitText text(report_);
    s = parse_commit(bytes, &text);
    if (s.is_ok()) text.show(indent);
  } else if (s.is_ok()) {
    Slice name;
    uint64_t next = 0;
    s = parse_counter(bytes, &name, &next);
    if (s.is_ok()) {
      report_->line(indent + "counter " + quoted(name) + " next " + std::to_string(next));
    }
  }
  if (!s.is_ok()) report_->damaged(offset, s);
}

void SlotDump::data(uint64_t offset, const BlockHeader& h, Slice payload) {
  report_->line("  " + padded(offset, 8) + "  data, epoch " + std::to_string(h.epoch) +
                ", position " + std::to_string(h.position) + ", durable " +
                std::to_string(h.durable_lsn) + ", " + std::to_string(payload.size()) + " bytes");
  while (!payload.empty()) {
    log::Fragment fragment;
    if (!log::take_fragment(&payload, &fragment)) {
      report_->damaged(offset, "malformed log fragment");
      return;
    }
    const bool begins =
        fragment.type == FragmentType::kFull || fragment.type == FragmentType::kFirst;
    if (begins) {
      record_.clear();
      in_record_ = true;
    }
    if (!in_record_) {
      report_->line("            the rest of a record that began before");
      continue;
    }
    record_.append(fragment.bytes);
    if (fragment.type == FragmentType::kFull || fragment.type == FragmentType::kLast) {
      record(offset, record_);
      in_record_ = false;
    }
  }
}

void SlotDump::block(uint64_t offset, const char* bytes) {
  if (std::all_of(bytes, bytes + kBlockBytes, [](char c) { return c == '\0'; })) {
    if (zeros_++ == 0) zeros_from_ = offset;
    return;
  }
  run_of_zeros_ends();
  const auto h = log::parse_block(bytes, uuid_);
  if (!h) {
    const uint64_t position = first_ ? first_->position + offset : 0;
    report_->line("  " + padded(offset, 8) + "  no valid log block");
    chain_breaks();
    bad_.emplace_back(offset, position);
    if (offset == 0) report_->damaged(offset, "the slot's first block is not valid");
    return;
  }
  if (offset == 0) first_ = h;
  const bool old = first_ && h->epoch != first_->epoch;
  if (old) {
    report_->line("  " + padded(offset, 8) + "  left over from epoch " + std::to_string(h->epoch));
    return;
  }
  if (last_ && h->prev != last_->checksum) {
    report_->line("  " + padded(offset, 8) + "  does not continue the block before it");
    chain_breaks();
  }
  last_ = h;
  const Slice payload(bytes + kBlockHeaderBytes, h->length);
  if (h->kind == BlockKind::kSlotHeader) slot_header(offset, *h, payload);
  if (h->kind == BlockKind::kData) data(offset, *h, payload);
  if (h->kind == BlockKind::kSeal) {
    report_->line("  " + padded(offset, 8) + "  seal, position " + std::to_string(h->position) +
                  ", durable " + std::to_string(h->durable_lsn));
  }
}

void SlotDump::finish() {
  run_of_zeros_ends();
  if (in_record_) report_->line("            a record goes on in another slot, or was cut off");
  if (!last_) return;
  for (const auto& [offset, position] : bad_) {
    if (offset == 0 || position >= last_->durable_lsn) continue;
    report_->damaged(offset, "no valid log block, but the log was durable up to position " +
                                 std::to_string(last_->durable_lsn) + "; position here is " +
                                 std::to_string(position));
  }
}

std::string parent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Status log_slot(Report* report, File* file, uint64_t size) {
  const std::string folder = parent(report->path());
  const std::string identity_path = path_join(folder == "." ? ".." : parent(folder), "IDENTITY");
  Result<Identity> identity = read_identity_file(report->io(), identity_path);
  if (!identity.is_ok()) {
    return Status::make(identity.code(),
                        report->path() +
                            ": the checksums of a log slot need the identity of its "
                            "database: " +
                            identity.status().message());
  }
  report->line(report->path() + ": log slot, " + std::to_string(size) + " bytes");
  if (size % kBlockBytes != 0 || size < 2 * kBlockBytes) {
    report->damaged(size, "the file is cut off");
  }
  SlotDump dump(report, identity.value().uuid, size);
  constexpr uint64_t kBlocksPerRead = 256;
  std::string buffer(kBlocksPerRead * kBlockBytes, '\0');
  for (uint64_t at = 0; at < size;) {
    PGZ_ASSIGN(const size_t got, file->read_some(at, buffer.data(), buffer.size()));
    if (got == 0) break;
    for (size_t i = 0; i + kBlockBytes <= got; i += kBlockBytes) dump.block(at + i, &buffer[i]);
    at += got;
  }
  dump.finish();
  return Status::ok();
}

}  // namespace pgz::dump
