#include "engine/sst/format.h"

#include <lz4.h>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/planted.h"

namespace pgz::sst {

namespace {

enum class Property : uint32_t {
  kEntries = 1,
  kTombstones = 2,
  kDataBytes = 3,
  kMinTs = 4,
  kMaxTs = 5,
  kGlobalTs = 6,
  kCompression = 7,
  kSmallest = 8,
  kLargest = 9,
};

void put_number(std::string* to, Property tag, uint64_t value) {
  std::string bytes;
  put_varint64(&bytes, value);
  put_varint32(to, static_cast<uint32_t>(tag));
  put_length_prefixed(to, bytes);
}

void put_bytes(std::string* to, Property tag, Slice value) {
  put_varint32(to, static_cast<uint32_t>(tag));
  put_length_prefixed(to, value);
}

// Largest block read at once: a value of the greatest size with its key and framing.
constexpr uint64_t kMaxBlockBytes = kMaxValueBytes + (uint64_t{16} << 20);
// No byte of LZ4 stands for more than 255 (its block format); a size beyond is not worth memory.
constexpr uint64_t kLz4GainMax = 256;

Result<OwnedBlock> uncompress(Slice stored, const std::string& name, BlockHandle handle) {
  uint32_t size = 0;
  if (!get_varint32(&stored, &size) || size > kMaxBlockBytes ||
      size / kLz4GainMax > stored.size()) {
    return corruption(name, handle.offset, "bad uncompressed size of a block");
  }
  OwnedBlock block = BlockContents::make(size, 0);
  const int got = LZ4_decompress_safe(stored.data(), block->bytes(),
                                      static_cast<int>(stored.size()), static_cast<int>(size));
  if (got < 0 || static_cast<uint32_t>(got) != size) {
    return corruption(name, handle.offset, "block does not uncompress");
  }
  return block;
}

}  // namespace

void BlockHandle::encode(std::string* to) const {
  put_varint64(to, offset);
  put_varint64(to, size);
}

bool BlockHandle::decode(Slice* from) {
  return get_varint64(from, &offset) && get_varint64(from, &size);
}

uint32_t block_crc(uint64_t table_id, uint64_t offset, Slice bytes, uint8_t compression) {
  char place[16];
  put_fixed64(place, table_id);
  put_fixed64(place + 8, offset);
  uint32_t crc = crc32c(0, place, sizeof(place));
  crc = crc32c(crc, bytes.data(), bytes.size());
  return crc32c(crc, &compression, 1);
}

Status corruption(const std::string& name, uint64_t offset, const std::string& what) {
  return Status::make(Code::kCorruption, name + " at " + std::to_string(offset) + ": " + what);
}

std::string Footer::encode() const {
  std::string to;
  to.reserve(kFooterBytes);
  for (const BlockHandle& handle : {filter, top_index, properties, segments}) {
    put_fixed64(&to, handle.offset);
    put_fixed64(&to, handle.size);
  }
  put_fixed64(&to, table_id);
  put_fixed64(&to, encryption_key_id);
  put_fixed64(&to, file_bytes);
  put_fixed64(&to, 0);
  put_fixed32(&to, features);
  put_fixed32(&to, version);
  put_fixed32(&to, crc32c(0, to.data(), to.size()));
  put_fixed32(&to, 0);
  put_fixed64(&to, kTableMagic);
  return to;
}

Status Footer::decode(Slice bytes, const std::string& name, uint64_t offset, Footer* footer) {
  if (bytes.size() != kFooterBytes || get_fixed64(bytes.data() + 112) != kTableMagic) {
    return corruption(name, offset, "no table footer (not a table, or cut off)");
  }
  footer->version = get_fixed32(bytes.data() + 100);
  if (footer->version > kTableVersion) {
    return Status::make(Code::kNotSupported, name + " at " + std::to_string(offset) +
                                                 ": table format version " +
                                                 std::to_string(footer->version) +
                                                 " is newer than " + std::to_string(kTableVersion));
  }
  if (get_fixed32(bytes.data() + 104) != crc32c(0, bytes.data(), 104)) {
    return corruption(name, offset, "footer checksum mismatch");
  }
  BlockHandle* handles[] = {&footer->filter, &footer->top_index, &footer->properties,
                            &footer->segments};
  const char* from = bytes.data();
  for (BlockHandle* handle : handles) {
    handle->offset = get_fixed64(from);
    handle->size = get_fixed64(from + 8);
    from += 16;
  }
  footer->table_id = get_fixed64(bytes.data() + 64);
  footer->encryption_key_id = get_fixed64(bytes.data() + 72);
  footer->file_bytes = get_fixed64(bytes.data() + 80);
  footer->features = get_fixed32(bytes.data() + 96);
  if ((footer->features & ~kKnownFeatures) != 0 || footer->encryption_key_id != 0) {
    return Status::make(Code::kNotSupported,
                        name + " at " + std::to_string(offset) +
                            ": the table uses a feature this version does not have");
  }
  if (footer->file_bytes != offset + kFooterBytes) {
    return corruption(name, offset, "file size differs from the footer's");
  }
  return Status::ok();
}

void encode_properties(const TableProperties& properties, std::string* to) {
  put_number(to, Property::kEntries, properties.entries);
  put_number(to, Property::kTombstones, properties.tombstones);
  put_number(to, Property::kDataBytes, properties.data_bytes);
  put_number(to, Property::kMinTs, properties.min_ts);
  put_number(to, Property::kMaxTs, properties.max_ts);
  put_number(to, Property::kGlobalTs, properties.global_ts ? 1 : 0);
  put_number(to, Property::kCompression, static_cast<uint64_t>(properties.compression));
  put_bytes(to, Property::kSmallest, properties.smallest);
  put_bytes(to, Property::kLargest, properties.largest);
}

bool decode_properties(Slice from, TableProperties* properties) {
  while (!from.empty()) {
    uint32_t tag = 0;
    Slice bytes;
    if (!get_varint32(&from, &tag) || !get_length_prefixed(&from, &bytes)) return false;
    if (tag == static_cast<uint32_t>(Property::kSmallest)) {
      properties->smallest = bytes;
      continue;
    }
    if (tag == static_cast<uint32_t>(Property::kLargest)) {
      properties->largest = bytes;
      continue;
    }
    if (tag > static_cast<uint32_t>(Property::kLargest)) continue;  // a later, optional one
    uint64_t number = 0;
    if (!get_varint64(&bytes, &number)) return false;
    switch (static_cast<Property>(tag)) {
      case Property::kEntries:
        properties->entries = number;
        break;
      case Property::kTombstones:
        properties->tombstones = number;
        break;
      case Property::kDataBytes:
        properties->data_bytes = number;
        break;
      case Property::kMinTs:
        properties->min_ts = number;
        break;
      case Property::kMaxTs:
        properties->max_ts = number;
        break;
      case Property::kGlobalTs:
        properties->global_ts = number != 0;
        break;
      case Property::kCompression:
        properties->compression = static_cast<Compression>(number);
        break;
      default:
        return false;
    }
  }
  return properties->smallest.size() >= kTrailerBytes &&
         properties->largest.size() >= kTrailerBytes;
}

Result<OwnedBlock> read_block(TableSource* source, const std::string& name, uint64_t table_id,
                              uint64_t limit, BlockHandle handle) {
  if (handle.size > kMaxBlockBytes || handle.offset > limit ||
      handle.size + kBlockTrailerBytes > limit - handle.offset) {
    return corruption(name, handle.offset, "block reaches beyond the data");
  }
  OwnedBlock block = BlockContents::make(handle.size, kBlockTrailerBytes);
  PGZ_TRY(source->read(handle.offset, block->bytes(), handle.size + kBlockTrailerBytes));
  const char* trailer = block->bytes() + handle.size;
  const auto compression = static_cast<uint8_t>(trailer[0]);
  if (get_fixed32(trailer + 1) != block_crc(table_id, handle.offset, block->slice(), compression) &&
      !PGZ_PLANTED(kIgnoreTableCrc)) {
    return corruption(name, handle.offset, "block checksum mismatch");
  }
  switch (static_cast<Compression>(compression)) {
    case Compression::kNone:
      return block;
    case Compression::kLz4:
      return uncompress(block->slice(), name, handle);
  }
  return Status::make(Code::kNotSupported, name + " at " + std::to_string(handle.offset) +
                                               ": unknown compression " +
                                               std::to_string(compression));
}

}  // namespace pgz::sst
