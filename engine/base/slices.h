// How operating-system threads share processors. Linux; elsewhere nothing happens. Neither call
// needs a privilege, and neither ever fails: where the kernel or a filter refuses, all stays as it
// was.
#pragma once

namespace pgz {

// Asks the kernel for the shortest time slices for the calling thread and the threads it starts
// from then on. For a thread that does little each time it wakes and for which many wait: it begins
// sooner where processors are busy, without a larger share of them. Its policy and niceness stay.
// Linux 6.12 and later.
void ask_for_short_slices();

// Makes the calling thread, and the threads it starts from then on, nicer by kBackgroundNiceness
// than it was: beside others on one processor it gets a third of what one of them gets. For threads
// for whose next block of work nobody waits. They may hold a lock for which others wait no longer
// than for a short stretch of code: with it held they may stand in the queue for a few slices.
inline constexpr int kBackgroundNiceness = 5;
void work_in_background();

}  // namespace pgz
