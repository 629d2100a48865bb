#include "engine/sst/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <random>

#include "engine/io/sim/sim_io.h"
#include "engine/sst/table_rep.h"

namespace pgz {
namespace {

struct InternalLess {
  bool operator()(const std::string& a, const std::string& b) const {
    return compare_internal(a, b) < 0;
  }
};
using Model = std::map<std::string, std::string, InternalLess>;

std::string ikey(Slice user_key, uint64_t ts, Kind kind = Kind::kValue) {
  std::string key;
  append_internal_key(&key, user_key, ts, kind);
  return key;
}

std::string seek_key(Slice user_key, uint64_t ts) {
  std::string key;
  append_seek_key(&key, user_key, ts);
  return key;
}

// A cache that keeps everything, to see what is read.
class MapCache final : public BlockCache {
 public:
  Pin lookup(uint64_t table_id, uint64_t offset) override {
    const auto at = blocks_.find({table_id, offset});
    if (at == blocks_.end()) return {};
    hits++;
    pins++;
    return {at->second.get(), at->second.get()};
  }
  Pin insert(uint64_t table_id, uint64_t offset, OwnedBlock block) override {
    auto& place = blocks_[{table_id, offset}];
    place = std::move(block);
    pins++;
    return {place.get(), place.get()};
  }
  void release(void*) override { pins--; }
  bool keep(uint64_t bytes) override {
    if (!may_keep) return false;
    kept_bytes += bytes;
    kept_bytes_max = std::max(kept_bytes_max, kept_bytes);
    return true;
  }
  void unkeep(uint64_t bytes) override { kept_bytes -= bytes; }
  bool lend(uint64_t bytes) override {
    if (lent_bytes + bytes > lent_bytes_max) return false;
    lent_bytes += bytes;
    return true;
  }
  void take_back(uint64_t bytes) override { lent_bytes -= bytes; }

  int hits = 0;
  int pins = 0;
  bool may_keep = false;
  uint64_t kept_bytes = 0;
  uint64_t kept_bytes_max = 0;
  uint64_t lent_bytes = 0;
  uint64_t lent_bytes_max = ~uint64_t{0};

 private:
  std::map<std::pair<uint64_t, uint64_t>, OwnedBlock> blocks_;
};

struct Shape {
  TableOptions options;
  int keys = 0;
  size_t value_bytes_max = 100;
};

class TableTest : public ::testing::TestWithParam<int> {
 protected:
  TableTest() : io_(7) {}

  Shape shape() const {
    Shape shape;
    shape.options.table_id = 42;
    switch (GetParam()) {
      case 0:
        shape.keys = 1;
        break;
      case 1:
        shape.keys = 5000;
        break;
      case 2:  // many partitions
        shape.keys = 20000;
        shape.options.block_bytes = 256;
        break;
      case 3:
        shape.keys = 5000;
        shape.options.compression = Compression::kLz4;
        break;
      case 4:
        shape.keys = 5000;
        shape.options.global_ts = true;
        shape.options.block_bytes = 1024;
        break;
      case 5:  // no filter, large values
        shape.keys = 60;
        shape.options.filter_bits_per_key = 0;
        shape.value_bytes_max = 300000;
        break;
    }
    return shape;
  }

  Model model_for(const Shape& shape) {
    std::mt19937 rng(static_cast<uint32_t>(GetParam()));
    Model model;
    while (static_cast<int>(model.size()) < shape.keys) {
      std::string user = "t" + std::to_string(rng() % (static_cast<uint32_t>(shape.keys) * 2));
      if (rng() % 50 == 0) user.append(1000, 'k');
      const uint64_t ts = shape.options.global_ts ? 0 : 1 + rng() % 5;
      const Kind kind = rng() % 8 == 0 ? Kind::kTombstone : Kind::kValue;
      if (shape.options.global_ts && model.contains(ikey(user, 0, Kind::kValue))) continue;
      if (shape.options.global_ts && model.contains(ikey(user, 0, Kind::kTombstone))) continue;
      model[ikey(user, ts, kind)] =
          std::string(rng() % (shape.value_bytes_max + 1), static_cast<char>('a' + rng() % 26));
    }
    return model;
  }

  TableProperties write(const Shape& shape, const Model& model) {
    auto file = io_.open("t.sst", OpenMode::kCreate, {.table = true});
    EXPECT_TRUE(file.is_ok());
    TableWriter writer(file.value().get(), "t.sst", shape.options);
    for (const auto& [key, value] : model) EXPECT_TRUE(writer.add(key, value).is_ok());
    TableProperties properties;
    EXPECT_TRUE(writer.finish(&properties).is_ok());
    EXPECT_EQ(properties.file_bytes, file.value()->size().value());
    return properties;
  }

  std::unique_ptr<TableReader> open(BlockCache* cache, uint64_t global_ts) {
    TableReadOptions options;
    options.table_id = 42;
    options.cache = cache;
    options.global_ts = global_ts;
    auto reader = TableReader::open(
        std::make_unique<FileSource>(io_.open("t.sst", OpenMode::kRead, {.table = true}).take()),
        "t.sst", options);
    EXPECT_TRUE(reader.is_ok()) << reader.status().to_string();
    return reader.take();
  }

  SimIo io_;
};

void expect_walks(const Model& model, Iterator* it) {
  it->seek_to_first();
  for (const auto& [key, value] : model) {
    ASSERT_TRUE(it->valid());
    ASSERT_EQ(it->key(), key);
    ASSERT_EQ(it->value(), value);
    it->next();
  }
  ASSERT_FALSE(it->valid());
  it->seek_to_last();
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    ASSERT_TRUE(it->valid());
    ASSERT_EQ(it->key(), at->first);
    it->prev();
  }
  ASSERT_FALSE(it->valid());
  ASSERT_TRUE(it->status().is_ok());
}

TEST_P(TableTest, ReadsBackWhatWasWritten) {
  const Shape shape = this->shape();
  const Model stored = model_for(shape);
  const TableProperties properties = write(shape, stored);
  EXPECT_EQ(properties.entries, stored.size());
  Model model = stored;
  const uint64_t global_ts = shape.options.global_ts ? 99 : 0;
  if (global_ts != 0) {
    model.clear();
    for (const auto& [key, value] : stored) {
      model[ikey(user_key_of(key), 99, trailer_kind(load_trailer(key)))] = value;
    }
  }
  MapCache cache;
  MapCache keeping;
  keeping.may_keep = true;
  for (BlockCache* used : std::initializer_list<BlockCache*>{nullptr, &cache, &keeping}) {
    const auto reader = open(used, global_ts);
    EXPECT_TRUE(reader->verify().is_ok());
    const auto it = reader->new_iterator();
    expect_walks(model, it.get());
    int seeks = 0;
    for (const auto& [key, value] : model) {
      if (model.size() > 1000 && seeks++ % 17 != 0) continue;
      for (const uint64_t ts : {uint64_t{0}, trailer_ts(load_trailer(key)), kMaxTimestamp}) {
        const std::string target = seek_key(user_key_of(key), ts);
        const auto expected = model.lower_bound(target);
        it->seek(target);
        ASSERT_EQ(it->valid(), expected != model.end());
        if (it->valid()) {
          ASSERT_EQ(it->key(), expected->first);
        }
        it->seek_for_prev(target);
        ASSERT_EQ(it->valid(), expected != model.begin());
        if (it->valid()) {
          ASSERT_EQ(it->key(), std::prev(expected)->first);
        }

        TableGetResult result;
        std::string got;
        ASSERT_TRUE(reader->get(target, &got, &result).is_ok());
        const bool found =
            expected != model.end() && user_key_of(expected->first) == user_key_of(key);
        ASSERT_EQ(result.found, found);
        if (found) {
          ASSERT_EQ(got, expected->second);
          ASSERT_EQ(result.ts, trailer_ts(load_trailer(expected->first)));
          ASSERT_EQ(result.kind, trailer_kind(load_trailer(expected->first)));
        }
      }
      it->seek_for_prev(key);
      ASSERT_TRUE(it->valid());
      ASSERT_EQ(it->key(), key);
    }
    TableGetResult result;
    for (const char* missing : {"", "a", "t", "zz"}) {
      ASSERT_TRUE(reader->get(seek_key(missing, 5), nullptr, &result).is_ok());
      EXPECT_FALSE(result.found);
    }
  }
  EXPECT_GT(cache.hits, 0);
  EXPECT_GT(keeping.kept_bytes_max, 0u);
  for (const MapCache* used : {&cache, &keeping}) {
    EXPECT_EQ(used->pins, 0);
    EXPECT_EQ(used->kept_bytes, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, TableTest, ::testing::Range(0, 6));

// Counts reads of bytes that tell their own place.
class CountedBytes final : public TableSource {
 public:
  static char at(uint64_t offset) { return static_cast<char>(offset * 31 + offset / 251); }
  Status read(uint64_t offset, void* buffer, size_t n) override {
    reads++;
    end = std::max(end, offset + n);
    for (size_t i = 0; i < n; i++) static_cast<char*>(buffer)[i] = at(offset + i);
    return Status::ok();
  }
  Result<uint64_t> size() override { return uint64_t{1} << 40; }

  bool is_direct() const override { return direct; }

  int reads = 0;
  uint64_t end = 0;
  bool direct = false;
};

TEST(ReadAhead, TakesNoMoreThanIsLent) {
  constexpr uint64_t kLimit = 4 << 20;
  std::string buffer(8000, '\0');
  const auto reads_with = [&](uint64_t lent_max, bool direct) {
    CountedBytes bytes;
    bytes.direct = direct;
    MapCache cache;
    cache.lent_bytes_max = lent_max;
    uint64_t most = 0;
    {
      sst::ReadAhead ahead(&bytes, kLimit, &cache);
      for (uint64_t offset = 0; offset + 8000 < kLimit; offset += 8000) {
        EXPECT_TRUE(ahead.read(offset, buffer.data(), 8000).is_ok());
        EXPECT_EQ(buffer[7999], CountedBytes::at(offset + 7999));
        most = std::max(most, cache.lent_bytes);
      }
    }
    EXPECT_LE(most, lent_max);
    EXPECT_EQ(cache.lent_bytes, 0u);
    return bytes.reads;
  };
  const int alone = reads_with(0, true);
  const int some = reads_with(100 << 10, true);
  const int buffered = reads_with(1 << 20, false);
  const int all = reads_with(1 << 20, true);
  EXPECT_EQ(alone, 524);
  EXPECT_LT(some, 120);
  EXPECT_LT(buffered, 120);
  EXPECT_LT(all, 40);
}

TEST(ReadAhead, PiecesGrowAndTheBytesAreTheSame) {
  constexpr uint64_t kLimit = 4 << 20;
  CountedBytes bytes;
  bytes.direct = true;
  sst::ReadAhead ahead(&bytes, kLimit, nullptr);
  std::mt19937 rng(1);
  std::string buffer(20000, '\0');
  const auto read = [&](uint64_t offset, size_t n) {
    ASSERT_TRUE(ahead.read(offset, buffer.data(), n).is_ok());
    for (size_t i = 0; i < n; i++) ASSERT_EQ(buffer[i], CountedBytes::at(offset + i));
  };
  int asked = 0;
  for (uint64_t offset = 0; offset + 20000 < kLimit; asked++) {
    const size_t n = 1 + rng() % 16000;
    read(offset, n);
    offset += n + (rng() % 4 == 0 ? rng() % 5000 : 0);
  }
  EXPECT_GT(asked, 300);
  EXPECT_LT(bytes.reads, 40);
  EXPECT_LE(bytes.end, kLimit);
  const int before = bytes.reads;
  for (int i = 0; i < 100; i++) {  // at random nothing is read that was not asked for
    read((rng() % 30) * 131072 + 70000, 100);
  }
  EXPECT_LE(bytes.reads, before + 100);
  EXPECT_LE(bytes.end, kLimit);
}

class TableRulesTest : public ::testing::Test {
 protected:
  TableRulesTest() : io_(1), file_(io_.open("t.sst", OpenMode::kCreate, {.table = true}).take()) {}
  SimIo io_;
  std::unique_ptr<File> file_;
};

TEST_F(TableRulesTest, RefusesDisorder) {
  TableWriter writer(file_.get(), "t.sst", {});
  ASSERT_TRUE(writer.add(ikey("b", 5), "").is_ok());
  EXPECT_TRUE(writer.add(ikey("b", 5), "").is(Code::kInvalidArgument));
  EXPECT_TRUE(writer.add(ikey("b", 6), "").is(Code::kInvalidArgument));
  EXPECT_TRUE(writer.add(ikey("a", 5), "").is(Code::kInvalidArgument));
  EXPECT_TRUE(writer.add(ikey("b", 4), "").is_ok());
  EXPECT_TRUE(
      writer.add(ikey(std::string(kMaxUserKeyBytes + 1, 'c'), 4), "").is(Code::kInvalidArgument));
}

TEST_F(TableRulesTest, ARunHoldsEachKeyOnceWithoutTimestamp) {
  TableOptions options;
  options.global_ts = true;
  TableWriter writer(file_.get(), "t.sst", options);
  EXPECT_TRUE(writer.add(ikey("a", 5), "").is(Code::kInvalidArgument));
  ASSERT_TRUE(writer.add(ikey("a", 0, Kind::kTombstone), "").is_ok());
  EXPECT_TRUE(writer.add(ikey("a", 0, Kind::kValue), "").is(Code::kInvalidArgument));
}

TEST_F(TableRulesTest, RefusesAnEmptyTable) {
  TableWriter writer(file_.get(), "t.sst", {});
  TableProperties properties;
  EXPECT_TRUE(writer.finish(&properties).is(Code::kInvalidArgument));
}

TEST_F(TableRulesTest, GlobalTimestampMustFitTheTable) {
  TableProperties properties;
  TableWriter writer(file_.get(), "t.sst", {});
  ASSERT_TRUE(writer.add(ikey("a", 5), "").is_ok());
  ASSERT_TRUE(writer.finish(&properties).is_ok());
  TableReadOptions options;
  options.global_ts = 9;
  EXPECT_EQ(
      TableReader::open(std::make_unique<FileSource>(std::move(file_)), "t.sst", options).code(),
      Code::kInvalidArgument);
}

TEST_F(TableRulesTest, NoSpaceIsPassedOnAndSticks) {
  io_.set_capacity(100000);
  TableWriter writer(file_.get(), "t.sst", {});
  const std::string value(1000, 'v');
  Status status;
  for (int i = 0; i < 1000 && status.is_ok(); i++) {
    status = writer.add(ikey("key" + std::to_string(1000 + i), 1), value);
  }
  EXPECT_TRUE(status.is(Code::kNoSpace)) << status.to_string();
  TableProperties properties;
  EXPECT_TRUE(writer.finish(&properties).is(Code::kNoSpace));
}

}  // namespace
}  // namespace pgz
