#include "engine/base/slices.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstdint>

namespace pgz {

#if defined(__linux__) && defined(SYS_sched_setattr)
namespace {

// The first version of the kernel's struct sched_attr, which C libraries of today do not declare.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER: the time slice in nanoseconds
  uint64_t deadline = 0;
  uint64_t period = 0;
};

constexpr uint64_t kShortestNanos = 100'000;
constexpr int kNicest = 19;

// The calling thread's; false for threads somebody has given another policy.
bool get_ordinary(SchedulingAttributes* a) {
  return syscall(SYS_sched_getattr, 0, a, sizeof(*a), 0) == 0 && a->policy == SCHED_OTHER;
}

}  // namespace

void ask_for_short_slices() {
  SchedulingAttributes a;
  if (!get_ordinary(&a)) return;
  a.runtime = kShortestNanos;
  (void)syscall(SYS_sched_setattr, 0, &a, 0);
}

void work_in_background() {
  SchedulingAttributes a;
  if (!get_ordinary(&a)) return;
  a.nice = std::min(a.nice + kBackgroundNiceness, kNicest);
  (void)syscall(SYS_sched_setattr, 0, &a, 0);
}
#else
void ask_for_short_slices() {}
void work_in_background() {}
#endif

}  // namespace pgz
