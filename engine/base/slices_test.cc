#include "engine/base/slices.h"

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>

#include "engine/base/runtime.h"

namespace pgz {
namespace {

#if defined(__linux__) && defined(SYS_sched_getattr)
struct Scheduling {
  uint32_t policy = 0;
  int32_t nice = 0;
  uint64_t slice = 0;  // 0 where the kernel has none of its own for a thread
};

Scheduling mine() {
  std::array<uint32_t, 32> attr{};  // the kernel's struct sched_attr
  EXPECT_EQ(syscall(SYS_sched_getattr, 0, attr.data(), sizeof(attr), 0), 0);
  return {attr[1], static_cast<int32_t>(attr[4]), attr[6] | static_cast<uint64_t>(attr[7]) << 32};
}

TEST(Slices, ShortOnesChangeNothingElse) {
  const Scheduling before = mine();
  Scheduling after;
  thread_executor()
      ->spawn("short",
              [&] {
                ask_for_short_slices();
                after = mine();
              })
      ->join();
  EXPECT_EQ(after.policy, before.policy);
  EXPECT_EQ(after.nice, before.nice);
  EXPECT_EQ(mine().slice, before.slice);
  if (before.slice == 0) GTEST_SKIP() << "this kernel has one time slice for all threads";
  EXPECT_LT(after.slice, before.slice);
}

TEST(Slices, BackgroundIsNicerThanBefore) {
  const Scheduling before = mine();
  Scheduling after;
  thread_executor()
      ->spawn("background",
              [&] {
                work_in_background();
                after = mine();
              })
      ->join();
  if (before.policy != SCHED_OTHER) GTEST_SKIP() << "these threads have another policy";
  EXPECT_EQ(after.policy, before.policy);
  EXPECT_EQ(after.nice, std::min(before.nice + kBackgroundNiceness, 19));
  EXPECT_EQ(after.slice, before.slice);
  EXPECT_EQ(mine().nice, before.nice);
}
#endif

}  // namespace
}  // namespace pgz
