#include "engine/io/write_behind.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace pgz {
namespace {

constexpr uint64_t kStep = WriteBehind::kStepBytes;

struct Call {
  uint64_t offset;
  uint64_t end;
  bool waits;
  bool operator==(const Call&) const = default;
};

class RecordingFile final : public File {
 public:
  explicit RecordingFile(size_t alignment) : File(nullptr, "file", alignment) {}
  Result<uint64_t> size() override { return uint64_t{0}; }
  Status truncate(uint64_t) override { return Status::ok(); }
  Status write_back(uint64_t offset, uint64_t n, bool waits) override {
    calls.push_back({offset, offset + n, waits});
    return std::exchange(next, Status::ok());
  }
  std::vector<Call> calls;
  Status next;
};

TEST(WriteBehind, StartsEachStepAndWaitsForTheOneBefore) {
  RecordingFile file(1);
  WriteBehind behind;
  for (uint64_t end = kStep / 4; end <= 3 * kStep; end += kStep / 4) {
    ASSERT_TRUE(behind.wrote(&file, end).is_ok());
  }
  EXPECT_EQ(file.calls, (std::vector<Call>{{0, kStep, false},
                                           {0, kStep, true},
                                           {kStep, 2 * kStep, false},
                                           {kStep, 2 * kStep, true},
                                           {2 * kStep, 3 * kStep, false}}));
}

TEST(WriteBehind, LeavesDirectFilesAlone) {
  RecordingFile file(4096);
  WriteBehind behind;
  ASSERT_TRUE(behind.wrote(&file, 5 * kStep).is_ok());
  EXPECT_TRUE(file.calls.empty());
}

TEST(WriteBehind, PassesErrorsOn) {
  RecordingFile file(1);
  WriteBehind behind;
  ASSERT_TRUE(behind.wrote(&file, kStep).is_ok());
  file.next = Status::make(Code::kIoError, "the device is gone");
  EXPECT_EQ(behind.wrote(&file, 2 * kStep).code(), Code::kIoError);
}

}  // namespace
}  // namespace pgz
