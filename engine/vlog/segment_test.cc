// Segments: what is written is read back, alone and in batches, before and after moving; damage is
// a status that names the file; a crash at any step leaves a whole segment or none.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/clock.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/vlog/format.h"
#include "engine/vlog/open_segment.h"
#include "engine/vlog/vlog.h"

namespace pgz {
namespace {

class SegmentTest : public ::testing::Test {
 protected:
  SegmentTest() : io_(5) { EXPECT_TRUE(io_.mkdir("vlog").is_ok()); }

  static std::string value_of(int n) {
    return "value " + std::to_string(n) + std::string(static_cast<size_t>(n * 37 % 3000), 'x');
  }

  SegmentMeta write(uint64_t id, uint64_t file, int count) {
    SegmentWriter writer(&io_, "vlog", id, file);
    EXPECT_TRUE(writer.open().is_ok());
    pointers_.clear();
    for (int n = 0; n < count; n++) {
      EXPECT_TRUE(writer.add(value_of(n), &pointers_.emplace_back()).is_ok());
    }
    SegmentMeta meta;
    EXPECT_TRUE(writer.finish(&meta).is_ok());
    return meta;
  }

  // Opens it and reads all values that `live` (all when null) has.
  Status check(const SegmentMeta& meta, const SlotSet* live = nullptr) {
    PGZ_ASSIGN(SegmentRef segment, Segment::open(&io_, "vlog", meta));
    std::vector<Segment::Entry> entries;
    PGZ_TRY(segment->read_directory(&entries));
    for (const ValuePointer& pointer : pointers_) {
      std::string value;
      const Status status = segment->read(pointer, &value);
      if (live != nullptr && !live->contains(pointer.slot)) {
        EXPECT_EQ(status.code(), Code::kCorruption);
        continue;
      }
      PGZ_TRY(status);
      EXPECT_EQ(value, value_of(static_cast<int>(pointer.slot)));
    }
    return Status::ok();
  }

  SimIo io_;
  std::vector<ValuePointer> pointers_;
};

TEST_F(SegmentTest, ReadsWhatWasWritten) {
  const SegmentMeta meta = write(3, 4, 2000);  // several buffers
  EXPECT_EQ(meta.slots, 2000u);
  EXPECT_EQ(meta.file_bytes % kIoAlignment, 0u);
  EXPECT_TRUE(check(meta).is_ok());
}

TEST_F(SegmentTest, BatchesComeBackWhateverTheirOrder) {
  const SegmentMeta one = write(3, 4, 500);
  std::vector<ValuePointer> all = pointers_;
  const SegmentMeta two = write(5, 6, 500);
  all.insert(all.end(), pointers_.begin(), pointers_.end());
  const SegmentRef segments[] = {Segment::open(&io_, "vlog", one).take(),
                                 Segment::open(&io_, "vlog", two).take()};
  SplitMixRng rng(1);
  for (int round = 0; round < 20; round++) {
    std::vector<ValueRead> reads(64);
    std::vector<std::string> values(reads.size());
    for (size_t i = 0; i < reads.size(); i++) {
      reads[i].pointer = all[rng.uniform(all.size())];
      values[i].resize(reads[i].pointer.length);
      reads[i].segment = segments[reads[i].pointer.segment == 3 ? 0 : 1].get();
      reads[i].to = values[i].data();
    }
    reads[7].pointer.slot = 100000;
    read_values(&io_, reads);
    for (size_t i = 0; i < reads.size(); i++) {
      if (i == 7) {
        EXPECT_EQ(reads[i].status.code(), Code::kCorruption);
        continue;
      }
      ASSERT_TRUE(reads[i].status.is_ok()) << reads[i].status.to_string();
      EXPECT_EQ(values[i], value_of(static_cast<int>(reads[i].pointer.slot)));
    }
  }
}

TEST_F(SegmentTest, MovingKeepsSlotNumbers) {
  const SegmentMeta meta = write(3, 4, 300);
  SlotSet live;
  for (uint32_t slot = 0; slot < 250; slot += 3) live.add(slot);
  const SegmentRef from = Segment::open(&io_, "vlog", meta).take();
  SegmentMeta moved;
  ASSERT_TRUE(rewrite_segment(&io_, "vlog", *from, live, 9, &moved).is_ok());
  EXPECT_EQ(moved.id, 3u);
  EXPECT_EQ(moved.file, 9u);
  EXPECT_EQ(moved.values, live.count());
  EXPECT_EQ(moved.slots, live.limit());
  EXPECT_TRUE(check(moved, &live).is_ok());
  EXPECT_TRUE(check(meta).is_ok());  // who still reads the old file is not disturbed
  // And again from there.
  SlotSet fewer;
  for (uint32_t slot = 0; slot < 250; slot += 9) fewer.add(slot);
  const SegmentRef second = Segment::open(&io_, "vlog", moved).take();
  ASSERT_TRUE(rewrite_segment(&io_, "vlog", *second, fewer, 10, &moved).is_ok());
  EXPECT_TRUE(check(moved, &fewer).is_ok());
  // What was dropped does not come back.
  const SegmentRef third = Segment::open(&io_, "vlog", moved).take();
  EXPECT_EQ(rewrite_segment(&io_, "vlog", *third, live, 11, &moved).code(), Code::kCorruption);
  EXPECT_EQ(io_.list("vlog").take().size(), 3u);  // the failed one is gone
}

TEST_F(SegmentTest, EveryFlippedByteIsFoundOrHarmless) {
  const SegmentMeta meta = write(3, 4, 12);
  const std::string path = segment_path("vlog", 4);
  const std::string sound = io_.contents(path);
  int found = 0;
  for (uint64_t at = 0; at < sound.size(); at++) {
    ASSERT_TRUE(io_.flip_bit(path, at * 8 + at % 8));
    const Status status = check(meta);
    if (!status.is_ok()) {
      found++;
      EXPECT_TRUE(status.is(Code::kCorruption) || status.is(Code::kNotSupported));
      EXPECT_NE(status.message().find(path + " at "), std::string::npos) << status.to_string();
    }
    ASSERT_TRUE(io_.flip_bit(path, at * 8 + at % 8));
  }
  // All but the zeros between directory and footer, and four reserved bytes of the footer.
  const uint64_t covered =
      vlog::kHeaderBytes + meta.value_bytes + 12 * vlog::kEntryBytes + vlog::kFooterBytes - 4;
  EXPECT_EQ(static_cast<uint64_t>(found), covered);
}

TEST_F(SegmentTest, CutAndSwappedFilesAreFound) {
  const SegmentMeta one = write(3, 4, 50);
  const std::string bytes_one = io_.contents(segment_path("vlog", 4));
  const SegmentMeta two = write(5, 6, 50);
  ASSERT_EQ(one.file_bytes, two.file_bytes);
  ASSERT_TRUE(io_.overwrite(segment_path("vlog", 6), 0, bytes_one));
  EXPECT_EQ(check(two).code(), Code::kCorruption);
  // A value in another's place, lengths equal: pointers of segment 5 into the values of segment 3.
  ASSERT_TRUE(io_.overwrite(segment_path("vlog", 6), 0, vlog::encode_header(5, 6)));
  EXPECT_EQ(check(two).code(), Code::kCorruption);
  for (const uint64_t n : {one.file_bytes - 1, one.file_bytes - kIoAlignment, uint64_t{10}}) {
    ASSERT_TRUE(io_.cut(segment_path("vlog", 4), n));
    EXPECT_EQ(check(one).code(), Code::kCorruption);
  }
  ASSERT_TRUE(io_.remove(segment_path("vlog", 4)).is_ok());
  EXPECT_EQ(check(one).code(), Code::kNotFound);
}

TEST_F(SegmentTest, DamageIsNotMovedOn) {
  const SegmentMeta meta = write(3, 4, 50);
  const SegmentRef from = Segment::open(&io_, "vlog", meta).take();
  uint64_t offset = 0;
  ASSERT_TRUE(from->locate(pointers_[20], &offset).is_ok());
  ASSERT_TRUE(io_.flip_bit(segment_path("vlog", 4), offset * 8));
  SlotSet live;
  live.add(20);
  SegmentMeta moved;
  EXPECT_EQ(rewrite_segment(&io_, "vlog", *from, live, 9, &moved).code(), Code::kCorruption);
}

TEST_F(SegmentTest, ANewerFormatIsRefused) {
  const SegmentMeta meta = write(3, 4, 5);
  std::string header = vlog::encode_header(3, 4);
  put_fixed32(header.data() + 8, vlog::kSegmentVersion + 1);
  ASSERT_TRUE(io_.overwrite(segment_path("vlog", 4), 0, header));
  EXPECT_EQ(check(meta).code(), Code::kNotSupported);
}

// Version 1 as it was first written: values "alpha" and "beta", an empty slot between them, in
// segment 7 and file 8. The bytes are kept as their checksum.
TEST_F(SegmentTest, GoldenBytesOfVersionOne) {
  SegmentWriter writer(&io_, "vlog", 7, 8);
  ASSERT_TRUE(writer.open().is_ok());
  ValuePointer alpha;
  ValuePointer beta;
  ASSERT_TRUE(writer.add("alpha", &alpha).is_ok());
  writer.add_empty();
  ASSERT_TRUE(writer.add("beta", &beta).is_ok());
  SegmentMeta meta;
  ASSERT_TRUE(writer.finish(&meta).is_ok());
  const std::string bytes = io_.contents(segment_path("vlog", 8));
  ASSERT_EQ(bytes.size(), 8192u);
  EXPECT_EQ(crc32c(0, bytes.data(), bytes.size()), 3703290664u);
  EXPECT_EQ(alpha.crc, 2098501937u);
  std::string encoded;
  beta.encode(&encoded);
  EXPECT_EQ(crc32c(0, encoded.data(), encoded.size()), 1829663868u);
  ValuePointer back;
  ASSERT_TRUE(ValuePointer::decode(encoded, &back));
  EXPECT_EQ(back, beta);
  EXPECT_FALSE(ValuePointer::decode(encoded + "\4", &back));  // no raw length: not longer
  EXPECT_FALSE(ValuePointer::decode(encoded + "xx", &back));
}

// Power fails, or the process dies, at every call of a move: the old file is whole, and the new one
// is either what finish() said or can be taken away.
TEST_F(SegmentTest, CrashesDuringAMove) {
  const SegmentMeta meta = write(3, 4, 300);
  SlotSet live;
  for (uint32_t slot = 0; slot < 300; slot += 2) live.add(slot);
  for (const SimFault fault : {SimFault::kCrashPower, SimFault::kCrashKill, SimFault::kEio}) {
    bool moved_whole = false;
    for (uint64_t step = 0; !moved_whole; step++) {
      ASSERT_LT(step, 200u);
      SegmentMeta moved;
      Status status;
      {
        const SegmentRef from = Segment::open(&io_, "vlog", meta).take();
        io_.set_plan({{io_.calls() + step, fault}});
        status = rewrite_segment(&io_, "vlog", *from, live, 9, &moved);
        io_.clear_plan();
        if (!io_.crashed() && status.is_ok() && fault != SimFault::kEio) io_.crash_power();
      }
      if (io_.crashed()) io_.restart();
      ASSERT_TRUE(check(meta).is_ok());
      if (status.is_ok()) {
        moved_whole = true;
        EXPECT_TRUE(check(moved, &live).is_ok());
      }
      if (io_.exists(segment_path("vlog", 9)).take()) {
        ASSERT_TRUE(io_.remove(segment_path("vlog", 9)).is_ok());
      }
    }
  }
}

// The log's word on where a value is, intact and wrong: told before memory is taken for it.
TEST_F(SegmentTest, PlacesThatCannotBeAreNotRestored) {
  const std::string value(5000, 'v');
  PlacedValue placed;
  {
    const OpenSegmentRef open = OpenSegment::create(&io_, "vlog", 7, nullptr).take();
    ASSERT_TRUE(open->place(value, 1 << 20, &placed));
    const Slice slice(value);
    ASSERT_TRUE(open->write({&slice, 1}, {&placed, 1}).is_ok());
    open->release();
    ASSERT_TRUE(open->sync().is_ok());
  }
  const OpenSegmentRef open = OpenSegment::reopen(&io_, "vlog", 7, nullptr).take();
  PlacedValue wrong = placed;
  wrong.pointer.length = 1 << 30;
  EXPECT_TRUE(open->restore(wrong).is(Code::kCorruption));
  wrong = placed;
  wrong.pointer.slot = kSlotsMax - 1;
  EXPECT_TRUE(open->restore(wrong).is(Code::kCorruption));
  wrong = placed;
  wrong.offset = 0;
  EXPECT_TRUE(open->restore(wrong).is(Code::kCorruption));
  const Status restored = open->restore(placed);
  EXPECT_TRUE(restored.is_ok()) << restored.to_string();
}

}  // namespace
}  // namespace pgz
