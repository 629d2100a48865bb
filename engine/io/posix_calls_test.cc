#include "engine/io/posix_calls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>

namespace pgz {
namespace {

// Plays a script: each call takes the next step, which is either an errno or a limit on the bytes
// it transfers; when the script is over, calls do all they can.
class ScriptedCalls final : public PosixCalls {
 public:
  struct Step {
    int error = 0;
    size_t bytes = 0;
  };

  ssize_t preadv(int, const iovec* iov, int n, off_t offset) override {
    return transfer(iov, n, offset, true);
  }
  ssize_t pwritev(int, const iovec* iov, int n, off_t offset, bool dsync) override {
    dsync_writes += dsync ? 1 : 0;
    if (dsync && dsync_error != 0) {
      errno = dsync_error;
      return -1;
    }
    return transfer(iov, n, offset, false);
  }
  int sync_data(int) override {
    ++syncs;
    if (sync_errors.empty()) return 0;
    errno = sync_errors.front();
    sync_errors.pop_front();
    return errno == 0 ? 0 : -1;
  }
  void pause(int) override { ++pauses; }

  std::deque<Step> script;
  std::deque<int> sync_errors;
  int dsync_error = 0;
  std::string data;
  int calls = 0;
  int pauses = 0;
  int syncs = 0;
  int dsync_writes = 0;

 private:
  ssize_t transfer(const iovec* iov, int n, off_t offset, bool reading) {
    ++calls;
    size_t limit = SIZE_MAX;
    if (!script.empty()) {
      const Step step = script.front();
      script.pop_front();
      if (step.error != 0) {
        errno = step.error;
        return -1;
      }
      limit = step.bytes;
    }
    size_t at = static_cast<size_t>(offset);
    size_t done = 0;
    for (int i = 0; i < n && done < limit; ++i) {
      size_t piece = std::min(iov[i].iov_len, limit - done);
      if (reading) {
        piece = at < data.size() ? std::min(piece, data.size() - at) : 0;
        std::memcpy(iov[i].iov_base, data.data() + at, piece);
      } else {
        if (data.size() < at + piece) data.resize(at + piece);
        std::memcpy(data.data() + at, iov[i].iov_base, piece);
      }
      at += piece;
      done += piece;
      if (piece < iov[i].iov_len) break;
    }
    return static_cast<ssize_t>(done);
  }
};

class TransferTest : public testing::Test {
 protected:
  Transfer transfer(size_t alignment = 1) { return {&calls_, 3, &path_, alignment}; }
  std::vector<IoSlice> slices(std::string* text, size_t piece) {
    std::vector<IoSlice> out;
    for (size_t at = 0; at < text->size(); at += piece) {
      out.push_back({text->data() + at, std::min(piece, text->size() - at)});
    }
    return out;
  }

  ScriptedCalls calls_;
  std::string path_ = "f";
  size_t transferred_ = 0;
};

TEST_F(TransferTest, ShortWritesInterruptsAndAgainAreTakenUp) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ",";
  calls_.script = {{0, 1}, {EINTR, 0}, {0, 333}, {EAGAIN, 0}, {EAGAIN, 0}, {0, 17}, {0, 0}};
  ASSERT_TRUE(transfer().write(0, slices(&text, 10), false, &transferred_).is_ok());
  EXPECT_EQ(calls_.data, text);
  EXPECT_EQ(transferred_, text.size());
  EXPECT_EQ(calls_.pauses, 2);
}

TEST_F(TransferTest, ShortReadsAreTakenUpAndTheEndOfTheFileEndsThem) {
  calls_.data = std::string(5000, 'x') + "end";
  std::string text(6000, '\0');
  calls_.script = {{0, 7}, {EINTR, 0}, {0, 4096}, {EAGAIN, 0}};
  ASSERT_TRUE(transfer().read(0, slices(&text, 4096), &transferred_).is_ok());
  EXPECT_EQ(transferred_, 5003u);
  EXPECT_EQ(text.substr(4999, 4), "xend");
}

TEST_F(TransferTest, DirectTransfersResumeAtAlignedPlaces) {
  std::string text(4 * 4096, 'a');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 % 251);
  calls_.script = {{0, 4096 + 100}, {0, 50}, {0, 2 * 4096 + 1}};
  ASSERT_TRUE(transfer(4096).write(0, slices(&text, 8192), false, &transferred_).is_ok());
  EXPECT_EQ(calls_.data, text);
  std::string back(4 * 4096, '\0');
  calls_.data.resize(3 * 4096 + 10);  // a file that ends at an odd place
  calls_.script = {{0, 4096 + 3}};
  ASSERT_TRUE(transfer(4096).read(0, slices(&back, 8192), &transferred_).is_ok());
  EXPECT_EQ(transferred_, 3u * 4096 + 10);
  EXPECT_EQ(back.substr(0, transferred_), text.substr(0, transferred_));
}

TEST_F(TransferTest, NoSpaceAndErrorsHaveTheirCodes) {
  std::string text(100, 'a');
  const struct {
    int error;
    Code code;
  } rows[] = {{ENOSPC, Code::kNoSpace},
              {EDQUOT, Code::kNoSpace},
              {EIO, Code::kIoError},
              {EROFS, Code::kReadOnly},
              {ENOMEM, Code::kOutOfMemory}};
  for (const auto& row : rows) {
    calls_.script = {{0, 10}, {row.error, 0}};
    const Status s = transfer().write(0, slices(&text, 100), false, &transferred_);
    EXPECT_EQ(s.code(), row.code) << s.to_string();
    EXPECT_EQ(s.sys_errno(), row.error);
    EXPECT_EQ(transferred_, 10u);
  }
}

TEST_F(TransferTest, GivesUpOnEndlessAgainAndOnNoProgress) {
  std::string text(10, 'a');
  calls_.script.assign(2 * kAgainMax, {EAGAIN, 0});
  EXPECT_EQ(transfer().write(0, slices(&text, 10), false, &transferred_).sys_errno(), EAGAIN);
  calls_.script.assign(2 * kAgainMax, {0, 0});
  EXPECT_EQ(transfer().write(0, slices(&text, 10), false, &transferred_).code(), Code::kIoError);
}

TEST_F(TransferTest, ManySlicesTakeSeveralCalls) {
  std::string text(1000, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i);
  ASSERT_TRUE(transfer().write(0, slices(&text, 1), false, &transferred_).is_ok());
  EXPECT_EQ(calls_.data, text);
  EXPECT_GT(calls_.calls, 1);
}

TEST_F(TransferTest, DurableWriteFallsBackToSyncOnceAndForAll) {
  std::string text = "hello";
  std::atomic<DurableMethod> method{DurableMethod::kDsyncFlag};
  ASSERT_TRUE(transfer().write_durable(0, slices(&text, 5), &method, &transferred_).is_ok());
  EXPECT_EQ(calls_.syncs, 0);
  EXPECT_EQ(calls_.dsync_writes, 1);
  calls_.dsync_error = EOPNOTSUPP;
  for (int i = 1; i <= 2; ++i) {
    ASSERT_TRUE(transfer().write_durable(5, slices(&text, 5), &method, &transferred_).is_ok());
    EXPECT_EQ(calls_.syncs, i);
  }
  EXPECT_EQ(calls_.dsync_writes, 2);
  EXPECT_EQ(calls_.data, "hellohello");
}

TEST_F(TransferTest, FailedSyncIsReportedAndNotRepeated) {
  calls_.sync_errors = {EINTR, EIO};
  EXPECT_EQ(transfer().sync().sys_errno(), EIO);
  EXPECT_EQ(calls_.syncs, 2);  // the interrupted one and the failing one
  std::string text = "x";
  std::atomic<DurableMethod> method{DurableMethod::kWriteThenSync};
  calls_.sync_errors = {EIO};
  EXPECT_FALSE(transfer().write_durable(0, slices(&text, 1), &method, &transferred_).is_ok());
  EXPECT_EQ(calls_.syncs, 3);
}

}  // namespace
}  // namespace pgz
