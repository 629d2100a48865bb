#include "engine/lsm/manifest_format.h"

#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"

namespace pgz::manifest {

namespace {

constexpr uint64_t kSuperMagic = 0x52505553'5a4750abu;  // ab "PGZ" "SUPR", little-endian
constexpr uint32_t kRecordMagic = 0x455a4750u;          // "PGZE"

// Superblock: magic 8, version 4, crc 4 (of all but itself), uuid 16, sequence 8, slot 4, zero 4,
// slot bytes 8, salt 8, encryption key id 8 (reserved), zeros.
constexpr size_t kSuperCrcAt = 12;

uint32_t super_crc(Slice block) {
  const uint32_t crc = crc32c(0, block.data(), kSuperCrcAt);
  return crc32c(crc, block.data() + kSuperCrcAt + 4, block.size() - kSuperCrcAt - 4);
}

// Record: magic 4, crc 4 (of what follows), salt 8, sequence 8, payload length 4, flags 4 (zero),
// encryption key id 8 (reserved, zero).
constexpr size_t kRecordCrcFrom = 8;

}  // namespace

std::string Superblock::encode() const {
  PGZ_ASSERT(uuid.size() == kUuidBytes);
  std::string block;
  put_fixed64(&block, kSuperMagic);
  put_fixed32(&block, kVersion);
  put_fixed32(&block, 0);
  block.append(uuid);
  put_fixed64(&block, sequence);
  put_fixed32(&block, slot);
  put_fixed32(&block, 0);
  put_fixed64(&block, slot_bytes);
  put_fixed64(&block, salt);
  put_fixed64(&block, 0);
  block.resize(kBlockBytes, '\0');
  put_fixed32(block.data() + kSuperCrcAt, super_crc(block));
  return block;
}

Status Superblock::decode(Slice block, Superblock* superblock) {
  if (block.size() != kBlockBytes || get_fixed64(block.data()) != kSuperMagic) {
    return Status::make(Code::kCorruption, "not a superblock");
  }
  const uint32_t version = get_fixed32(block.data() + 8);
  if (version > kVersion) {
    return Status::make(Code::kNotSupported, "manifest format version " + std::to_string(version) +
                                                 " is newer than " + std::to_string(kVersion));
  }
  if (get_fixed32(block.data() + kSuperCrcAt) != super_crc(block)) {
    return Status::make(Code::kCorruption, "superblock checksum mismatch");
  }
  superblock->uuid.assign(block.substr(16, kUuidBytes));
  superblock->sequence = get_fixed64(block.data() + 32);
  superblock->slot = get_fixed32(block.data() + 40);
  superblock->slot_bytes = get_fixed64(block.data() + 48);
  superblock->salt = get_fixed64(block.data() + 56);
  if (get_fixed64(block.data() + 64) != 0) {
    return Status::make(Code::kNotSupported, "the manifest is encrypted");
  }
  if (superblock->slot > 1 || superblock->slot_bytes % kBlockBytes != 0) {
    return Status::make(Code::kCorruption, "superblock fields make no sense");
  }
  return Status::ok();
}

bool is_superblock(Slice head) {
  return head.size() >= 8 && get_fixed64(head.data()) == kSuperMagic;
}

uint64_t record_bytes(size_t payload_bytes) {
  const uint64_t bytes = kRecordHeaderBytes + payload_bytes;
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

void encode_record(uint64_t salt, uint64_t sequence, Slice payload, char* to) {
  std::memset(to, 0, record_bytes(payload.size()));
  put_fixed32(to, kRecordMagic);
  put_fixed64(to + 8, salt);
  put_fixed64(to + 16, sequence);
  put_fixed32(to + 24, static_cast<uint32_t>(payload.size()));
  std::memcpy(to + kRecordHeaderBytes, payload.data(), payload.size());
  const size_t checked = kRecordHeaderBytes - kRecordCrcFrom + payload.size();
  put_fixed32(to + 4, crc32c(0, to + kRecordCrcFrom, checked));
}

bool begins_record(Slice head, uint64_t salt) {
  return head.size() >= kRecordHeaderBytes && get_fixed32(head.data()) == kRecordMagic &&
         get_fixed64(head.data() + 8) == salt;
}

bool decode_record(Slice bytes, uint64_t salt, uint64_t* sequence, Slice* payload) {
  if (!begins_record(bytes, salt)) return false;
  const uint32_t length = get_fixed32(bytes.data() + 24);
  if (length > bytes.size() - kRecordHeaderBytes) return false;
  const size_t checked = kRecordHeaderBytes - kRecordCrcFrom + length;
  if (get_fixed32(bytes.data() + 4) != crc32c(0, bytes.data() + kRecordCrcFrom, checked)) {
    return false;
  }
  *sequence = get_fixed64(bytes.data() + 16);
  *payload = bytes.substr(kRecordHeaderBytes, length);
  return true;
}

uint64_t claimed_bytes(Slice head) {
  if (head.size() < kBlockBytes || get_fixed32(head.data()) != kRecordMagic) return kBlockBytes;
  return record_bytes(get_fixed32(head.data() + 24));
}

bool has_unknown_fields(Slice record) {
  return get_fixed32(record.data() + 28) != 0 || get_fixed64(record.data() + 32) != 0;
}

}  // namespace pgz::manifest
