#include "engine/io/posix.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace pgz {
namespace {

// Runs with page cache or direct access, with and without a pool of threads.
struct Setup {
  bool direct;
  uint32_t pool_threads;
};

class PosixIoTest : public testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "pgz-io-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    PosixIoOptions options;
    options.allow_direct = GetParam().direct;
    options.pool_threads = GetParam().pool_threads;
    io_ = make_posix_io(options);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string path(const std::string& name) { return path_join(dir_, name); }

  std::string dir_;
  std::unique_ptr<Io> io_;
};

TEST_P(PosixIoTest, WritesReadBackAtEveryOffset) {
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

TEST_P(PosixIoTest, ReadingPastTheEndIsAShortRead) {
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

TEST_P(PosixIoTest, MisalignedDirectWritesAreRefused) {
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

TEST_P(PosixIoTest, ZeroFillAndTruncate) {
  auto file = io_->open(path("f"), OpenMode::kCreate, {.direct = true}).take();
  ASSERT_TRUE(file->zero_fill(0, (3 << 20) + 4096).is_ok());
  EXPECT_EQ(file->size().take(), (3u << 20) + 4096);
  ASSERT_TRUE(file->truncate(4096).is_ok());
  std::string back(4096, 'x');
  ASSERT_TRUE(file->read(0, back.data(), back.size()).is_ok());
  EXPECT_EQ(back, std::string(4096, '\0'));
}

TEST_P(PosixIoTest, NamesAndTheirErrors) {
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

TEST_P(PosixIoTest, LockHasOneHolder) {
  auto first = io_->lock_file(path("LOCK"));
  ASSERT_TRUE(first.is_ok());
  EXPECT_EQ(io_->lock_file(path("LOCK")).code(), Code::kLocked);
  first.value().reset();
  EXPECT_TRUE(io_->lock_file(path("LOCK")).is_ok());
}

TEST_P(PosixIoTest, SubmittedOperationsRunSideBySide) {
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

INSTANTIATE_TEST_SUITE_P(All, PosixIoTest,
                         testing::Values(Setup{true, 0}, Setup{false, 0}, Setup{true, 3}),
                         [](const auto& param) {
                           return std::string(param.param.direct ? "Direct" : "Cached") +
                                  std::to_string(param.param.pool_threads);
                         });

}  // namespace
}  // namespace pgz
