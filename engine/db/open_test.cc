// Opening what no commit of ours leaves behind, and opening where memory runs out.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/db/db.h"
#include "engine/db/identity.h"
#include "engine/db/record.h"
#include "engine/db/transaction.h"
#include "engine/io/sim/sim_io.h"
#include "engine/lsm/manifest.h"

namespace pgz {
namespace {

// A disk on which opening a file of the manifest throws as an allocation does, once told to.
class FailingIo final : public SimIo {
 public:
  using SimIo::SimIo;
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                     OpenFlags flags) override {
    if (has_no_memory && path.find("manifest") != std::string::npos) throw std::bad_alloc();
    return SimIo::open(path, mode, flags);
  }
  bool has_no_memory = false;
};

class OpenTest : public testing::TestWithParam<uint64_t> {
 protected:
  // A database with one commit in its log.
  void SetUp() override {
    auto db = open().take();
    const std::shared_ptr<Transaction> t = db->begin({});
    uint64_t timestamp = 0;
    ASSERT_TRUE(t->simple_write(Kind::kValue, "key", "value").is_ok());
    ASSERT_TRUE(t->commit(false, 0, &timestamp).is_ok());
    ASSERT_TRUE(db->close().is_ok());
  }

  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }

  Result<std::unique_ptr<Db>> open() {
    DbOptions options;
    options.log_slot_bytes = 1 << 20;
    options.memory_budget_bytes = 8 << 20;
    return Db::open(runtime(), "/db", options, [] {});
  }

  // Writes one more commit into the log, as a database would.
  void append_commit(uint64_t ts) {
    LogOptions options;
    options.uuid = read_identity(runtime(), "/db").take().uuid;
    options.slot_bytes = options.first_slot_bytes = 1 << 20;
    const std::string uuid(options.uuid.begin(), options.uuid.end());
    const auto manifest = Manifest::open(runtime(), "/db/manifest", {.uuid = uuid}).take();
    const auto log = Log::open(runtime(), "/db/log", options).take();
    RecoverResult result;
    const auto ignore = [](Lsn, Slice) { return Status::ok(); };
    const Status status = log->recover(manifest->state().flushed_lsn, ignore, &result);
    ASSERT_TRUE(status.is_ok()) << status.to_string();
    CommitRecordBuilder record(0);
    record.begin_drops(0);
    record.begin_runs(0);
    record.begin_writes(1);
    record.add_write(Kind::kValue, "late", "value");
    record.set_timestamp(ts);
    ASSERT_TRUE(log->append(record.bytes()).is_ok());
    ASSERT_TRUE(log->flush(nullptr).is_ok());
  }

  FailingIo io_{1};
  SplitMixRng rng_{1};
};

TEST_P(OpenTest, ACommitOfTheFarFutureIsRefused) {
  append_commit(1000);
  if (HasFatalFailure()) return;
  ASSERT_TRUE(open().is_ok());
  append_commit(GetParam());
  if (HasFatalFailure()) return;
  const auto opened = open();
  ASSERT_FALSE(opened.is_ok());
  EXPECT_EQ(opened.code(), Code::kCorruption);
  const std::string why = opened.status().message();
  EXPECT_NE(why.find("log record ending at"), std::string::npos) << why;
  EXPECT_NE(why.find(std::to_string(GetParam())), std::string::npos) << why;
}

INSTANTIATE_TEST_SUITE_P(, OpenTest,
                         testing::Values(kStoredTimestampEnd, kMaxTimestamp, UINT64_MAX));

TEST_P(OpenTest, RunningOutOfMemoryEndsIt) {
  io_.has_no_memory = true;
  EXPECT_THROW((void)open().is_ok(), std::bad_alloc);
  io_.has_no_memory = false;
  EXPECT_TRUE(open().is_ok());
}

}  // namespace
}  // namespace pgz
