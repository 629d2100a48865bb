// What the reader says about files that are not what they were: always a status that names file
// and place, never wrong data.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/io/sim/sim_io.h"
#include "engine/sst/block.h"
#include "engine/sst/format.h"
#include "engine/sst/table.h"

namespace pgz {
namespace {

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() : io_(3) { sound_ = make(42); }

  std::string make(uint64_t table_id) {
    auto file = io_.open("made.sst", OpenMode::kCreate, {}).take();
    TableOptions options;
    options.table_id = table_id;
    options.block_bytes = 512;
    TableWriter writer(file.get(), "made.sst", options);
    for (int i = 0; i < 400; i++) {
      std::string key;
      append_internal_key(&key, "key" + std::to_string(1000 + i), 7, Kind::kValue);
      EXPECT_TRUE(writer.add(key, "value" + std::to_string(i)).is_ok());
    }
    TableProperties properties;
    EXPECT_TRUE(writer.finish(&properties).is_ok());
    std::string bytes(properties.file_bytes, '\0');
    EXPECT_TRUE(file->read(0, bytes.data(), bytes.size()).is_ok());
    EXPECT_TRUE(io_.remove("made.sst").is_ok());
    return bytes;
  }

  Result<std::unique_ptr<TableReader>> open(const std::string& bytes) {
    (void)io_.remove("t.sst");
    auto file = io_.open("t.sst", OpenMode::kCreate, {}).take();
    EXPECT_TRUE(file->write(0, bytes.data(), bytes.size()).is_ok());
    TableReadOptions options;
    options.table_id = 42;
    return TableReader::open(std::make_unique<FileSource>(std::move(file)), "t.sst", options);
  }

  // Opens and reads everything.
  Status check(const std::string& bytes) {
    auto reader = open(bytes);
    if (!reader.is_ok()) return reader.take_status();
    PGZ_TRY(reader.value()->verify());
    for (int i = 0; i < 400; i++) {
      std::string key;
      append_seek_key(&key, "key" + std::to_string(1000 + i), kMaxTimestamp);
      TableGetResult result;
      std::string value;
      PGZ_TRY(reader.value()->get(key, &value, &result));
      EXPECT_TRUE(result.found);
      EXPECT_EQ(value, "value" + std::to_string(i));
    }
    return Status::ok();
  }

  static void expect_names_the_place(const Status& status) {
    EXPECT_NE(status.message().find("t.sst at "), std::string::npos) << status.to_string();
  }

  SimIo io_;
  std::string sound_;
};

TEST_F(DamageTest, ASoundTableIsSound) { EXPECT_TRUE(check(sound_).is_ok()); }

TEST_F(DamageTest, EveryFlippedByteIsFound) {
  for (size_t at = 0; at < sound_.size(); at++) {
    std::string bytes = sound_;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    const Status status = check(bytes);
    const size_t in_footer = at - (sound_.size() - sst::kFooterBytes);
    if (at >= sound_.size() - sst::kFooterBytes && in_footer >= 108 && in_footer < 112) {
      continue;  // four unused bytes
    }
    ASSERT_TRUE(status.is(Code::kCorruption) || status.is(Code::kNotSupported))
        << "byte " << at << ": " << status.to_string();
    expect_names_the_place(status);
  }
}

TEST_F(DamageTest, EveryTruncationIsFound) {
  for (size_t size = 0; size < sound_.size(); size += 1 + size / 50) {
    const Status status = check(sound_.substr(0, size));
    ASSERT_TRUE(status.is(Code::kCorruption)) << size << ": " << status.to_string();
    expect_names_the_place(status);
  }
}

TEST_F(DamageTest, GrownFile) {
  EXPECT_TRUE(check(sound_ + "x").is(Code::kCorruption));
  EXPECT_TRUE(check("x" + sound_).is(Code::kCorruption));
}

TEST_F(DamageTest, ForeignFile) {
  const Status status = check(std::string(5000, 'z'));
  EXPECT_TRUE(status.is(Code::kCorruption));
  EXPECT_NE(status.message().find("not a table"), std::string::npos) << status.to_string();
}

TEST_F(DamageTest, AnotherTablesFile) {
  const Status status = check(make(43));
  EXPECT_TRUE(status.is(Code::kCorruption));
  EXPECT_NE(status.message().find("table 43, not 42"), std::string::npos) << status.to_string();
}

TEST_F(DamageTest, NewerVersion) {
  std::string bytes = sound_;
  put_fixed32(bytes.data() + bytes.size() - sst::kFooterBytes + 100, sst::kTableVersion + 1);
  const Status status = check(bytes);
  EXPECT_TRUE(status.is(Code::kNotSupported));
  expect_names_the_place(status);
  EXPECT_NE(status.message().find("newer"), std::string::npos) << status.to_string();
}

TEST_F(DamageTest, UnknownFeatureOrEncryption) {
  for (const size_t field : {size_t{72}, size_t{96}}) {
    std::string bytes = sound_;
    char* footer = bytes.data() + bytes.size() - sst::kFooterBytes;
    footer[field + 3] = 1;
    put_fixed32(footer + 104, crc32c(0, footer, 104));
    EXPECT_TRUE(check(bytes).is(Code::kNotSupported)) << field;
  }
}

TEST_F(DamageTest, ABlockOfAnotherPlaceOrFileIsNotTaken) {
  auto file = io_.open("b", OpenMode::kCreate, {}).take();
  const std::string bytes(100, 'b');
  std::string stored = bytes + '\0';
  put_fixed32(&stored, sst::block_crc(42, 0, bytes, 0));
  ASSERT_TRUE(file->write(0, stored.data(), stored.size()).is_ok());
  ASSERT_TRUE(file->write(stored.size(), stored.data(), stored.size()).is_ok());
  FileSource source(std::move(file));
  const auto read = [&](uint64_t table_id, uint64_t offset) {
    return sst::read_block(&source, "b", table_id, 2 * stored.size(), {offset, bytes.size()})
        .code();
  };
  EXPECT_EQ(read(42, 0), Code::kOk);
  EXPECT_EQ(read(42, stored.size()), Code::kCorruption);
  EXPECT_EQ(read(43, 0), Code::kCorruption);
}

// Its checksum fits, and it asks for a GiB.
TEST_F(DamageTest, AFewBytesDoNotUnpackToMany) {
  auto file = io_.open("b", OpenMode::kCreate, {}).take();
  std::string bytes;
  put_varint32(&bytes, 1 << 30);
  bytes.append(100, 'b');
  constexpr uint8_t kLz4 = 1;
  std::string stored = bytes + static_cast<char>(kLz4);
  put_fixed32(&stored, sst::block_crc(42, 0, bytes, kLz4));
  ASSERT_TRUE(file->write(0, stored.data(), stored.size()).is_ok());
  FileSource source(std::move(file));
  const auto read = sst::read_block(&source, "b", 42, stored.size(), {0, bytes.size()});
  ASSERT_TRUE(read.status().is(Code::kCorruption));
  EXPECT_NE(read.status().message().find("uncompressed size"), std::string::npos);
}

// An index of blocks without entries: as long as one has no entries a scan would go on to the next.
TEST_F(DamageTest, BlocksWithoutEntriesAreRefused) {
  auto file = io_.open("s", OpenMode::kCreate, {}).take();
  ASSERT_TRUE(file->write(0, sound_.data(), sound_.size()).is_ok());
  FileSource source(std::move(file));
  sst::Footer footer;
  const size_t limit = sound_.size() - sst::kFooterBytes;
  ASSERT_TRUE(sst::Footer::decode(sound_.substr(limit), "s", limit, &footer).is_ok());
  const auto top = sst::read_block(&source, "s", 42, limit, footer.top_index).take();
  BlockIterator index;
  index.init(top->slice(), 0);
  index.seek_to_first();
  ASSERT_TRUE(index.valid());
  sst::BlockHandle partition;
  Slice value = index.value();
  ASSERT_TRUE(partition.decode(&value));
  std::string bytes = sound_;
  // Restart points and their number, no more.
  char* const block = bytes.data() + partition.offset;
  std::memset(block, 0, partition.size);
  put_fixed32(block + partition.size - 4, static_cast<uint32_t>((partition.size - 4) / 4));
  block[partition.size] = 0;
  put_fixed32(block + partition.size + 1,
              sst::block_crc(42, partition.offset, Slice(block, partition.size), 0));
  auto reader = open(bytes);
  ASSERT_TRUE(reader.is_ok());
  for (const bool reverse : {false, true}) {
    const auto it = reader.value()->new_iterator(false);
    reverse ? it->seek_to_last() : it->seek_to_first();
    EXPECT_FALSE(it->valid());
    EXPECT_TRUE(it->status().is(Code::kCorruption)) << it->status().to_string();
    expect_names_the_place(it->status());
  }
}

TEST_F(DamageTest, RandomBytesAsPropertiesAndFooter) {
  std::mt19937 rng(1);
  for (int round = 0; round < 2000; round++) {
    std::string bytes(rng() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng());
    TableProperties properties;
    (void)sst::decode_properties(bytes, &properties);
    sst::Footer footer;
    EXPECT_FALSE(sst::Footer::decode(bytes, "t.sst", 0, &footer).is_ok());
  }
}

}  // namespace
}  // namespace pgz
