#include "engine/base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace pgz {
namespace {

Status fail_if(bool fail) { return fail ? Status::make(Code::kNoSpace, "full", 28) : Status::ok(); }

Result<std::unique_ptr<int>> boxed(int v) {
  if (v < 0) return Status::make(Code::kInvalidArgument, "negative");
  return std::make_unique<int>(v);
}

Result<int> sum(int a, int b, bool fail) {
  PGZ_TRY(fail_if(fail));
  PGZ_ASSIGN(auto x, boxed(a));
  PGZ_ASSIGN(auto y, boxed(b));
  return *x + *y;
}

TEST(Status, CarriesCodeMessageAndErrno) {
  const Status s = fail_if(true);
  EXPECT_EQ(s.code(), Code::kNoSpace);
  EXPECT_EQ(s.sys_errno(), 28);
  EXPECT_EQ(s.to_string(), "no space: full");
  Status copy = s;
  EXPECT_EQ(copy.message(), "full");
  const Status moved = std::move(copy);
  EXPECT_EQ(moved.message(), "full");
  EXPECT_TRUE(fail_if(false).is_ok());
  EXPECT_EQ(Status::ok().to_string(), "ok");
}

TEST(Result, MacrosPassFailuresOn) {
  EXPECT_EQ(sum(1, 2, false).take(), 3);
  EXPECT_EQ(sum(1, 2, true).code(), Code::kNoSpace);
  EXPECT_EQ(sum(1, -2, false).status().message(), "negative");
}

TEST(ResultDeathTest, ValueOfAFailureStops) {
  EXPECT_DEATH((void)sum(-1, 0, false).value(), "assertion failed");
}

}  // namespace
}  // namespace pgz
