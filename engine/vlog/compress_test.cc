// Compression of values: what comes out is what went in, alone and in segments among values stored
// as they are; lengths and bytes that make no sense are errors that name file and place.
#include "engine/vlog/compress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/vlog/format.h"
#include "engine/vlog/vlog.h"

namespace pgz {
namespace {

std::string noise(SplitMixRng* rng, size_t bytes) {
  std::string value(bytes, '\0');
  for (char& byte : value) byte = static_cast<char>(rng->next64());
  return value;
}

// Bits as letters: about a quarter of it is left.
std::string text(SplitMixRng* rng, size_t bytes) {
  std::string value(bytes, '\0');
  for (char& byte : value) byte = static_cast<char>('a' + rng->uniform(2));
  return value;
}

TEST(ValueCompressor, WhatComesOutIsWhatWentIn) {
  SplitMixRng rng(1);
  ValueCompressor compressor;
  std::string before = text(&rng, 700);
  for (int i = 0; i < 60'000; i++) {
    // Much of it stood in the value before: nothing of that may be referred to.
    size_t bytes = i % 500 == 0 ? rng.uniform(200'000) : 250 + rng.uniform(900);
    if (i % 7 == 0) bytes = 1 + rng.uniform(200);
    std::string value = i % 3 == 0 ? before : text(&rng, bytes);
    const Slice compressed = compressor.compress(value);
    before = value;
    if (compressed.empty()) {
      ASSERT_LE(value.size(), 250u) << i;
      continue;
    }
    ASSERT_LE(compressed.size(), value.size() - value.size() / 8);
    std::string back(value.size(), '\0');
    ASSERT_TRUE(uncompress_value(compressed, static_cast<uint32_t>(value.size()), back.data()));
    ASSERT_EQ(back, value);
    if (i % 1000 == 0) {
      ASSERT_TRUE(uncompress_value(compressed, &back));
      ASSERT_EQ(back, value);
    }
  }
}

TEST(ValueCompressor, LeavesValuesThatSaveLittle) {
  SplitMixRng rng(2);
  ValueCompressor compressor;
  EXPECT_TRUE(compressor.compress("").empty());
  EXPECT_TRUE(compressor.compress(noise(&rng, 1000)).empty());
  EXPECT_TRUE(compressor.compress(noise(&rng, 900) + std::string(100, 'x')).empty());
  EXPECT_FALSE(compressor.compress(noise(&rng, 800) + std::string(200, 'x')).empty());
  EXPECT_TRUE(compressor.compress(std::string(kCompressedRawMax + 1, 'x')).empty());
  EXPECT_FALSE(compressor.compress(std::string(kCompressedRawMax, 'x')).empty());
}

TEST(ValueCompressor, PausesAmongNoiseAndComesBack) {
  SplitMixRng rng(3);
  ValueCompressor compressor;
  const std::string good = text(&rng, 1000);
  for (int i = 0; i < 100; i++) {  // a miss now and then is no reason
    EXPECT_TRUE(compressor.compress(noise(&rng, 1000)).empty());
    EXPECT_FALSE(compressor.compress(good).empty());
  }
  for (int i = 0; i < 5000; i++) EXPECT_TRUE(compressor.compress(noise(&rng, 1000)).empty());
  int left = 0;
  while (compressor.compress(good).empty()) left++;
  EXPECT_LE(left, 256);
  EXPECT_GT(left, 0);
  for (int i = 0; i < 100; i++) EXPECT_FALSE(compressor.compress(good).empty());
}

class CompressedSegmentTest : public ::testing::Test {
 protected:
  CompressedSegmentTest() : io_(5), rng_(7) { EXPECT_TRUE(io_.mkdir("vlog").is_ok()); }

  // Every third value is noise.
  SegmentMeta write(uint64_t id, uint64_t file, int count) {
    SegmentWriter writer(&io_, "vlog", id, file);
    EXPECT_TRUE(writer.open().is_ok());
    pointers_.clear();
    values_.clear();
    for (int n = 0; n < count; n++) {
      const size_t bytes = n % 50 == 49 ? 30'000 : 300 + rng_.uniform(1500);
      const std::string& value =
          values_.emplace_back(n % 3 == 0 ? noise(&rng_, bytes) : text(&rng_, bytes));
      const Slice compressed = compressor_.compress(value);
      EXPECT_EQ(compressed.empty(), n % 3 == 0);
      ValuePointer& pointer = pointers_.emplace_back();
      EXPECT_TRUE((compressed.empty()
                       ? writer.add(value, &pointer)
                       : writer.add_stored(compressed, static_cast<uint32_t>(bytes), &pointer))
                      .is_ok());
      EXPECT_EQ(pointer.value_bytes(), bytes);
    }
    SegmentMeta meta;
    EXPECT_TRUE(writer.finish(&meta).is_ok());
    return meta;
  }

  Status check(const SegmentMeta& meta) {
    PGZ_ASSIGN(SegmentRef segment, Segment::open(&io_, "vlog", meta));
    return check(*segment, nullptr);
  }

  // Values one by one and in a batch.
  Status check(const Segment& segment, const SlotSet* live) {
    std::vector<Segment::Entry> entries;
    PGZ_TRY(segment.read_directory(&entries));
    std::vector<ValueRead> reads;
    std::vector<std::string> got(pointers_.size());
    for (const ValuePointer& pointer : pointers_) {
      if (live != nullptr && !live->contains(pointer.slot)) continue;
      EXPECT_EQ(entries[pointer.slot].length, pointer.length);
      EXPECT_EQ(entries[pointer.slot].is_compressed, pointer.raw_length != 0);
      std::string value;
      PGZ_TRY(segment.read(pointer, &value));
      EXPECT_EQ(value, values_[pointer.slot]);
      ValueRead& read = reads.emplace_back();
      read.segment = &segment;
      read.pointer = pointer;
      got[pointer.slot].resize(pointer.value_bytes());
      read.to = got[pointer.slot].data();
    }
    read_values(&io_, reads);
    for (ValueRead& read : reads) {
      PGZ_TRY(std::move(read.status));
      EXPECT_EQ(got[read.pointer.slot], values_[read.pointer.slot]);
    }
    return Status::ok();
  }

  SimIo io_;
  SplitMixRng rng_;
  ValueCompressor compressor_;
  std::vector<ValuePointer> pointers_;
  std::vector<std::string> values_;
};

TEST_F(CompressedSegmentTest, ReadsWhatWasWritten) {
  const SegmentMeta meta = write(3, 4, 1000);
  uint64_t stored = 0;
  uint64_t raw = 0;
  for (const ValuePointer& pointer : pointers_) {
    stored += pointer.length;
    raw += pointer.value_bytes();
    std::string encoded;
    pointer.encode(&encoded);
    ValuePointer back;
    ASSERT_TRUE(ValuePointer::decode(encoded, &back));
    EXPECT_EQ(back, pointer);
  }
  EXPECT_EQ(meta.value_bytes, stored);
  EXPECT_LT(stored, raw * 3 / 4);
  SegmentUses uses;
  for (const ValuePointer& pointer : pointers_) uses.add(pointer);
  EXPECT_EQ(uses.bytes(), stored);
  EXPECT_TRUE(check(meta).is_ok());
}

TEST_F(CompressedSegmentTest, MovesWithoutUncompressing) {
  const SegmentMeta meta = write(3, 4, 300);
  SlotSet live;
  uint64_t bytes = 0;
  for (uint32_t slot = 0; slot < 250; slot += 3 - slot % 2) {
    live.add(slot);
    bytes += pointers_[slot].length;
  }
  const SegmentRef from = Segment::open(&io_, "vlog", meta).take();
  SegmentMeta moved;
  ASSERT_TRUE(rewrite_segment(&io_, "vlog", *from, live, 9, &moved).is_ok());
  EXPECT_EQ(moved.value_bytes, bytes);
  const SegmentRef to = Segment::open(&io_, "vlog", moved).take();
  EXPECT_TRUE(check(*to, &live).is_ok());
  EXPECT_TRUE(check(meta).is_ok());
}

// What a merge that puts values into another order does.
TEST_F(CompressedSegmentTest, StoredBytesGoIntoAnotherSegment) {
  const SegmentMeta meta = write(3, 4, 100);
  const SegmentRef from = Segment::open(&io_, "vlog", meta).take();
  SegmentWriter writer(&io_, "vlog", 11, 12);
  ASSERT_TRUE(writer.open().is_ok());
  for (size_t n = 100; n-- > 0;) {
    ValuePointer stored = pointers_[n];
    stored.raw_length = 0;
    std::string bytes;
    ASSERT_TRUE(from->read(stored, &bytes).is_ok());
    ASSERT_TRUE(writer.add_stored(bytes, pointers_[n].raw_length, &pointers_[n]).is_ok());
  }
  SegmentMeta other;
  ASSERT_TRUE(writer.finish(&other).is_ok());
  EXPECT_EQ(other.value_bytes, meta.value_bytes);
  std::reverse(pointers_.begin(), pointers_.end());
  std::reverse(values_.begin(), values_.end());
  EXPECT_TRUE(check(other).is_ok());
}

TEST_F(CompressedSegmentTest, EveryFlippedByteIsFoundOrHarmless) {
  const SegmentMeta meta = write(3, 4, 12);
  const std::string path = segment_path("vlog", 4);
  const uint64_t size = io_.contents(path).size();
  uint64_t found = 0;
  for (uint64_t at = 0; at < size; at++) {
    ASSERT_TRUE(io_.flip_bit(path, at * 8 + at % 8));
    const Status status = check(meta);
    if (!status.is_ok()) {
      found++;
      EXPECT_TRUE(status.is(Code::kCorruption) || status.is(Code::kNotSupported));
      EXPECT_NE(status.message().find(path + " at "), std::string::npos) << status.to_string();
    }
    ASSERT_TRUE(io_.flip_bit(path, at * 8 + at % 8));
  }
  EXPECT_EQ(found, vlog::kHeaderBytes + meta.value_bytes + 12 * vlog::kEntryBytes +
                       vlog::kFooterBytes - 4);
}

TEST_F(CompressedSegmentTest, WrongLengthsAreErrors) {
  const SegmentMeta meta = write(3, 4, 10);
  const SegmentRef segment = Segment::open(&io_, "vlog", meta).take();
  const ValuePointer sound = pointers_[1];
  ASSERT_NE(sound.raw_length, 0u);
  uint64_t offset = 0;
  ASSERT_TRUE(segment->locate(sound, &offset).is_ok());
  const std::string place = segment_path("vlog", 4) + " at " + std::to_string(offset);
  for (const uint32_t raw : {sound.length + 1, sound.raw_length - 1, sound.raw_length + 1,
                             sound.raw_length * 2, kCompressedRawMax}) {
    ValuePointer pointer = sound;
    pointer.raw_length = raw;
    std::string value;
    Status status = segment->read(pointer, &value);
    EXPECT_EQ(status.code(), Code::kCorruption) << raw;
    EXPECT_NE(status.message().find(place), std::string::npos) << status.to_string();
    std::vector<ValueRead> reads(1);
    reads[0].segment = segment.get();
    reads[0].pointer = pointer;
    reads[0].to = value.data();
    read_values(&io_, reads);
    EXPECT_EQ(reads[0].status.code(), Code::kCorruption) << raw;
  }
  // The bytes stored, and lengths that need no look at them to be wrong.
  ValuePointer pointer = sound;
  for (const uint32_t raw : {sound.length, kCompressedRawMax + 1, ~uint32_t{0}}) {
    pointer.raw_length = raw;
    std::string encoded;
    pointer.encode(&encoded);
    EXPECT_FALSE(ValuePointer::decode(encoded, &pointer)) << raw;
  }
  pointer = sound;
  pointer.length = 1u << 31;
  pointer.raw_length = 0;
  std::string encoded;
  pointer.encode(&encoded);
  EXPECT_FALSE(ValuePointer::decode(encoded, &pointer));
}

// Checksums are right, but no compressor wrote this.
TEST_F(CompressedSegmentTest, BytesThatAreNoLz4AreErrors) {
  SegmentWriter writer(&io_, "vlog", 3, 4);
  ASSERT_TRUE(writer.open().is_ok());
  for (int n = 0; n < 300; n++) {
    const std::string bytes = noise(&rng_, 1 + rng_.uniform(400));
    ASSERT_TRUE(writer.add_stored(bytes, 1000, &pointers_.emplace_back()).is_ok());
  }
  SegmentMeta meta;
  ASSERT_TRUE(writer.finish(&meta).is_ok());
  const SegmentRef segment = Segment::open(&io_, "vlog", meta).take();
  for (const ValuePointer& pointer : pointers_) {
    std::string value;
    const Status status = segment->read(pointer, &value);
    EXPECT_EQ(status.code(), Code::kCorruption);
    EXPECT_NE(status.message().find("does not uncompress"), std::string::npos);
  }
}

TEST_F(CompressedSegmentTest, AFeatureThatIsNotKnownIsRefused) {
  const SegmentMeta meta = write(3, 4, 10);
  const std::string path = segment_path("vlog", 4);
  std::string footer = io_.contents(path).substr(meta.file_bytes - vlog::kFooterBytes);
  EXPECT_EQ(get_fixed32(footer.data() + 56), vlog::kFeatureCompressed);
  put_fixed32(footer.data() + 56, vlog::kFeatureCompressed << 1);
  put_fixed32(footer.data() + 64, crc32c(0, footer.data(), 64));
  ASSERT_TRUE(io_.overwrite(path, meta.file_bytes - footer.size(), footer));
  const Status status = check(meta);
  EXPECT_EQ(status.code(), Code::kNotSupported);
  EXPECT_NE(status.message().find(path), std::string::npos);
}

}  // namespace
}  // namespace pgz
