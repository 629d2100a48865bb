#include "engine/vlog/format.h"

#include <cstdio>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"

namespace pgz {

namespace vlog {

namespace {

constexpr uint64_t kHeaderMagic = 0x31474553'5a4750abu;  // ab "PGZ" "SEG1", little-endian
constexpr uint64_t kFooterMagic = 0x31444e45'5a4750abu;  // ab "PGZ" "END1"
constexpr size_t kHeaderCrcAt = kHeaderBytes - 4;

Status newer(const std::string& path, uint64_t offset, uint32_t version) {
  return Status::make(Code::kNotSupported, path + " at " + std::to_string(offset) +
                                               ": segment format version " +
                                               std::to_string(version) + " is newer than " +
                                               std::to_string(kSegmentVersion));
}

}  // namespace

Status corruption(const std::string& path, uint64_t offset, const std::string& what) {
  return Status::make(Code::kCorruption, path + " at " + std::to_string(offset) + ": " + what);
}

std::string encode_header(uint64_t id, uint64_t file) {
  std::string bytes(kHeaderBytes, '\0');
  put_fixed64(bytes.data(), kHeaderMagic);
  put_fixed32(bytes.data() + 8, kSegmentVersion);
  put_fixed32(bytes.data() + 12, 0);  // features that concern open segments too
  put_fixed64(bytes.data() + 16, id);
  put_fixed64(bytes.data() + 24, file);
  put_fixed64(bytes.data() + 32, 0);  // encryption key id
  put_fixed32(bytes.data() + kHeaderCrcAt, crc32c(0, bytes.data(), kHeaderCrcAt));
  return bytes;
}

Status check_header(Slice bytes, const std::string& path, const SegmentMeta& meta) {
  if (bytes.size() != kHeaderBytes || get_fixed64(bytes.data()) != kHeaderMagic) {
    return corruption(path, 0, "no segment header");
  }
  const uint32_t version = get_fixed32(bytes.data() + 8);
  if (version > kSegmentVersion) return newer(path, 0, version);
  if (get_fixed32(bytes.data() + kHeaderCrcAt) != crc32c(0, bytes.data(), kHeaderCrcAt)) {
    return corruption(path, 0, "header checksum mismatch");
  }
  if (get_fixed32(bytes.data() + 12) != 0 || get_fixed64(bytes.data() + 32) != 0) {
    return Status::make(Code::kNotSupported,
                        path + " at 0: the segment uses a feature this version does not have");
  }
  if (get_fixed64(bytes.data() + 16) != meta.id || get_fixed64(bytes.data() + 24) != meta.file) {
    return corruption(path, 0, "the header is another segment's");
  }
  return Status::ok();
}

std::string Footer::encode() const {
  std::string to;
  to.reserve(kFooterBytes);
  for (const uint64_t number :
       {meta.id, meta.file, meta.file_bytes, meta.value_bytes, directory_offset}) {
    put_fixed64(&to, number);
  }
  put_fixed32(&to, meta.values);
  put_fixed32(&to, meta.slots);
  put_fixed32(&to, directory_crc);
  put_fixed32(&to, kSegmentVersion);
  put_fixed32(&to, features);
  put_fixed32(&to, 0);  // reserved
  put_fixed32(&to, crc32c(0, to.data(), to.size()));
  put_fixed32(&to, 0);
  put_fixed64(&to, kFooterMagic);
  return to;
}

Status Footer::decode(Slice bytes, const std::string& path, Footer* footer) {
  const char* from = bytes.data();
  if (bytes.size() != kFooterBytes || get_fixed64(from + 72) != kFooterMagic) {
    return corruption(path, 0, "no segment footer (not a segment, or cut off)");
  }
  const uint32_t version = get_fixed32(from + 52);
  if (version > kSegmentVersion) return newer(path, 0, version);
  if (get_fixed32(from + 64) != crc32c(0, from, 64)) {
    return corruption(path, 0, "footer checksum mismatch");
  }
  footer->features = get_fixed32(from + 56);
  if ((footer->features & ~kKnownFeatures) != 0 || get_fixed32(from + 60) != 0) {
    return Status::make(Code::kNotSupported,
                        path + " at 0: the segment uses a feature this version does not have");
  }
  footer->meta.id = get_fixed64(from);
  footer->meta.file = get_fixed64(from + 8);
  footer->meta.file_bytes = get_fixed64(from + 16);
  footer->meta.value_bytes = get_fixed64(from + 24);
  footer->directory_offset = get_fixed64(from + 32);
  footer->meta.values = get_fixed32(from + 40);
  footer->meta.slots = get_fixed32(from + 44);
  footer->directory_crc = get_fixed32(from + 48);
  const uint64_t directory_bytes = uint64_t{footer->meta.slots} * kEntryBytes;
  if (footer->meta.slots > kSlotsMax || footer->directory_offset < kHeaderBytes ||
      footer->directory_offset > footer->meta.file_bytes ||
      footer->directory_offset + directory_bytes + kFooterBytes > footer->meta.file_bytes) {
    return corruption(path, 0, "the footer's numbers make no sense");
  }
  return Status::ok();
}

void put_entry(std::string* directory, const Segment::Entry& entry) {
  put_fixed32(directory, entry.offset);
  put_fixed32(directory, entry.length | (entry.is_compressed ? kCompressedBit : 0));
  put_fixed32(directory, entry.crc);
}

Segment::Entry get_entry(const char* from, uint32_t features) {
  Segment::Entry entry{get_fixed32(from), get_fixed32(from + 4), get_fixed32(from + 8)};
  if ((features & kFeatureCompressed) != 0 && (entry.length & kCompressedBit) != 0) {
    entry.length &= ~kCompressedBit;
    entry.is_compressed = true;
  }
  return entry;
}

}  // namespace vlog

void ValuePointer::encode(std::string* to) const {
  put_varint64(to, segment);
  put_varint32(to, slot);
  put_varint32(to, length);
  put_fixed32(to, crc);
  if (raw_length != 0) put_varint32(to, raw_length);
}

bool ValuePointer::decode(Slice from, ValuePointer* pointer) {
  pointer->raw_length = 0;
  if (!get_varint64(&from, &pointer->segment) || !get_varint32(&from, &pointer->slot) ||
      !get_varint32(&from, &pointer->length) || !get_fixed32(&from, &pointer->crc) ||
      pointer->slot >= kSlotsMax || pointer->length == 0 ||
      pointer->length > kSegmentValueBytesMax) {
    return false;
  }
  if (from.empty()) return true;
  return get_varint32(&from, &pointer->raw_length) && from.empty() &&
         pointer->raw_length > pointer->length && pointer->raw_length <= kCompressedRawMax;
}

uint32_t value_crc(uint64_t segment, uint32_t slot, Slice stored) {
  char place[12];
  put_fixed64(place, segment);
  put_fixed32(place + 8, slot);
  return crc32c(crc32c(0, place, sizeof(place)), stored.data(), stored.size());
}

void SegmentMeta::encode(std::string* to) const {
  for (const uint64_t number : {id, file, file_bytes, value_bytes}) put_varint64(to, number);
  put_varint32(to, values);
  put_varint32(to, slots);
}

bool SegmentMeta::decode(Slice* from, SegmentMeta* meta) {
  for (uint64_t* number : {&meta->id, &meta->file, &meta->file_bytes, &meta->value_bytes}) {
    if (!get_varint64(from, number)) return false;
  }
  return get_varint32(from, &meta->values) && get_varint32(from, &meta->slots) && meta->id != 0 &&
         meta->file != 0 && meta->slots <= kSlotsMax && meta->values <= meta->slots;
}

std::string segment_path(const std::string& vlog_dir, uint64_t file) {
  char name[32];
  std::snprintf(name, sizeof(name), "%08llu.seg", static_cast<unsigned long long>(file));
  return path_join(vlog_dir, name);
}

uint64_t segment_file_number(const std::string& name) {
  constexpr size_t kSuffixBytes = 4;
  if (name.size() <= kSuffixBytes || name.size() > kSuffixBytes + 19 || !name.ends_with(".seg")) {
    return 0;
  }
  uint64_t number = 0;
  for (size_t i = 0; i + kSuffixBytes < name.size(); i++) {
    if (name[i] < '0' || name[i] > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return number;
}

}  // namespace pgz
