// Files whose checksums are right and whose contents are not: nothing is removed, hidden or moved
// for ever because of what they say.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "engine/base/coding.h"
#include "engine/lsm/values_test_util.h"
#include "engine/lsm/version.h"

namespace pgz {
namespace {

class UnsoundFilesTest : public ValuesFixture {
 protected:
  UnsoundFilesTest() : ValuesFixture(4) {}

  static constexpr int kLevel = kLevels - 1;
  static constexpr uint64_t kValues = 20;
  static constexpr uint64_t kValueBytes = 1000;

  // One table with one segment, closed.
  void SetUp() override {
    ValuesFixture::SetUp();
    for (uint64_t n = 0; n < kValues; n++) {
      std::string value(kValueBytes, '\0');
      for (char& c : value) c = static_cast<char>(noise_.next64());
      put_value(key_of(n), std::move(value));
    }
    ASSERT_TRUE(flush().is_ok());
    ASSERT_TRUE(lsm_->merge_now().is_ok());
    lsm_.reset();
    std::string segments;
    ASSERT_TRUE(open_table(table().number)->read_segments(&segments).is_ok());
    ASSERT_TRUE(SegmentUses::decode(segments, &uses_));
    ASSERT_EQ(uses_.bytes(), kValues * kValueBytes);
  }

  std::unique_ptr<TableReader> open_table(uint64_t number) {
    const std::string path = table_path("db/sst", number);
    auto source = std::make_unique<FileSource>(io_.open(path, OpenMode::kRead, {}).take());
    return TableReader::open(std::move(source), path, {.table_id = number}).take();
  }

  void append(const VersionEdit& edit) {
    auto manifest = Manifest::open(runtime(), "db/manifest", {.uuid = options().uuid}).take();
    const Status appended = manifest->append(edit);
    ASSERT_TRUE(appended.is_ok()) << appended.to_string();
  }

  FileMeta table() {
    auto manifest = Manifest::open(runtime(), "db/manifest", {.uuid = options().uuid}).take();
    return manifest->state().levels[kLevel].at(0);
  }

  SegmentMeta segment() {
    auto manifest = Manifest::open(runtime(), "db/manifest", {.uuid = options().uuid}).take();
    return manifest->state().segments.begin()->second;
  }

  void replace_meta(const FileMeta& meta) {
    VersionEdit edit;
    edit.removed = {{kLevel, meta.number}};
    edit.added = {{kLevel, meta}};
    append(edit);
  }

  // Writes the table's file anew, with the same entries, so that it says its values take `bytes`.
  void say_value_bytes(uint64_t bytes) {
    FileMeta meta = table();
    const std::string path = table_path("db/sst", meta.number);
    const auto reader = open_table(meta.number);
    std::string segments;
    put_varint32(&segments, 1);
    put_varint64(&segments, uses_.all().begin()->first);
    put_varint64(&segments, bytes);
    uses_.all().begin()->second.slots.encode(&segments);
    const std::string other = "db/sst/anew";
    auto file = io_.open(other, OpenMode::kCreateExclusive, {}).take();
    TableWriter writer(file.get(), other, {.table_id = meta.number});
    auto it = reader->new_iterator();
    for (it->seek_to_first(); it->valid(); it->next()) {
      ASSERT_TRUE(writer.add(it->key(), it->value()).is_ok());
    }
    writer.set_segments(std::move(segments), false);
    TableProperties properties;
    ASSERT_TRUE(writer.finish(&properties).is_ok());
    ASSERT_TRUE(io_.rename(other, path).is_ok());
    meta.file_bytes = properties.file_bytes;
    replace_meta(meta);
  }

  Status open_status() {
    lsm_.reset();
    LsmRecovered recovered;
    auto opened = Lsm::open(runtime(), "db", options(), &recovered);
    return opened.is_ok() ? Status::ok() : opened.take_status();
  }

  SplitMixRng noise_{7};
  SegmentUses uses_;  // of the table, as it was written
};

TEST_F(UnsoundFilesTest, ATableIsWhatTheManifestSaysInEveryNumber) {
  const FileMeta sound = table();
  ASSERT_EQ(sound.min_ts, 1u);
  ASSERT_EQ(sound.max_ts, kValues);
  const std::vector<std::function<void(FileMeta*)>> changes = {
      [](FileMeta* meta) { meta->min_ts++; },
      [](FileMeta* meta) { meta->min_ts--; },
      [](FileMeta* meta) { meta->max_ts--; },
      [](FileMeta* meta) { meta->tombstones++; },
  };
  for (size_t i = 0; i < changes.size(); i++) {
    FileMeta meta = sound;
    changes[i](&meta);
    replace_meta(meta);
    const Status status = open_status();
    EXPECT_TRUE(status.is(Code::kCorruption)) << i << status.to_string();
    EXPECT_NE(status.message().find(table_path("db/sst", sound.number)), std::string::npos)
        << status.message();
  }
  replace_meta(sound);
  reopen();
  check();
}

TEST_F(UnsoundFilesTest, NothingIsNewerThanTheNewestTimestamp) {
  VersionEdit edit;
  edit.last_ts = kValues - 1;
  append(edit);
  Status status = open_status();
  EXPECT_TRUE(status.is(Code::kCorruption)) << status.to_string();
  edit.last_ts = kValues;
  append(edit);
  VersionEdit drop;
  drop.drops_added = {{"a", "z", kValues + 1}};
  append(drop);
  status = open_status();
  EXPECT_TRUE(status.is(Code::kCorruption)) << status.to_string();
  VersionEdit undo;
  undo.drops_removed = drop.drops_added;
  append(undo);
  reopen();
  check();
}

TEST_F(UnsoundFilesTest, NumbersAreOfOneFileEach) {
  VersionEdit edit;
  edit.next_file_number = uint64_t{1} << 61;
  append(edit);
  EXPECT_TRUE(open_status().is(Code::kCorruption));
  edit.next_file_number = 100;
  append(edit);
  reopen();
  check();
}

TEST_F(UnsoundFilesTest, ARunIsOfOneCommit) {
  reopen();
  const auto writer = lsm_->new_run().take();
  ASSERT_TRUE(writer->add("run", Kind::kValue, "value").is_ok());
  const RunFile run = writer->finish().take();
  EXPECT_TRUE(lsm_->ingest({run, run}, kValues + 1, 1).code() == Code::kCorruption);
  ASSERT_TRUE(lsm_->ingest({run}, kValues + 1, 1).is_ok());
  EXPECT_EQ(lsm_->ingest({run}, kValues + 2, 2).code(), Code::kCorruption);
  ASSERT_TRUE(flush().is_ok());
  EXPECT_EQ(lsm_->ingest({run}, kValues + 2, 2).code(), Code::kCorruption);
}

TEST_F(UnsoundFilesTest, ALiveSegmentStaysWhateverItsTablesSayOfItsBytes) {
  for (const uint64_t bytes : {uint64_t{0}, kValues - 1, uint64_t{1} << 32, uint64_t{1} << 63}) {
    say_value_bytes(kValues * kValueBytes);
    ASSERT_TRUE(open_status().is_ok());
    say_value_bytes(bytes);
    const Status status = open_status();
    EXPECT_TRUE(status.is(Code::kCorruption)) << bytes << " " << status.to_string();
    EXPECT_NE(status.message().find(table_path("db/sst", table().number)), std::string::npos)
        << status.message();
    EXPECT_EQ(segment_files(), 1u);
  }
}

TEST_F(UnsoundFilesTest, CollectingEndsWhenTooFewBytesAreSaidToLive) {
  say_value_bytes(kValues);
  reopen();
  const std::string before = segment_path("db/vlog", segment().file);
  const Status status = lsm_->collect_now();
  EXPECT_TRUE(status.is(Code::kCorruption)) << status.to_string();
  EXPECT_NE(status.message().find(before), std::string::npos) << status.message();
  EXPECT_TRUE(io_.exists(before).take());
  lsm_.reset();
  EXPECT_EQ(segment_path("db/vlog", segment().file), before);
}

TEST_F(UnsoundFilesTest, CollectingEndsWhenTooManyBytesAreSaidToLive) {
  say_value_bytes(kValues * kValueBytes + 1);
  reopen();
  const uint64_t file = segment().file;
  EXPECT_TRUE(lsm_->collect_now().is_ok());
  EXPECT_EQ(segment().file, file);
}

TEST(PickSegment, MoreLiveThanThereIsIsNotWorthMoving) {
  const SegmentLoad wrong{.id = 1, .file = 1, .value_bytes = 1000, .live_bytes = 1001};
  const SegmentLoad garbage{.id = 2, .file = 2, .value_bytes = 100000, .live_bytes = 1};
  EXPECT_EQ(pick_segment(std::vector<SegmentLoad>{wrong, garbage}, 10, {}), 1u);
  EXPECT_EQ(pick_segment(std::vector<SegmentLoad>{garbage, wrong}, 10, {}), 0u);
}

}  // namespace
}  // namespace pgz
