#include "engine/db/dump.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "engine/base/coding.h"
#include "engine/db/dump_format.h"
#include "engine/db/identity.h"
#include "engine/lsm/manifest_format.h"
#include "engine/sst/format.h"
#include "engine/sst/internal_key.h"

namespace pgz {
namespace dump {

namespace {

constexpr size_t kShownBytes = 40;

}  // namespace

void Report::damaged(uint64_t offset, const Status& why) {
  line("DAMAGED at " + std::to_string(offset) + ": " + why.message());
  if (!status_.is_ok()) return;
  const bool named = why.message().find(path_) != std::string::npos;
  status_ = Status::make(
      why.code(),
      named ? why.message() : path_ + " at " + std::to_string(offset) + ": " + why.message());
}

std::string quoted(Slice bytes) {
  std::string out = "\"";
  for (char c : bytes.substr(0, kShownBytes)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out.push_back(c);
      continue;
    }
    char hex[8];
    std::snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned char>(c));
    out += hex;
  }
  out.push_back('"');
  if (bytes.size() > kShownBytes) out += "... (" + std::to_string(bytes.size()) + " bytes)";
  return out;
}

std::string uuid_text(Slice bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    char hex[4];
    std::snprintf(hex, sizeof(hex), "%02x", static_cast<unsigned char>(bytes[i]));
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out += hex;
  }
  return out;
}

std::string wall_time(uint64_t micros) {
  const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm parts{};
  char text[40];
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) == 0) {
    return std::to_string(micros) + " us";
  }
  char fraction[16];
  std::snprintf(fraction, sizeof(fraction), ".%06u", static_cast<unsigned>(micros % 1'000'000));
  return std::string(text) + fraction + " UTC";
}

std::string padded(uint64_t number, int width) {
  char text[32];
  std::snprintf(text, sizeof(text), "%*llu", width, static_cast<unsigned long long>(number));
  return text;
}

std::string internal_key_text(Slice internal_key) {
  if (internal_key.size() < kTrailerBytes) return quoted(internal_key) + " (too short)";
  const uint64_t trailer = load_trailer(internal_key);
  std::string kind;
  switch (trailer_kind(trailer)) {
    case Kind::kValue:
      kind = "put";
      break;
    case Kind::kTombstone:
      kind = "delete";
      break;
    case Kind::kMovedTombstone:
      kind = "move";
      break;
    default:
      kind = "kind " + std::to_string(static_cast<int>(trailer_kind(trailer)));
  }
  return quoted(user_key_of(internal_key)) + " " + kind + " at " +
         std::to_string(trailer_ts(trailer));
}

Status identity(Report* report, Slice bytes) {
  Identity identity;
  const Status s = decode_identity(bytes, report->path(), &identity);
  report->line(report->path() + ": identity of a database, " + std::to_string(bytes.size()) +
               " bytes");
  if (!s.is_ok()) {
    report->damaged(0, s);
    return Status::ok();
  }
  const Slice uuid(reinterpret_cast<const char*>(identity.uuid.data()), identity.uuid.size());
  report->line("  version " + std::to_string(get_fixed32(bytes.data() + 8)) + ", uuid " +
               uuid_text(uuid));
  report->line("  created " + wall_time(identity.created_wall_micros));
  return Status::ok();
}

namespace {

enum class Format : uint8_t { kUnknown, kIdentity, kSuper, kEdits, kTable, kSegment, kSlot };

// Files up to this size are read whole.
constexpr uint64_t kWholeBytesMax = uint64_t{1} << 30;

bool ends_with(const std::string& path, const char* suffix) {
  const size_t n = std::strlen(suffix);
  return path.size() >= n && path.compare(path.size() - n, n, suffix) == 0;
}

// The name decides where the bytes do not: a damaged file has the format of its name.
Format format_of(const std::string& path, Slice head, Slice tail) {
  if (head.substr(0, 8) == "pgzident") return Format::kIdentity;
  if (manifest::is_superblock(head)) return Format::kSuper;
  if (tail.size() == 8 && get_fixed64(tail.data()) == sst::kTableMagic) return Format::kTable;
  if (ends_with(path, "IDENTITY")) return Format::kIdentity;
  if (ends_with(path, "/super") || path == "super") return Format::kSuper;
  if (ends_with(path, "edits-0") || ends_with(path, "edits-1")) return Format::kEdits;
  if (ends_with(path, ".sst")) return Format::kTable;
  if (ends_with(path, ".seg")) return Format::kSegment;
  if (ends_with(path, ".slot")) return Format::kSlot;
  return Format::kUnknown;
}

}  // namespace
}  // namespace dump

Status dump_file(Io* io, const std::string& path, const DumpOptions& options, std::string* text) {
  PGZ_ASSIGN(std::unique_ptr<File> file, io->open(path, OpenMode::kRead));
  PGZ_ASSIGN(const uint64_t size, file->size());
  std::string head(std::min<uint64_t>(size, 16), '\0');
  std::string tail(size >= 8 ? 8 : 0, '\0');
  PGZ_TRY(file->read(0, head.data(), head.size()));
  if (!tail.empty()) PGZ_TRY(file->read(size - tail.size(), tail.data(), tail.size()));
  dump::Report report(io, path, options, text);
  const dump::Format format = dump::format_of(path, head, tail);
  if (format == dump::Format::kUnknown) {
    return Status::make(Code::kInvalidArgument,
                        path + ": no file of a database (by its name and its first bytes)");
  }
  if (format == dump::Format::kTable) {
    PGZ_TRY(dump::table(&report, std::move(file), size));
    return report.status();
  }
  if (format == dump::Format::kSegment) {
    PGZ_TRY(dump::segment(&report, file.get(), size));
    return report.status();
  }
  if (format == dump::Format::kSlot) {
    PGZ_TRY(dump::log_slot(&report, file.get(), size));
    return report.status();
  }
  if (size > dump::kWholeBytesMax) {
    return Status::make(Code::kInvalidArgument, path + ": too large for a file of its kind");
  }
  std::string bytes(size, '\0');
  PGZ_TRY(file->read(0, bytes.data(), bytes.size()));
  if (format == dump::Format::kIdentity) PGZ_TRY(dump::identity(&report, bytes));
  if (format == dump::Format::kSuper) PGZ_TRY(dump::superblocks(&report, bytes));
  if (format == dump::Format::kEdits) PGZ_TRY(dump::edits(&report, bytes));
  return report.status();
}

}  // namespace pgz
