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

// What a thread of the given policy has after `act`, and what it had before.
struct Change {
  Scheduling before;
  Scheduling after;
};

Change change_of(int policy, void (*act)()) {
  Change change;
  thread_executor()
      ->spawn("changed",
              [&] {
                const sched_param no_priority{};
                EXPECT_EQ(sched_setscheduler(0, policy, &no_priority), 0);
                change.before = mine();
                act();
                change.after = mine();
              })
      ->join();
  EXPECT_EQ(change.before.policy, static_cast<uint32_t>(policy));
  EXPECT_EQ(change.after.policy, static_cast<uint32_t>(policy));
  return change;
}

TEST(Slices, ShortOnesChangeNothingElse) {
  const Scheduling caller = mine();
  const auto [before, after] = change_of(SCHED_OTHER, ask_for_short_slices);
  EXPECT_EQ(after.nice, before.nice);
  if (before.slice == 0) {
    EXPECT_EQ(after.slice, 0u);
  } else {
    EXPECT_LT(after.slice, before.slice);
  }
  EXPECT_EQ(mine().slice, caller.slice);
}

TEST(Slices, BackgroundIsNicerThanBefore) {
  const Scheduling caller = mine();
  const auto [before, after] = change_of(SCHED_OTHER, work_in_background);
  EXPECT_EQ(after.nice, std::min(before.nice + kBackgroundNiceness, 19));
  EXPECT_EQ(after.slice, before.slice);
  EXPECT_EQ(mine().nice, caller.nice);
}

TEST(Slices, OtherPoliciesAreLeftAlone) {
  for (auto* act : {ask_for_short_slices, work_in_background}) {
    const auto [before, after] = change_of(SCHED_BATCH, act);
    EXPECT_EQ(after.nice, before.nice);
    EXPECT_EQ(after.slice, before.slice);
  }
}
#endif

}  // namespace
}  // namespace pgz
