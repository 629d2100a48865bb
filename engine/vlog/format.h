// Bytes of a segment file around its values: header and footer. Private to the room.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/vlog/vlog.h"

namespace pgz::vlog {

inline constexpr uint32_t kSegmentVersion = 1;
inline constexpr size_t kHeaderBytes = kIoAlignment;
inline constexpr size_t kEntryBytes = 12;
inline constexpr size_t kFooterBytes = 80;

// The first block of a file.
std::string encode_header(uint64_t id, uint64_t file);
Status check_header(Slice bytes, const std::string& path, const SegmentMeta& meta);

// The last bytes of a file, which ends on a multiple of kIoAlignment.
struct Footer {
  SegmentMeta meta;
  uint64_t directory_offset = 0;
  uint32_t directory_crc = 0;

  std::string encode() const;
  static Status decode(Slice bytes, const std::string& path, Footer* footer);
};

Status corruption(const std::string& path, uint64_t offset, const std::string& what);

}  // namespace pgz::vlog
