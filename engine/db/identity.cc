#include "engine/db/identity.h"

#include <cstring>
#include <memory>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/io/io.h"

namespace pgz {

namespace {

constexpr char kMagic[] = "pgzident";
constexpr size_t kMagicBytes = sizeof(kMagic) - 1;
constexpr size_t kUuidAt = 16;
constexpr size_t kCreatedAt = 32;
constexpr size_t kCrcAt = 44;
constexpr size_t kFileBytes = 48;

std::string path_of(const std::string& dir) { return path_join(dir, "IDENTITY"); }

}  // namespace

Status decode_identity(Slice bytes, const std::string& path, Identity* identity) {
  if (bytes.size() < kMagicBytes + 4 || std::memcmp(bytes.data(), kMagic, kMagicBytes) != 0) {
    return Status::make(Code::kCorruption, path + ": not an identity file");
  }
  const uint32_t version = get_fixed32(bytes.data() + kMagicBytes);
  if (version > kFormatVersion) {
    return Status::make(Code::kNotSupported, path + ": format version " + std::to_string(version) +
                                                 " is newer than this program's " +
                                                 std::to_string(kFormatVersion));
  }
  if (bytes.size() != kFileBytes ||
      get_fixed32(bytes.data() + kCrcAt) != crc32c(0, bytes.data(), kCrcAt)) {
    return Status::make(Code::kCorruption, path + ": checksum does not match");
  }
  std::memcpy(identity->uuid.data(), bytes.data() + kUuidAt, identity->uuid.size());
  identity->created_wall_micros = get_fixed64(bytes.data() + kCreatedAt);
  return Status::ok();
}

Result<Identity> read_identity_file(Io* io, const std::string& path) {
  PGZ_ASSIGN(auto file, io->open(path, OpenMode::kRead));
  char bytes[kFileBytes];
  PGZ_ASSIGN(const size_t n, file->read_some(0, bytes, sizeof(bytes)));
  Identity identity;
  PGZ_TRY(decode_identity(Slice(bytes, n), path, &identity));
  return identity;
}

Result<Identity> read_identity(const Runtime& runtime, const std::string& dir) {
  return read_identity_file(runtime.io, path_of(dir));
}

Status write_identity(const Runtime& runtime, const std::string& dir, const Identity& identity) {
  char bytes[kFileBytes] = {};
  std::memcpy(bytes, kMagic, kMagicBytes);
  put_fixed32(bytes + kMagicBytes, kFormatVersion);
  std::memcpy(bytes + kUuidAt, identity.uuid.data(), identity.uuid.size());
  put_fixed64(bytes + kCreatedAt, identity.created_wall_micros);
  put_fixed32(bytes + kCrcAt, crc32c(0, bytes, kCrcAt));
  // Under another name first: IDENTITY is there whole or not at all.
  const std::string path = path_of(dir);
  const std::string fresh = path + ".new";
  {
    PGZ_ASSIGN(auto file, runtime.io->open(fresh, OpenMode::kCreate));
    PGZ_TRY(file->truncate(0));
    PGZ_TRY(file->write(0, bytes, sizeof(bytes)));
    PGZ_TRY(file->sync());
  }
  // What was made before must not be lost where the identity survives.
  PGZ_TRY(runtime.io->sync_dir(dir));
  PGZ_TRY(runtime.io->rename(fresh, path));
  return runtime.io->sync_dir(dir);
}

}  // namespace pgz
