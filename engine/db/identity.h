// DIR/IDENTITY: which database this is and in which format its files are. Written last when a
// database is created: a directory without it was never one.
//
// Format, 48 bytes: "pgzident" | u32 version | u32 zero | uuid[16] | u64 creation wall micros |
// u32 zero | u32 CRC32C of what stands before; numbers little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/base/runtime.h"
#include "engine/base/slice.h"
#include "engine/base/status.h"

namespace pgz {

inline constexpr uint32_t kFormatVersion = 1;

struct Identity {
  std::array<uint8_t, 16> uuid{};
  uint64_t created_wall_micros = 0;
};

// kNotFound: there is none. kCorruption; kNotSupported: a newer version wrote it.
Result<Identity> read_identity(const Runtime& runtime, const std::string& dir);
Result<Identity> read_identity_file(Io* io, const std::string& path);
// `path` is for messages.
Status decode_identity(Slice bytes, const std::string& path, Identity* identity);
// Makes it durable, its name included, after everything else in the directory.
Status write_identity(const Runtime& runtime, const std::string& dir, const Identity& identity);

}  // namespace pgz
