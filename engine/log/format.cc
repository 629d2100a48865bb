#include "engine/log/format.h"

#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/planted.h"

namespace pgz::log {
namespace {

constexpr size_t kKeyIdAt = 36;  // of an encryption key; reserved
constexpr size_t kSlotHeaderBytes = 40;
constexpr size_t kSlotFlagsAt = 24;
constexpr uint32_t kAfterRecoveryFlag = 1;

// Flags this version does not know, or something behind them.
bool has_unknown_fields(Slice slot_header) {
  return (get_fixed32(slot_header.data() + kSlotFlagsAt) & ~kAfterRecoveryFlag) != 0 ||
         slot_header.find_first_not_of('\0', kSlotFlagsAt + 4) != Slice::npos;
}

uint32_t checksum_of(const char* block, const Uuid& uuid, uint64_t epoch) {
  const uint32_t seed = crc32c(crc32c(0, uuid.data(), uuid.size()), &epoch, sizeof epoch);
  return crc32c(seed, block + 4, kBlockBytes - 4);
}

}  // namespace

void set_block_shape(char* block, BlockKind kind, size_t length) {
  PGZ_ASSERT(length <= kPayloadMax);
  put_fixed16(block + 32, static_cast<uint16_t>(length));
  block[34] = static_cast<char>(kind);
  std::memset(block + kBlockHeaderBytes + length, 0, kPayloadMax - length);
}

uint32_t seal_block(char* block, const Uuid& uuid, uint64_t epoch, Lsn position, Lsn durable_lsn,
                    uint32_t prev) {
  put_fixed32(block + 4, prev);
  put_fixed64(block + 8, epoch);
  put_fixed64(block + 16, position);
  put_fixed64(block + 24, durable_lsn);
  block[35] = static_cast<char>(kFormatVersion);
  put_fixed32(block + kKeyIdAt, 0);
  const uint32_t checksum = checksum_of(block, uuid, epoch);
  put_fixed32(block, checksum);
  return checksum;
}

std::optional<BlockHeader> parse_block(const char* block, const Uuid& uuid) {
  BlockHeader h;
  h.checksum = get_fixed32(block);
  h.prev = get_fixed32(block + 4);
  h.epoch = get_fixed64(block + 8);
  h.position = get_fixed64(block + 16);
  h.durable_lsn = get_fixed64(block + 24);
  h.length = get_fixed16(block + 32);
  h.kind = static_cast<BlockKind>(block[34]);
  const bool known_kind = h.kind >= BlockKind::kData && h.kind <= BlockKind::kSeal;
  if (h.epoch == 0 || h.epoch > kEpochMax || h.position > kPositionMax ||
      h.position % kBlockBytes != 0) {
    return std::nullopt;
  }
  if (block[35] != static_cast<char>(kFormatVersion) || !known_kind ||
      get_fixed32(block + kKeyIdAt) != 0 || h.length > kPayloadMax) {
    return std::nullopt;
  }
  if (checksum_of(block, uuid, h.epoch) != h.checksum && !PGZ_PLANTED(kIgnoreLogCrc)) {
    return std::nullopt;
  }
  return h;
}

std::string newer_format(const char* block, const Uuid& uuid) {
  std::string what;
  const uint8_t version = static_cast<uint8_t>(block[35]);
  const Slice payload(block + kBlockHeaderBytes, kSlotHeaderBytes);
  const bool is_slot_header = block[34] == static_cast<char>(BlockKind::kSlotHeader) &&
                              get_fixed16(block + 32) == kSlotHeaderBytes;
  if (version > kFormatVersion) {
    what = "log format version " + std::to_string(version) + " is newer than " +
           std::to_string(kFormatVersion);
  } else if (version == kFormatVersion && get_fixed32(block + kKeyIdAt) != 0) {
    what = "the log is encrypted";
  } else if (version == kFormatVersion && is_slot_header && has_unknown_fields(payload)) {
    what = "the log slot uses a feature this version does not have";
  }
  if (what.empty()) return what;
  const bool is_whole = checksum_of(block, uuid, get_fixed64(block + 8)) == get_fixed32(block);
  return is_whole ? what : std::string();
}

size_t encode_slot_header(const SlotHeader& header, char* payload) {
  put_fixed64(payload, header.slot_bytes);
  put_fixed64(payload + 8, header.prev_epoch);
  put_fixed64(payload + 16, header.accepted_end);
  put_fixed32(payload + kSlotFlagsAt, header.after_recovery ? kAfterRecoveryFlag : 0);
  std::memset(payload + 28, 0, kSlotHeaderBytes - 28);
  return kSlotHeaderBytes;
}

std::optional<SlotHeader> parse_slot_header(Slice payload) {
  if (payload.size() != kSlotHeaderBytes) return std::nullopt;
  SlotHeader h;
  h.slot_bytes = get_fixed64(payload.data());
  h.prev_epoch = get_fixed64(payload.data() + 8);
  h.accepted_end = get_fixed64(payload.data() + 16);
  h.after_recovery = (get_fixed32(payload.data() + kSlotFlagsAt) & kAfterRecoveryFlag) != 0;
  if (h.slot_bytes == 0 || h.slot_bytes % kBlockBytes != 0 || h.accepted_end % kBlockBytes != 0) {
    return std::nullopt;
  }
  return h;
}

void put_fragment_header(char* dst, FragmentType type, size_t length) {
  put_fixed16(dst, static_cast<uint16_t>(length));
  dst[2] = static_cast<char>(type);
  dst[3] = 0;
  put_fixed32(dst + 4, 0);
}

bool take_fragment(Slice* payload, Fragment* fragment) {
  if (payload->size() < kFragmentHeaderBytes) return false;
  const char* p = payload->data();
  const size_t length = get_fixed16(p);
  const uint8_t type = static_cast<uint8_t>(p[2]);
  if (type < 1 || type > 4 || p[3] != 0 || get_fixed32(p + 4) != 0) return false;
  if (length > payload->size() - kFragmentHeaderBytes) return false;
  fragment->type = static_cast<FragmentType>(type);
  fragment->bytes = payload->substr(kFragmentHeaderBytes, length);
  payload->remove_prefix(kFragmentHeaderBytes + length);
  return true;
}

}  // namespace pgz::log
