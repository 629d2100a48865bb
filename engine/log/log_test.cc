// What a log promises when nothing crashes.
#include "engine/log/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>

#include "engine/base/sync.h"
#include "engine/io/posix.h"
#include "engine/log/log_test_util.h"

namespace pgz {
namespace {

TEST(Log, RecordsOfAllSizesComeBackInOrder) {
  SimIo io(1);
  auto log = create_log(&io);
  std::vector<std::string> written;
  std::vector<Lsn> ends;
  Lsn last = 0;
  for (size_t n : {1u, 2u, 4000u, 4047u, 4048u, 4049u, 5u, 8100u, 100u, 30000u, 70000u, 3u, 200000u,
                   900000u}) {
    written.push_back(text_of(written.size(), n));
    const Appended at = put(log.get(), written.back());
    EXPECT_GE(at.lsn_begin, last);
    EXPECT_GT(at.lsn_end, at.lsn_begin + n);
    last = at.lsn_end;
    ends.push_back(at.lsn_end);
    if (written.size() % 3 == 0) {
      ASSERT_TRUE(log->flush(nullptr).is_ok());
    }
  }
  EXPECT_TRUE(log->has_pending());
  ASSERT_TRUE(log->flush(nullptr).is_ok());
  EXPECT_FALSE(log->has_pending());
  log.reset();
  for (int round = 0; round < 3; ++round) {
    Recovered r = reopen(&io);
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    EXPECT_EQ(r.records, written);
    EXPECT_EQ(r.ends, ends);
    EXPECT_GE(r.result.end_lsn, last);
  }
}

TEST(Log, GatherListIsOneRecord) {
  SimIo io(1);
  auto log = create_log(&io);
  const std::string big = text_of(1, 9000);
  const Slice pieces[] = {"", "head,", "", big, ",tail", ""};
  ASSERT_TRUE(log->append(pieces).is_ok());
  ASSERT_TRUE(log->flush(nullptr).is_ok());
  EXPECT_EQ(log->append(Slice()).code(), Code::kInvalidArgument);
  EXPECT_EQ(reopen(&io).records, (std::vector<std::string>{"head," + big + ",tail"}));
}

TEST(Log, RecoveryStartsBehindFromLsn) {
  SimIo io(2);
  auto log = create_log(&io);
  std::vector<Appended> at;
  std::vector<std::string> written;
  for (size_t i = 0; i < 60; ++i) {
    written.push_back(text_of(i, i % 7 == 0 ? 6000 : 50 + i));
    at.push_back(put(log.get(), written.back()));
    if (i % 4 == 0) {
      ASSERT_TRUE(log->flush(nullptr).is_ok());
    }
  }
  ASSERT_TRUE(log->flush(nullptr).is_ok());
  log.reset();
  for (size_t i = 0; i < at.size(); i += 7) {
    Recovered r = reopen(&io, at[i].lsn_end);
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    EXPECT_EQ(r.records,
              std::vector<std::string>(written.begin() + static_cast<long>(i) + 1, written.end()));
  }
}

TEST(Log, EachLifeAddsToTheOneBefore) {
  SimIo io(3);
  std::vector<std::string> written;
  auto log = create_log(&io);
  Lsn last = 0;
  for (size_t life = 0; life < 12; ++life) {
    for (size_t i = 0; i < life % 4; ++i) {  // some lives write nothing
      written.push_back(text_of(written.size(), 3000));
      const Appended at = put_durable(log.get(), written.back());
      EXPECT_GT(at.lsn_begin, last) << "positions are never used twice";
      last = at.lsn_end;
    }
    if (life % 3 == 0) {
      ASSERT_TRUE(log->seal().is_ok());
    }
    Recovered r = reopen(&io);
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    EXPECT_EQ(r.records, written);
    EXPECT_EQ(r.result.sealed, life % 3 == 0 || life % 4 == 0);
    log = std::move(r.log);
  }
}

TEST(Log, RestartsThatWriteNothingDoNotCollectSlots) {
  SimIo io(4);
  put_durable(create_log(&io).get(), "x");
  reopen(&io);
  const size_t files = io.all_files().size();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(reopen(&io).records.size(), 1u);
  EXPECT_LE(io.all_files().size(), files + 1);
}

TEST(Log, RecycledSlotsBoundTheFiles) {
  SimIo io(5);
  auto log = create_log(&io);
  std::vector<std::string> tail;
  Lsn kept_from = 0;
  size_t files_max = 0;
  for (size_t i = 0; i < 400; ++i) {
    const Appended at = put_durable(log.get(), text_of(i, 1000 + i * 37 % 5000));
    if (i % 10 == 9) {
      ASSERT_TRUE(log->recycle(at.lsn_end).is_ok());
      kept_from = at.lsn_end;
      tail.clear();
    } else {
      tail.push_back(text_of(i, 1000 + i * 37 % 5000));
    }
    if (log->wants_slots()) {
      ASSERT_TRUE(log->prepare_slots().is_ok());
    }
    files_max = std::max(files_max, io.all_files().size());
    if (i % 97 == 0) {
      log.reset();
      Recovered r = reopen(&io, kept_from);
      ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
      EXPECT_EQ(r.records, tail);
      log = std::move(r.log);
    }
  }
  EXPECT_LE(files_max, 8u);
  EXPECT_LE(log->disk_bytes(), 8u * small_log_options().slot_bytes);
}

TEST(Log, FullDiskRefusesAppendsAndHeals) {
  SimIo io(6);
  auto log = create_log(&io);
  ASSERT_TRUE(log->prepare_slots().is_ok());
  io.set_capacity(io.free_space("").take() > 0 ? log->disk_bytes() + 100 : 0);
  std::vector<std::string> written;
  Status refused;
  for (size_t i = 0; refused.is_ok() && i < 1000; ++i) {
    auto at = log->append(text_of(i, 900));
    if (!at.is_ok()) {
      refused = at.take_status();
      break;
    }
    written.push_back(text_of(i, 900));
    ASSERT_TRUE(log->flush(nullptr).is_ok()) << "flush never meets a full disk";
  }
  EXPECT_EQ(refused.code(), Code::kNoSpace);
  EXPECT_GT(written.size(), 18u) << "the first slot and the spare are used up first";
  EXPECT_TRUE(log->seal().is_ok());
  EXPECT_EQ(log->append(Slice("small")).code(), Code::kNoSpace);
  EXPECT_EQ(log->prepare_slots().code(), Code::kNoSpace);
  io.set_capacity(~uint64_t{0});
  written.push_back("after");
  put_durable(log.get(), "after");
  EXPECT_EQ(reopen(&io).records, written);
}

TEST(Log, FailedFlushIsFinal) {
  for (SimFault fault : {SimFault::kSyncFailed, SimFault::kEio}) {
    SimIo io(7);
    auto log = create_log(&io);
    put_durable(log.get(), "kept");
    put(log.get(), "lost");
    const Lsn durable = log->durable_lsn();
    io.set_plan({{0, fault}});
    EXPECT_EQ(log->flush(nullptr).code(), Code::kIoError);
    EXPECT_EQ(log->flush(nullptr).code(), Code::kFailed);
    EXPECT_EQ(log->append(Slice("more")).code(), Code::kFailed);
    EXPECT_EQ(log->seal().code(), Code::kFailed);
    EXPECT_EQ(log->durable_lsn(), durable);
    const auto records = reopen(&io).records;
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records[0], "kept");
  }
}

TEST(Log, AppendsGoOnWhileAGroupIsFlushed) {
  // The append that comes between two flushes belongs to the second group.
  SimIo io(8);
  auto log = create_log(&io);
  put(log.get(), "a");
  Lsn durable = 0;
  ASSERT_TRUE(log->flush(&durable).is_ok());
  const Appended b = put(log.get(), "b");
  EXPECT_GE(b.lsn_begin, durable) << "an acknowledged block is not written again";
  EXPECT_LT(log->durable_lsn(), b.lsn_end);
}

TEST(Log, NeedsRecoveryFirst) {
  SimIo io(9);
  create_log(&io);
  auto opened = Log::open(runtime_on(&io), "log", small_log_options());
  EXPECT_EQ(opened.value()->append(Slice("x")).code(), Code::kInvalidArgument);
  EXPECT_EQ(opened.value()->flush(nullptr).code(), Code::kInvalidArgument);
}

TEST(Log, FailingDeliveryEndsRecovery) {
  SimIo io(10);
  put_durable(create_log(&io).get(), "x");
  auto log = Log::open(runtime_on(&io), "log", small_log_options()).take();
  RecoverResult result;
  const Status s = log->recover(
      0, [](Lsn, Slice) { return Status::make(Code::kCancelled, "stop"); }, &result);
  EXPECT_EQ(s.code(), Code::kCancelled);
}

TEST(Log, ForeignAndUnfinishedFiles) {
  SimIo io(11);
  put_durable(create_log(&io).get(), "x");
  ASSERT_TRUE(io.open("log/000009.slot.tmp", OpenMode::kCreate, {}).is_ok());
  EXPECT_EQ(reopen(&io).records.size(), 1u);
  EXPECT_FALSE(io.exists("log/000009.slot.tmp").take());
  ASSERT_TRUE(io.open("log/notes", OpenMode::kCreate, {}).is_ok());
  EXPECT_EQ(reopen(&io).status.code(), Code::kCorruption);
}

std::string temp_dir() {
  std::string dir = testing::TempDir() + "pgz-log-XXXXXX";
  EXPECT_NE(::mkdtemp(dir.data()), nullptr);
  return dir;
}

TEST(Log, WritersFlusherAndSlotKeeperOnThreads) {
  const std::string dir = temp_dir();
  PosixRuntime runtime;
  const std::string path = path_join(dir, "log");
  std::vector<std::string> written;
  {
    auto log = Log::create(runtime.get(), path, small_log_options()).take();
    Mutex append_mu;
    std::atomic<int> writers_left{3};
    std::vector<std::unique_ptr<Joinable>> threads;
    for (size_t w = 0; w < 3; ++w) {
      threads.push_back(thread_executor()->spawn("writer", [&, w] {
        for (size_t i = 0; i < 60; ++i) {
          MutexLock lock(&append_mu);
          written.push_back(text_of(100 * w + i, 10 + i * 97 % 5000));
          EXPECT_TRUE(log->append(written.back()).is_ok());
        }
        --writers_left;
      }));
    }
    threads.push_back(thread_executor()->spawn("slots", [&] {
      while (writers_left > 0) EXPECT_TRUE(log->prepare_slots().is_ok());
    }));
    Lsn last = 0;
    while (writers_left > 0 || log->has_pending()) {
      Lsn durable = 0;
      EXPECT_TRUE(log->flush(&durable).is_ok());
      EXPECT_GE(durable, last);
      EXPECT_LE(durable, log->end_lsn());
      last = durable;
    }
    threads.clear();
    EXPECT_TRUE(log->seal().is_ok());
  }
  EXPECT_EQ(reopen(runtime.get().io, 0, small_log_options(), path).records, written);
  std::filesystem::remove_all(dir);
}

TEST(Log, WorksOnRealFiles) {
  const std::string dir = temp_dir();
  PosixRuntime runtime;
  LogOptions options = small_log_options();
  options.first_slot_bytes = 1 << 20;
  options.slot_bytes = 2 << 20;
  const std::string path = path_join(dir, "log");
  std::vector<std::string> written;
  {
    auto log = Log::create(runtime.get(), path, options).take();
    ASSERT_TRUE(log->prepare_slots().is_ok());
    for (size_t i = 0; i < 300; ++i) {
      written.push_back(text_of(i, i % 50 == 0 ? 300000 : 200));
      put(log.get(), written.back());
      if (i % 3 == 0) {
        ASSERT_TRUE(log->flush(nullptr).is_ok());
      }
    }
    ASSERT_TRUE(log->seal().is_ok());
  }
  auto log = Log::open(runtime.get(), path, options).take();
  std::vector<std::string> records;
  RecoverResult result;
  ASSERT_TRUE(log->recover(
                     0,
                     [&](Lsn, Slice record) {
                       records.emplace_back(record);
                       return Status::ok();
                     },
                     &result)
                  .is_ok());
  EXPECT_EQ(records, written);
  EXPECT_TRUE(result.sealed);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace pgz
