// The commit log's bytes. Private to log/; the page for people is docs/formats.md.
//
// Block (4096 bytes, at file offset position - slot's first position):
//    0  u32  checksum     CRC32C of bytes 4..4095, seeded with the database uuid and the epoch
//    4  u32  prev         checksum of the block before it in the log
//    8  u64  epoch        of the slot: grows by one with every slot that is begun
//   16  u64  position     LSN of the block's first byte
//   24  u64  durable_lsn  everything below was known to be on stable storage when this was written
//   32  u16  length       payload bytes in use
//   34  u8   kind         BlockKind
//   35  u8   version      kFormatVersion
//   36  u32  reserved     0 (encryption key id)
//   40  payload, then zeros
//
// Payload of a data block: fragments, each
//    0  u16  length       of the bytes that follow the fragment's header
//    2  u8   type         FragmentType
//    3  u8   reserved     0 (compression)
//    4  u32  stream       0 (records whose fragments mix with others', prepared transactions)
//    8  bytes
// Payload of a slot's first block: SlotHeader. Payload of a sealing block: empty; it begins its
// group, so its durable_lsn covers everything before it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/log/log.h"

namespace pgz::log {

inline constexpr size_t kBlockBytes = 4096;
inline constexpr size_t kBlockHeaderBytes = 40;
inline constexpr size_t kPayloadMax = kBlockBytes - kBlockHeaderBytes;
inline constexpr size_t kFragmentHeaderBytes = 8;
inline constexpr uint8_t kFormatVersion = 1;

// The write that begins a slot ends after so many blocks at most, the header included, and the next
// one waits for it: whatever became of a header, what was written behind it shows within a few
// blocks, and recovery need not read old slots to their ends.
inline constexpr size_t kFirstWriteBlocks = 4;

// Blocks with greater ones are not whole. Recovery counts on from those it finds and wants half of
// it left, so that what it begins is found again.
inline constexpr uint64_t kEpochMax = uint64_t{1} << 62;
inline constexpr Lsn kPositionMax = uint64_t{1} << 62;

using Uuid = std::array<uint8_t, 16>;

enum class BlockKind : uint8_t { kData = 1, kSlotHeader = 2, kSeal = 3 };
enum class FragmentType : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct BlockHeader {
  uint32_t checksum = 0;
  uint32_t prev = 0;
  uint64_t epoch = 0;
  Lsn position = 0;
  Lsn durable_lsn = 0;
  uint16_t length = 0;
  BlockKind kind = BlockKind::kData;
};

// What the first block of a slot says about the slot and its predecessor.
struct SlotHeader {
  uint64_t slot_bytes = 0;
  uint64_t prev_epoch = 0;      // of the slot the log came from; 0 for the very first
  Lsn accepted_end = 0;         // the log of that slot ends here; what it holds beyond is dead
  bool after_recovery = false;  // an unfinished record before this slot will never be finished
};

// Fills in the header of a block whose kind and length are set already (set_block_shape) and
// computes its checksum, which it returns.
uint32_t seal_block(char* block, const Uuid& uuid, uint64_t epoch, Lsn position, Lsn durable_lsn,
                    uint32_t prev);
void set_block_shape(char* block, BlockKind kind, size_t length);

// The header of a block that is whole in itself (checksum, version, kind, length); whether it
// belongs where it was found is the caller's to judge.
std::optional<BlockHeader> parse_block(const char* block, const Uuid& uuid);

// Of a block that is whole and was written by a newer version: what it has that this one does not
// know. Else empty.
std::string newer_format(const char* block, const Uuid& uuid);

size_t encode_slot_header(const SlotHeader& header, char* payload);
std::optional<SlotHeader> parse_slot_header(Slice payload);

struct Fragment {
  FragmentType type = FragmentType::kFull;
  Slice bytes;
};

void put_fragment_header(char* dst, FragmentType type, size_t length);
// Takes the first fragment off the payload; false when it is malformed.
bool take_fragment(Slice* payload, Fragment* fragment);

}  // namespace pgz::log
