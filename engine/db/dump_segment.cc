#include <algorithm>
#include <vector>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/db/dump_format.h"
#include "engine/vlog/compress.h"
#include "engine/vlog/format.h"
#include "engine/vlog/vlog.h"

namespace pgz::dump {

namespace {

// One value, its checksum found right.
void show_value(Report* report, uint32_t slot, const SegmentEntry& entry, Slice stored) {
  std::string what =
      "slot " + std::to_string(slot) + ", " + std::to_string(entry.length) + " bytes";
  std::string raw;
  if (entry.is_compressed) {
    if (!uncompress_value(stored, &raw)) {
      report->damaged(entry.offset,
                      "the value in slot " + std::to_string(slot) + " does not uncompress");
      return;
    }
    what += " (" + std::to_string(raw.size()) + " unpacked)";
    stored = raw;
  }
  if (report->entries()) {
    report->line("  " + padded(entry.offset, 8) + "  " + what + " " + quoted(stored));
  }
}

// Compares each value with the checksum the directory has of it.
Status check_values(Report* report, File* file, const vlog::Footer& footer, Slice directory) {
  std::string stored;
  uint32_t empty = 0;
  uint32_t compressed = 0;
  for (uint32_t slot = 0; slot < footer.meta.slots; ++slot) {
    const SegmentEntry entry =
        vlog::get_entry(directory.data() + size_t{slot} * vlog::kEntryBytes, footer.features);
    if (entry.length == 0) {
      ++empty;
      continue;
    }
    if (uint64_t{entry.offset} + entry.length > footer.directory_offset) {
      report->damaged(footer.directory_offset,
                      "the value of slot " + std::to_string(slot) + " reaches out of the segment");
      continue;
    }
    compressed += entry.is_compressed ? 1 : 0;
    stored.resize(entry.length);
    PGZ_TRY(file->read(entry.offset, stored.data(), entry.length));
    if (value_crc(footer.meta.id, slot, stored) != entry.crc) {
      report->damaged(entry.offset,
                      "checksum mismatch of the value in slot " + std::to_string(slot));
      continue;
    }
    show_value(report, slot, entry, stored);
  }
  report->line("  " + std::to_string(empty) + " slots are empty" +
               (footer.features == 0
                    ? std::string()
                    : ", " + std::to_string(compressed) + " values are compressed"));
  return Status::ok();
}

// A whole header and no footer: commits write to it, or did so last. The log has its directory.
bool is_open_segment(Report* report, File* file) {
  const uint64_t number = segment_file_number(report->path().substr(report->path().rfind('/') + 1));
  SegmentMeta meta;
  meta.id = meta.file = number;
  std::string header(vlog::kHeaderBytes, '\0');
  if (!file->read(0, header.data(), header.size()).is_ok() ||
      !vlog::check_header(header, report->path(), meta).is_ok()) {
    return false;
  }
  report->line("  segment " + std::to_string(number) +
               ", open or cut off: no directory, the log says what is in it");
  return true;
}

}  // namespace

Status segment(Report* report, File* file, uint64_t size) {
  report->line(report->path() + ": value segment, " + std::to_string(size) + " bytes");
  if (size < vlog::kHeaderBytes + vlog::kFooterBytes) {
    // An open one that has no value yet is its header.
    if (!is_open_segment(report, file)) report->damaged(0, "too short for a segment");
    return Status::ok();
  }
  std::string bytes(vlog::kFooterBytes, '\0');
  const uint64_t footer_at = size - bytes.size();
  PGZ_TRY(file->read(footer_at, bytes.data(), bytes.size()));
  vlog::Footer footer;
  if (const Status s = vlog::Footer::decode(bytes, report->path(), &footer); !s.is_ok()) {
    if (!is_open_segment(report, file)) report->damaged(footer_at, s);
    return Status::ok();
  }
  const SegmentMeta& meta = footer.meta;
  report->line("  segment " + std::to_string(meta.id) + ", file " + std::to_string(meta.file) +
               ", " + std::to_string(meta.values) + " values of " +
               std::to_string(meta.value_bytes) + " bytes in " + std::to_string(meta.slots) +
               " slots, directory at " + std::to_string(footer.directory_offset));
  if (meta.file_bytes != size) {
    report->damaged(footer_at, "the footer says " + std::to_string(meta.file_bytes) + " bytes");
    return Status::ok();
  }
  std::string header(vlog::kHeaderBytes, '\0');
  PGZ_TRY(file->read(0, header.data(), header.size()));
  if (const Status s = vlog::check_header(header, report->path(), meta); !s.is_ok()) {
    report->damaged(0, s);
  }
  std::string directory(size_t{meta.slots} * vlog::kEntryBytes, '\0');
  PGZ_TRY(file->read(footer.directory_offset, directory.data(), directory.size()));
  if (crc32c(0, directory.data(), directory.size()) != footer.directory_crc) {
    report->damaged(footer.directory_offset, "directory checksum mismatch");
    return Status::ok();
  }
  return check_values(report, file, footer, directory);
}

}  // namespace pgz::dump
