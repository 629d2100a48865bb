// Dumps of files as a running database has them. Those of a closed one are compared with kept texts
// by tests/formats.
#include "engine/db/dump.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/sim/sim_io.h"
#include "engine/vlog/format.h"

namespace pgz {
namespace {

class DumpTest : public testing::Test {
 protected:
  DumpTest() : io_(1), rng_(1) {
    const Runtime runtime{&io_, system_clock(), &rng_, thread_executor()};
    DbOptions options;
    options.log_slot_bytes = 1 << 20;
    options.memory_budget_bytes = 8 << 20;
    Result<std::unique_ptr<Db>> opened = Db::open(runtime, "/db", options, [] {});
    EXPECT_TRUE(opened.is_ok()) << opened.status().to_string();
    db_ = opened.take();
  }
  std::string dump(const std::string& path) {
    std::string text;
    const Status s = dump_file(&io_, path, {}, &text);
    EXPECT_TRUE(s.is_ok()) << path << ": " << s.to_string() << "\n" << text;
    return text;
  }

  SimIo io_;
  SplitMixRng rng_;
  std::unique_ptr<Db> db_;
};

TEST_F(DumpTest, FilesOfAnOpenDatabaseAreSound) {
  auto txn = db_->begin({});
  ASSERT_TRUE(txn->simple_write(Kind::kValue, "large", std::string(100'000, 'v')).is_ok());
  ASSERT_TRUE(txn->simple_write(Kind::kValue, "small", "v").is_ok());
  uint64_t ts = 0;
  ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
  int segments = 0;
  for (const std::string& path : io_.all_files()) {
    if (path.ends_with("LOCK") || path.find("reserve") != std::string::npos) continue;
    if (path.find("flush-method") != std::string::npos) continue;
    const std::string text = dump(path);
    if (path.ends_with(".seg")) {
      EXPECT_NE(text.find("open"), std::string::npos) << text;
      segments++;
    }
  }
  EXPECT_EQ(segments, 1);
}

// Records of several blocks, and damage in the first: the others are told as they are.
TEST_F(DumpTest, DamageInALogSlotIsTheOnlyOne) {
  for (int n = 0; n < 3; n++) {
    auto txn = db_->begin({});
    for (int i = 0; i < 100; i++) {
      const std::string key = std::to_string(n) + "/" + std::to_string(i);
      ASSERT_TRUE(txn->simple_write(Kind::kValue, key, std::string(300, 'v')).is_ok());
    }
    uint64_t ts = 0;
    ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
  }
  const std::string path = "/db/log/000001.slot";
  const std::string sound = dump(path);
  EXPECT_EQ(sound.find("missing"), std::string::npos) << sound;
  ASSERT_TRUE(io_.flip_bit(path, 3 * 4096 * 8));
  std::string text;
  Status s = dump_file(&io_, path, {}, &text);
  EXPECT_TRUE(s.is(Code::kCorruption)) << s.to_string();
  EXPECT_NE(s.message().find(path + " at 12288: no valid log block"), std::string::npos)
      << s.message();
  size_t damaged = 0;
  size_t commits = 0;
  for (size_t at = 0; (at = text.find("DAMAGED", at)) != std::string::npos; at++) damaged++;
  for (size_t at = 0; (at = text.find(", 100 writes", at)) != std::string::npos; at++) commits++;
  EXPECT_EQ(damaged, 1u) << text;
  EXPECT_EQ(commits, 2u) << text;
  EXPECT_NE(text.find("the rest of a record is missing"), std::string::npos) << text;
}

TEST_F(DumpTest, FilesThatAreCutOffAreDamaged) {
  const struct {
    const char* path;
    uint64_t left;
  } cuts[] = {{"/db/log/000001.slot", 512 << 10},
              {"/db/log/000001.slot", 0},
              {"/db/manifest/edits-0", 5000},  // how long it is stands in the superblock
              {"/db/manifest/edits-0", 0},
              {"/db/IDENTITY", 20}};
  for (const auto& [path, left] : cuts) {
    ASSERT_TRUE(io_.cut(path, left));
    std::string text;
    const Status s = dump_file(&io_, path, {}, &text);
    EXPECT_TRUE(s.is(Code::kCorruption)) << path << " cut to " << left << ": " << text;
  }
}

// As a crash leaves one that was begun and got no value.
TEST_F(DumpTest, ASegmentWithoutValuesIsSound) {
  const std::string path = "/db/vlog/00000077.seg";
  const std::string header = vlog::encode_header(77, 77);
  {
    auto file = io_.open(path, OpenMode::kCreate, {}).take();
    ASSERT_TRUE(file->write(0, header.data(), header.size()).is_ok());
  }
  EXPECT_NE(dump(path).find("open"), std::string::npos);
  ASSERT_TRUE(io_.cut(path, header.size() - 1));
  std::string text;
  EXPECT_TRUE(dump_file(&io_, path, {}, &text).is(Code::kCorruption)) << text;
}

}  // namespace
}  // namespace pgz
