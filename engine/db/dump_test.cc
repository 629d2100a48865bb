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
