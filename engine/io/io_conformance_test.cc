// What io.h promises, over every back end: plain calls with and without threads, rings, a simulated
// disk; through the page cache and past it; and, for those that talk to the kernel, with transfers
// that end early, are interrupted or put off.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/io/io_faults_test_util.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

struct Setup {
  const char* name;
  // `faults` stays valid as long as the back end.
  std::function<std::unique_ptr<Io>(IoFaults* faults)> make;
  bool on_disk = true;
};

class IoConformanceTest : public testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    io_ = GetParam().make(&faults_);
    if (io_ == nullptr) GTEST_SKIP() << "no io_uring here";
    dir_ = "t";
    if (GetParam().on_disk) {
      std::string name = testing::TempDir() + "pgz-io-XXXXXX";
      ASSERT_NE(::mkdtemp(name.data()), nullptr);
      dir_ = name;
    }
    ASSERT_TRUE(io_->mkdir(dir_).is_ok());
  }
  void TearDown() override {
    if (io_ != nullptr && GetParam().on_disk) std::filesystem::remove_all(dir_);
  }
  std::string path(const std::string& name) { return path_join(dir_, name); }

  IoFaults faults_;
  std::string dir_;
  std::unique_ptr<Io> io_;
};

// For the setups that `faults_` reaches.
class IoFaultsTest : public IoConformanceTest {};

TEST_P(IoConformanceTest, WritesReadBackAtEveryOffset) {
  auto opened = io_->open(path("f"), OpenMode::kCreateExclusive, {.direct = true});
  ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
  auto file = opened.take();
  AlignedBuffer out(16 * 4096);
  for (size_t i = 0; i < out.size(); ++i) out.data()[i] = static_cast<char>(i * 31 % 257);
  const IoSlice slices[] = {{out.data(), 4096}, {out.data() + 4096, 15 * 4096}};
  ASSERT_TRUE(file->write_durable(0, slices).is_ok());
  ASSERT_TRUE(file->sync().is_ok());
  EXPECT_EQ(file->size().take(), out.size());
  std::string back(out.size(), '\0');
  for (const auto& [offset, n] : std::vector<std::pair<size_t, size_t>>{
           {0, 16 * 4096}, {1, 1}, {511, 2}, {4095, 4098}, {16 * 4096 - 1, 1}, {100, 0}}) {
    ASSERT_TRUE(file->read(offset, back.data(), n).is_ok()) << offset;
    EXPECT_EQ(std::memcmp(back.data(), out.data() + offset, n), 0) << offset;
  }
}

TEST_P(IoConformanceTest, WriteBackKeepsWhatWasWritten) {
  for (const bool direct : {false, true}) {
    const std::string name = path(direct ? "direct" : "buffered");
    auto file = io_->open(name, OpenMode::kCreate, {.direct = direct}).take();
    AlignedBuffer out(3 << 20);
    for (size_t i = 0; i < out.size(); ++i) out.data()[i] = static_cast<char>(i * 31 % 257);
    ASSERT_TRUE(file->write(0, out.data(), out.size()).is_ok());
    ASSERT_TRUE(file->write_back(0, out.size(), false).is_ok());
    ASSERT_TRUE(file->write_back(0, out.size(), true).is_ok());
    std::string back(out.size(), '\0');
    ASSERT_TRUE(file->read(0, back.data(), back.size()).is_ok());
    EXPECT_EQ(std::memcmp(back.data(), out.data(), out.size()), 0);
    EXPECT_EQ(file->size().take(), out.size());
  }
}

TEST_P(IoConformanceTest, ReadingPastTheEndIsAShortRead) {
  auto file = io_->open(path("f"), OpenMode::kCreate).take();
  ASSERT_TRUE(file->write(0, "hello", 5).is_ok());
  char buffer[16];
  EXPECT_EQ(file->read_some(2, buffer, 16).take(), 3u);
  EXPECT_EQ(file->read_some(5, buffer, 16).take(), 0u);
  const Status s = file->read(2, buffer, 16);
  EXPECT_EQ(s.code(), Code::kCorruption);
  EXPECT_NE(s.message().find("short read"), std::string::npos);
  auto direct = io_->open(path("f"), OpenMode::kRead, {.direct = true}).take();
  EXPECT_EQ(direct->read_some(1, buffer, 16).take(), 4u);
  EXPECT_EQ(std::string(buffer, 4), "ello");
}

TEST_P(IoConformanceTest, WhatIsAtHandIsReadWhole) {
  auto file = io_->open(path("f"), OpenMode::kCreate).take();
  std::string bytes;
  for (int i = 0; i < 16 * 4096; ++i) bytes.push_back(static_cast<char>(i * 31 % 257));
  ASSERT_TRUE(file->write(0, bytes.data(), bytes.size()).is_ok());
  int found = 0;
  for (size_t at = 0; at + 5000 <= bytes.size(); at += 3000) {
    std::string back(5000, '\0');
    if (!file->read_cached(at, back.data(), back.size())) continue;
    found++;
    EXPECT_EQ(back, bytes.substr(at, back.size())) << at;
  }
  // File systems without a page cache of their own may have nothing at hand.
  EXPECT_TRUE(GetParam().on_disk || found > 0);
  char end[16];
  EXPECT_FALSE(file->read_cached(bytes.size() - 8, end, sizeof(end)));
  EXPECT_FALSE(file->read_cached(bytes.size(), end, sizeof(end)));
  auto direct = io_->open(path("f"), OpenMode::kRead, {.direct = true}).take();
  EXPECT_EQ(direct->read_cached(0, end, sizeof(end)) && direct->alignment() > 1, false);
}

TEST_P(IoConformanceTest, MisalignedDirectWritesAreRefused) {
  auto file = io_->open(path("f"), OpenMode::kCreate, {.direct = true}).take();
  AlignedBuffer buffer(8192);
  buffer.zero();
  const Status s = file->write(1, buffer.data(), 4096);
  if (file->alignment() > 1) {
    EXPECT_EQ(s.code(), Code::kInvalidArgument);
    EXPECT_EQ(file->write(0, buffer.data() + 1, 4096).code(), Code::kInvalidArgument);
    EXPECT_EQ(file->write(0, buffer.data(), 100).code(), Code::kInvalidArgument);
  } else {
    EXPECT_TRUE(s.is_ok());
  }
}

TEST_P(IoConformanceTest, ZeroFillAndTruncate) {
  auto file = io_->open(path("f"), OpenMode::kCreate, {.direct = true}).take();
  ASSERT_TRUE(file->zero_fill(0, (3 << 20) + 4096).is_ok());
  EXPECT_EQ(file->size().take(), (3u << 20) + 4096);
  ASSERT_TRUE(file->truncate(4096).is_ok());
  std::string back(4096, 'x');
  ASSERT_TRUE(file->read(0, back.data(), back.size()).is_ok());
  EXPECT_EQ(back, std::string(4096, '\0'));
}

TEST_P(IoConformanceTest, NamesAndTheirErrors) {
  EXPECT_EQ(io_->open(path("none"), OpenMode::kRead).code(), Code::kNotFound);
  EXPECT_EQ(io_->open(path("none"), OpenMode::kReadWrite).code(), Code::kNotFound);
  EXPECT_EQ(io_->remove(path("none")).code(), Code::kNotFound);
  EXPECT_EQ(io_->rename(path("none"), path("x")).code(), Code::kNotFound);
  EXPECT_EQ(io_->list(path("none")).code(), Code::kNotFound);
  EXPECT_FALSE(io_->exists(path("none")).take());
  ASSERT_TRUE(io_->mkdir(path("d")).is_ok());
  EXPECT_TRUE(io_->mkdir(path("d")).is_ok());
  ASSERT_TRUE(io_->open(path("d/b"), OpenMode::kCreateExclusive).is_ok());
  EXPECT_EQ(io_->open(path("d/b"), OpenMode::kCreateExclusive).code(), Code::kExists);
  ASSERT_TRUE(io_->open(path("d/a"), OpenMode::kCreate).is_ok());
  EXPECT_EQ(io_->list(path("d")).take(), (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(io_->rename(path("d/a"), path("d/b")).is_ok());
  EXPECT_EQ(io_->list(path("d")).take(), (std::vector<std::string>{"b"}));
  EXPECT_TRUE(io_->sync_dir(path("d")).is_ok());
  EXPECT_EQ(io_->remove_dir(path("d")).code(), Code::kIoError);
  ASSERT_TRUE(io_->remove(path("d/b")).is_ok());
  EXPECT_TRUE(io_->remove_dir(path("d")).is_ok());
  EXPECT_GT(io_->free_space(dir_).take(), 0u);
}

TEST_P(IoConformanceTest, LockHasOneHolder) {
  auto first = io_->lock_file(path("LOCK"));
  ASSERT_TRUE(first.is_ok());
  EXPECT_EQ(io_->lock_file(path("LOCK")).code(), Code::kLocked);
  first.value().reset();
  EXPECT_TRUE(io_->lock_file(path("LOCK")).is_ok());
}

TEST_P(IoConformanceTest, SubmittedOperationsRunSideBySide) {
  auto file = io_->open(path("f"), OpenMode::kCreate).take();
  constexpr size_t kOps = 64;
  std::vector<std::string> texts;
  std::vector<IoSlice> slices(kOps);
  std::vector<std::unique_ptr<IoOp>> ops;
  for (size_t i = 0; i < kOps; ++i) texts.push_back(std::string(100, static_cast<char>('0' + i)));
  for (size_t i = 0; i < kOps; ++i) {
    slices[i] = {texts[i].data(), texts[i].size()};
    ops.push_back(std::make_unique<IoOp>());
    ops[i]->kind = IoOp::Kind::kWrite;
    ops[i]->file = file.get();
    ops[i]->offset = i * 100;
    ops[i]->slices = {&slices[i], 1};
    io_->submit(ops[i].get());
  }
  for (auto& op : ops) {
    op->wait();
    EXPECT_TRUE(op->status.is_ok());
    EXPECT_EQ(op->transferred, 100u);
  }
  std::string back(100, '\0');
  for (size_t i = 0; i < kOps; ++i) {
    ASSERT_TRUE(file->read(i * 100, back.data(), 100).is_ok());
    EXPECT_EQ(back, texts[i]);
  }
}

TEST_P(IoConformanceTest, AllocatedSpaceReadsAsZeros) {
  auto file = io_->open(path("f"), OpenMode::kCreate).take();
  ASSERT_TRUE(file->write(0, "hello", 5).is_ok());
  ASSERT_TRUE(file->allocate(1 << 20).is_ok());
  EXPECT_EQ(file->size().take(), 1u << 20);
  ASSERT_TRUE(file->allocate(4096).is_ok());
  EXPECT_EQ(file->size().take(), 1u << 20);
  std::string back(4096, 'x');
  ASSERT_TRUE(file->read(0, back.data(), back.size()).is_ok());
  EXPECT_EQ(back, "hello" + std::string(4091, '\0'));
}

// More operations than are taken at a time, of all kinds, on two files.
TEST_P(IoFaultsTest, FaultsOnTheWayAreNotSeen) {
  faults_.set_random(7);
  for (const bool direct : {false, true}) {
    auto file = io_->open(path(direct ? "d" : "b"), OpenMode::kCreate, {.direct = direct}).take();
    constexpr size_t kOps = 40;
    constexpr size_t kBytes = 5 * 4096;
    AlignedBuffer out(kOps * kBytes);
    for (size_t i = 0; i < out.size(); ++i) out.data()[i] = static_cast<char>(i * 131 % 251);
    std::vector<std::array<IoSlice, 2>> slices(kOps);
    std::vector<std::unique_ptr<IoOp>> ops;
    for (size_t i = 0; i < kOps; ++i) {
      char* const at = out.data() + i * kBytes;
      slices[i] = {IoSlice{at, 4096}, IoSlice{at + 4096, kBytes - 4096}};
      ops.push_back(std::make_unique<IoOp>());
      ops[i]->kind = i % 3 == 0 ? IoOp::Kind::kWriteDurable : IoOp::Kind::kWrite;
      ops[i]->file = file.get();
      ops[i]->offset = i * kBytes;
      ops[i]->slices = slices[i];
      ops[i]->waits_at_once = i % 5 == 0;
      io_->submit(ops[i].get());
    }
    for (auto& op : ops) {
      op->wait();
      ASSERT_TRUE(op->status.is_ok()) << op->status.to_string();
      EXPECT_EQ(op->transferred, kBytes);
    }
    ASSERT_TRUE(file->sync().is_ok());
    AlignedBuffer back(out.size());
    ASSERT_TRUE(file->read(0, back.data(), back.size()).is_ok());
    EXPECT_EQ(std::memcmp(back.data(), out.data(), out.size()), 0);
    IoOp read;
    const IoSlice whole{back.data(), back.size()};
    back.zero();
    read.file = file.get();
    read.slices = {&whole, 1};
    io_->submit(&read);
    read.wait();
    EXPECT_EQ(read.transferred, out.size());
    EXPECT_EQ(std::memcmp(back.data(), out.data(), out.size()), 0);
  }
  EXPECT_GT(faults_.injected(), 40u);
}

TEST_P(IoFaultsTest, ErrorsEndAnOperationWithTheirCode) {
  auto file = io_->open(path("f"), OpenMode::kCreate).take();
  std::string text(8192, 'a');
  const IoSlice slice{text.data(), text.size()};
  for (const bool at_once : {true, false}) {
    const struct {
      IoOp::Kind kind;
      std::vector<IoFaults::Fault> faults;
      Code code;
    } rows[] = {
        {IoOp::Kind::kWrite, {{0, 4096}, {ENOSPC, 0}}, Code::kNoSpace},
        {IoOp::Kind::kWriteDurable, {{0, 4096}, {ENOSPC, 0}}, Code::kNoSpace},
        {IoOp::Kind::kWriteDurable, {{EDQUOT, 0}}, Code::kNoSpace},
        {IoOp::Kind::kWrite, {{EIO, 0}}, Code::kIoError},
        {IoOp::Kind::kRead, {{EIO, 0}}, Code::kIoError},
        {IoOp::Kind::kSync, {{EINTR, 0}, {EIO, 0}}, Code::kIoError},
    };
    for (const auto& row : rows) {
      faults_.set_script(row.faults);
      IoOp op;
      op.kind = row.kind;
      op.file = file.get();
      if (row.kind != IoOp::Kind::kSync) op.slices = {&slice, 1};
      op.waits_at_once = at_once;
      io_->submit(&op);
      op.wait();
      EXPECT_EQ(op.status.code(), row.code) << op.status.to_string();
      EXPECT_EQ(faults_.left(), 0u);
    }
  }
  faults_.set_script({});
  EXPECT_TRUE(file->write(0, text.data(), text.size()).is_ok());
}

// A failed sync is not asked for again: the answer could be a lie.
TEST_P(IoFaultsTest, FailedSyncOfADurableWriteIsFinal) {
  auto file = io_->open(path("f"), OpenMode::kCreate).take();
  std::string text(4096, 'a');
  const IoSlice slice{text.data(), text.size()};
  faults_.fail_next_sync(EIO);
  const Status s = file->write_durable(0, {&slice, 1});
  // RWF_DSYNC has no sync of its own to fail.
  if (faults_.sync_failure_used()) {
    EXPECT_EQ(s.code(), Code::kIoError);
    EXPECT_EQ(faults_.syncs(), 1u);
  } else {
    EXPECT_TRUE(s.is_ok()) << s.to_string();
  }
}

std::unique_ptr<Io> posix(IoFaults* faults, bool direct, uint32_t threads) {
  const PosixIoOptions options{.allow_direct = direct, .pool_threads = threads};
  auto calls =
      faults == nullptr ? std::make_unique<PosixCalls>() : std::make_unique<FaultyCalls>(faults);
  return std::make_unique<PosixIo>(options, std::move(calls));
}

std::unique_ptr<Io> uring(IoFaults* faults, bool direct, DurableMethod method) {
  UringIoOptions options;
  options.allow_direct = direct;
  options.ops_per_worker = 5;
  if (faults != nullptr) options.make_ring = faulty_rings(faults);
  auto io = make_uring_io(options, faults == nullptr ? std::make_unique<PosixCalls>()
                                                     : std::make_unique<FaultyCalls>(faults));
  if (!io.is_ok()) return nullptr;
  io.value()->force_durable_method(method);
  return io.take();
}

const Setup kSetups[] = {
    {"PosixDirect", [](IoFaults*) { return posix(nullptr, true, 0); }},
    {"PosixCached", [](IoFaults*) { return posix(nullptr, false, 0); }},
    {"PosixPool", [](IoFaults*) { return posix(nullptr, true, 3); }},
    {"UringDirect", [](IoFaults*) { return uring(nullptr, true, DurableMethod::kDsyncFlag); }},
    {"UringCached", [](IoFaults*) { return uring(nullptr, false, DurableMethod::kLinkedRing); }},
    {"UringLinked", [](IoFaults*) { return uring(nullptr, true, DurableMethod::kLinkedRing); }},
    {"Sim", [](IoFaults*) { return std::make_unique<SimIo>(1); }, false},
};

const Setup kFaultySetups[] = {
    {"Posix", [](IoFaults* f) { return posix(f, true, 0); }},
    {"PosixPool", [](IoFaults* f) { return posix(f, true, 2); }},
    {"PosixSync",
     [](IoFaults* f) {
       auto io = posix(f, true, 0);
       static_cast<PosixIo*>(io.get())->force_durable_method(DurableMethod::kWriteThenSync);
       return io;
     }},
    {"Uring", [](IoFaults* f) { return uring(f, true, DurableMethod::kDsyncFlag); }},
    {"UringSync", [](IoFaults* f) { return uring(f, true, DurableMethod::kWriteThenSync); }},
    {"UringLinked", [](IoFaults* f) { return uring(f, true, DurableMethod::kLinkedRing); }},
};

std::string name_of(const testing::TestParamInfo<Setup>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(All, IoConformanceTest, testing::ValuesIn(kSetups), name_of);
INSTANTIATE_TEST_SUITE_P(Faults, IoConformanceTest, testing::ValuesIn(kFaultySetups), name_of);
INSTANTIATE_TEST_SUITE_P(All, IoFaultsTest, testing::ValuesIn(kFaultySetups), name_of);

}  // namespace
}  // namespace pgz
