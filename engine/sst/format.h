// Bytes of a table file around its blocks: handles, block trailers, the footer, properties.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/io/io.h"
#include "engine/sst/block_cache.h"
#include "engine/sst/table.h"

namespace pgz::sst {

// Where a block's bytes lie, trailer not counted.
struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;
  void encode(std::string* to) const;
  bool decode(Slice* from);
};

// After each block: one byte of Compression, then the CRC32C (fixed32) of table id, offset, bytes
// and compression byte, so that a block of another place or file is not taken for this one.
inline constexpr size_t kBlockTrailerBytes = 5;
uint32_t block_crc(uint64_t table_id, uint64_t offset, Slice bytes, uint8_t compression);

inline constexpr uint64_t kTableMagic = 0x31545353'5a4750abu;  // ab "PGZ" "SST1", little-endian
inline constexpr uint32_t kTableVersion = 1;
inline constexpr size_t kFooterBytes = 120;
// Features a reader must know to read the file.
inline constexpr uint32_t kFeatureLz4 = 1;
inline constexpr uint32_t kFeatureSegments = 2;  // has value pointers and their segments block
inline constexpr uint32_t kFeatureCompressedValues = 4;  // some pointers have a raw length
inline constexpr uint32_t kKnownFeatures =
    kFeatureLz4 | kFeatureSegments | kFeatureCompressedValues;

struct Footer {
  BlockHandle filter;  // size 0: none
  BlockHandle top_index;
  BlockHandle properties;
  BlockHandle segments;  // what the table points at in value segments; size 0: nothing
  uint64_t table_id = 0;
  uint64_t encryption_key_id = 0;  // reserved: 0, not encrypted
  uint64_t file_bytes = 0;
  uint32_t features = 0;
  uint32_t version = kTableVersion;

  std::string encode() const;
  // `offset` of the footer in the file `name`, for messages.
  static Status decode(Slice bytes, const std::string& name, uint64_t offset, Footer* footer);
};

void encode_properties(const TableProperties& properties, std::string* to);
bool decode_properties(Slice from, TableProperties* properties);

Status corruption(const std::string& name, uint64_t offset, const std::string& what);

// Reads, checks and uncompresses one block.
Result<OwnedBlock> read_block(TableSource* source, const std::string& name, uint64_t table_id,
                              uint64_t limit, BlockHandle handle);

}  // namespace pgz::sst
