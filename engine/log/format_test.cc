#include "engine/log/format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"

namespace pgz::log {
namespace {

const Uuid kUuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

std::string sample_block(uint32_t* checksum) {
  std::string block(kBlockBytes, 'x');
  const std::string text = "hello";
  put_fragment_header(block.data() + kBlockHeaderBytes, FragmentType::kFull, text.size());
  std::memcpy(block.data() + kBlockHeaderBytes + kFragmentHeaderBytes, text.data(), text.size());
  set_block_shape(block.data(), BlockKind::kData, kFragmentHeaderBytes + text.size());
  *checksum = seal_block(block.data(), kUuid, 7, 0x123000, 0x122000, 0xabcdef01);
  return block;
}

TEST(LogFormat, BlockComesBack) {
  uint32_t checksum = 0;
  const std::string block = sample_block(&checksum);
  const auto h = parse_block(block.data(), kUuid);
  ASSERT_TRUE(h.has_value());
  EXPECT_EQ(h->checksum, checksum);
  EXPECT_EQ(h->prev, 0xabcdef01);
  EXPECT_EQ(h->epoch, 7u);
  EXPECT_EQ(h->position, 0x123000u);
  EXPECT_EQ(h->durable_lsn, 0x122000u);
  EXPECT_EQ(h->kind, BlockKind::kData);
  Slice payload(block.data() + kBlockHeaderBytes, h->length);
  Fragment f;
  ASSERT_TRUE(take_fragment(&payload, &f));
  EXPECT_EQ(f.type, FragmentType::kFull);
  EXPECT_EQ(f.bytes, "hello");
  EXPECT_FALSE(take_fragment(&payload, &f));
}

// The bytes of one known block: a change of the format shows here and needs a new version number.
TEST(LogFormat, GoldenBytes) {
  uint32_t checksum = 0;
  const std::string block = sample_block(&checksum);
  const std::string expected_tail(
      "\x01\xef\xcd\xab"                  // prev
      "\x07\0\0\0\0\0\0\0"                // epoch
      "\x00\x30\x12\0\0\0\0\0"            // position
      "\x00\x20\x12\0\0\0\0\0"            // durable_lsn
      "\x0d\x00\x01\x01\0\0\0\0"          // length, kind, version, reserved
      "\x05\x00\x01\x00\0\0\0\0hello\0",  // one whole fragment, then zeros
      50);
  EXPECT_EQ(block.substr(4, 50), expected_tail);
  EXPECT_EQ(block.substr(54), std::string(kBlockBytes - 54, '\0'));
}

TEST(LogFormat, EveryFlippedBitIsNoticed) {
  uint32_t checksum = 0;
  std::string block = sample_block(&checksum);
  for (size_t bit = 0; bit < kBlockBytes * 8; bit += bit < 800 ? 1 : 61) {
    block[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(parse_block(block.data(), kUuid).has_value()) << bit;
    block[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
  EXPECT_TRUE(parse_block(block.data(), kUuid).has_value());
  Uuid other = kUuid;
  other[15] ^= 1;
  EXPECT_FALSE(parse_block(block.data(), other).has_value()) << "another database's block";
  const std::string zeros(kBlockBytes, '\0');
  EXPECT_FALSE(parse_block(zeros.data(), kUuid).has_value());
}

// Epochs and positions are counted on from, and positions are of whole blocks.
TEST(LogFormat, NumbersThatLeaveNoRoomAreNoBlock) {
  constexpr uint64_t kLimit = uint64_t{1} << 62;
  uint32_t checksum = 0;
  std::string block = sample_block(&checksum);
  const auto parses = [&](uint64_t epoch, uint64_t position) {
    (void)seal_block(block.data(), kUuid, epoch, position, 0, 0);
    return parse_block(block.data(), kUuid).has_value();
  };
  EXPECT_TRUE(parses(kLimit, kLimit));
  EXPECT_FALSE(parses(kLimit + 1, 0));
  EXPECT_FALSE(parses(UINT64_MAX - 1, 0));
  EXPECT_FALSE(parses(1, kLimit + kBlockBytes));
  EXPECT_FALSE(parses(1, 0 - uint64_t{kBlockBytes}));
  EXPECT_FALSE(parses(1, kBlockBytes + 8));
}

TEST(LogFormat, ASlotFollowsWholeBlocks) {
  char payload[kPayloadMax];
  SlotHeader header{64 * kBlockBytes, 3, 5 * kBlockBytes, false};
  size_t n = encode_slot_header(header, payload);
  EXPECT_TRUE(parse_slot_header(Slice(payload, n)).has_value());
  header.accepted_end += 512;
  n = encode_slot_header(header, payload);
  EXPECT_FALSE(parse_slot_header(Slice(payload, n)).has_value());
}

TEST(LogFormat, SlotHeaderComesBack) {
  char payload[kPayloadMax];
  const size_t n = encode_slot_header({4 << 20, 41, 0x5000, true}, payload);
  const auto h = parse_slot_header(Slice(payload, n));
  ASSERT_TRUE(h.has_value());
  EXPECT_EQ(h->slot_bytes, 4u << 20);
  EXPECT_EQ(h->prev_epoch, 41u);
  EXPECT_EQ(h->accepted_end, 0x5000u);
  EXPECT_TRUE(h->after_recovery);
  EXPECT_FALSE(parse_slot_header(Slice(payload, n - 1)).has_value());
}

// What a newer version writes in reserved places is told apart from damage.
TEST(LogFormat, NewerBlocksAreTold) {
  const auto seal = [](std::string* block) {  // with good checksum
    const uint32_t seed = crc32c(0, kUuid.data(), kUuid.size());
    const uint32_t checksum =
        crc32c(crc32c(seed, block->data() + 8, 8), block->data() + 4, kBlockBytes - 4);
    put_fixed32(block->data(), checksum);
  };
  uint32_t checksum = 0;
  std::string block = sample_block(&checksum);
  seal(&block);
  ASSERT_EQ(get_fixed32(block.data()), checksum);
  EXPECT_EQ(newer_format(block.data(), kUuid), "");
  std::string encrypted = block;
  encrypted[36] = 1;
  EXPECT_EQ(newer_format(encrypted.data(), kUuid), "");  // damage
  seal(&encrypted);
  EXPECT_NE(newer_format(encrypted.data(), kUuid).find("encrypted"), std::string::npos);
  EXPECT_FALSE(parse_block(encrypted.data(), kUuid).has_value());
  std::string newer = block;
  newer[35] = static_cast<char>(kFormatVersion + 1);
  seal(&newer);
  EXPECT_NE(newer_format(newer.data(), kUuid).find("is newer than"), std::string::npos);

  std::string slot(kBlockBytes, '\0');
  const size_t n = encode_slot_header({4 << 20, 41, 0x5000, true}, slot.data() + kBlockHeaderBytes);
  set_block_shape(slot.data(), BlockKind::kSlotHeader, n);
  (void)seal_block(slot.data(), kUuid, 7, 0, 0, 0);
  EXPECT_EQ(newer_format(slot.data(), kUuid), "");
  for (const size_t at : {24, 28, 39}) {
    std::string with = slot;
    with[kBlockHeaderBytes + at] |= 2;
    seal(&with);
    EXPECT_NE(newer_format(with.data(), kUuid).find("feature"), std::string::npos) << at;
  }
}

TEST(LogFormat, MalformedFragmentsAreRefused) {
  char bytes[16] = {};
  Fragment f;
  put_fragment_header(bytes, FragmentType::kLast, 8);
  Slice whole(bytes, 16);
  EXPECT_TRUE(take_fragment(&whole, &f));
  Slice cut(bytes, 15);
  EXPECT_FALSE(take_fragment(&cut, &f));
  Slice header_only(bytes, 7);
  EXPECT_FALSE(take_fragment(&header_only, &f));
  for (char type : {'\0', '\5'}) {
    bytes[2] = type;
    Slice in(bytes, 16);
    EXPECT_FALSE(take_fragment(&in, &f));
  }
}

}  // namespace
}  // namespace pgz::log
