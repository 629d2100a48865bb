#include <algorithm>

#include "engine/base/coding.h"
#include "engine/db/dump_format.h"
#include "engine/lsm/manifest.h"
#include "engine/lsm/manifest_format.h"

namespace pgz::dump {

namespace {

using manifest::kBlockBytes;

std::string drop_text(const RangeDrop& drop) {
  return quoted(drop.begin) + " to " + (drop.end.empty() ? "the end" : quoted(drop.end)) + " at " +
         std::to_string(drop.ts);
}

void show_edit(Report* report, const VersionEdit& edit) {
  for (const auto& [level, number] : edit.removed) {
    report->line("      remove level " + std::to_string(level) + " table " +
                 std::to_string(number));
  }
  for (const auto& [level, meta] : edit.added) {
    report->line("      add level " + std::to_string(level) + " table " +
                 std::to_string(meta.number) + ": " + std::to_string(meta.file_bytes) + " bytes, " +
                 std::to_string(meta.entries) + " entries, " + std::to_string(meta.tombstones) +
                 " tombstones, timestamps " + std::to_string(meta.min_ts) + " to " +
                 std::to_string(meta.max_ts) +
                 (meta.global_ts != 0 ? ", all at " + std::to_string(meta.global_ts) : "") + ", " +
                 quoted(meta.smallest) + " to " + quoted(meta.largest));
  }
  for (const uint64_t id : edit.segments_removed) {
    report->line("      remove segment " + std::to_string(id));
  }
  for (const SegmentMeta& meta : edit.segments_added) {
    report->line("      add segment " + std::to_string(meta.id) + ": file " +
                 std::to_string(meta.file) + ", " + std::to_string(meta.file_bytes) + " bytes, " +
                 std::to_string(meta.values) + " values of " + std::to_string(meta.value_bytes) +
                 " bytes in " + std::to_string(meta.slots) + " slots");
  }
  for (const RangeDrop& drop : edit.drops_added) report->line("      drop " + drop_text(drop));
  for (const RangeDrop& drop : edit.drops_removed) {
    report->line("      forget drop " + drop_text(drop));
  }
  for (const auto& [name, next] : edit.counters) {
    report->line("      counter " + quoted(name) + " next " + std::to_string(next));
  }
  for (const std::string& name : edit.counters_erased) {
    report->line("      forget counter " + quoted(name));
  }
  if (edit.flushed_lsn) report->line("      log flushed to " + std::to_string(*edit.flushed_lsn));
  if (edit.last_ts) report->line("      last timestamp " + std::to_string(*edit.last_ts));
  if (edit.log_end) report->line("      log durable to " + std::to_string(*edit.log_end));
  if (edit.next_file_number) {
    report->line("      next file " + std::to_string(*edit.next_file_number));
  }
}

}  // namespace

Status superblocks(Report* report, Slice bytes) {
  report->line(report->path() + ": manifest superblock, " + std::to_string(bytes.size()) +
               " bytes, two copies");
  for (uint64_t copy = 0; copy < 2; ++copy) {
    const uint64_t at = copy * kBlockBytes;
    manifest::Superblock super;
    const Slice block = bytes.substr(std::min<uint64_t>(at, bytes.size()), kBlockBytes);
    if (const Status s = manifest::Superblock::decode(block, &super); !s.is_ok()) {
      report->damaged(at, s);
      continue;
    }
    report->line("  " + padded(at, 8) + "  uuid " + uuid_text(super.uuid) + ", sequence " +
                 std::to_string(super.sequence) + ", edits-" + std::to_string(super.slot) + " of " +
                 std::to_string(super.slot_bytes) + " bytes, salt " + std::to_string(super.salt));
  }
  return Status::ok();
}

// Which salt counts stands in the superblock; the first record's is the slot's, and records of
// other salts are left over from an earlier use.
Status edits(Report* report, Slice bytes) {
  report->line(report->path() + ": manifest edits, " + std::to_string(bytes.size()) + " bytes");
  if (bytes.empty() || bytes.size() % kBlockBytes != 0) {
    report->damaged(bytes.size(), "the file is cut off");
  }
  constexpr size_t kSaltAt = 8;
  const uint64_t salt = bytes.size() >= kBlockBytes ? get_fixed64(bytes.data() + kSaltAt) : 0;
  uint64_t expected = 0;
  uint64_t left_over = 0;
  for (uint64_t at = 0; at + kBlockBytes <= bytes.size();) {
    const Slice rest = bytes.substr(at);
    uint64_t sequence = 0;
    Slice payload;
    if (!manifest::decode_record(rest, salt, &sequence, &payload)) {
      const Slice block = rest.substr(0, kBlockBytes);
      const bool is_empty =
          std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
      if (!is_empty && get_fixed64(block.data() + kSaltAt) != salt) ++left_over;
      if (at == 0 && !is_empty) report->damaged(at, "no valid checkpoint");
      if (at != 0 && !is_empty && get_fixed64(block.data() + kSaltAt) == salt) {
        report->damaged(at, "bad edit (or one that was being written when the machine stopped)");
      }
      at += kBlockBytes;
      continue;
    }
    report->line("  " + padded(at, 8) + "  " + (sequence == 0 ? "checkpoint" : "edit") +
                 ", sequence " + std::to_string(sequence) + ", " + std::to_string(payload.size()) +
                 " bytes, salt " + std::to_string(salt));
    if (sequence != expected) {
      report->damaged(at, "sequence " + std::to_string(sequence) + " where " +
                              std::to_string(expected) + " should stand");
    }
    VersionEdit edit;
    if (const Status s = VersionEdit::decode(payload, &edit); s.is_ok()) {
      show_edit(report, edit);
    } else {
      report->damaged(at, s);
    }
    expected = sequence + 1;
    at += manifest::record_bytes(payload.size());
  }
  if (left_over > 0) {
    report->line("  " + std::to_string(left_over) + " blocks are left over from earlier uses");
  }
  return Status::ok();
}

}  // namespace pgz::dump
