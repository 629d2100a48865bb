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
// Features a reader must know, of the footer. Compressed: lengths in the directory have the bit.
inline constexpr uint32_t kFeatureCompressed = 1;
inline constexpr uint32_t kKnownFeatures = kFeatureCompressed;
inline constexpr uint32_t kCompressedBit = uint32_t{1} << 31;

// The first block of a file.
std::string encode_header(uint64_t id, uint64_t file);
Status check_header(Slice bytes, const std::string& path, const SegmentMeta& meta);

// The last bytes of a file, which ends on a multiple of kIoAlignment.
struct Footer {
  SegmentMeta meta;
  uint64_t directory_offset = 0;
  uint32_t directory_crc = 0;
  uint32_t features = 0;

  std::string encode() const;
  static Status decode(Slice bytes, const std::string& path, Footer* footer);
};

void put_entry(std::string* directory, const Segment::Entry& entry);
// The entry at `from`, kEntryBytes, of a segment with these features.
Segment::Entry get_entry(const char* from, uint32_t features);

Status corruption(const std::string& path, uint64_t offset, const std::string& what);

}  // namespace pgz::vlog
