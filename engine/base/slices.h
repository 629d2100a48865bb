// Time slices of operating-system threads. Linux 6.12 and later; elsewhere nothing happens.
#pragma once

namespace pgz {

// Asks the kernel for the shortest time slices for the calling thread and the threads it starts
// from then on. For a thread that does little each time it wakes and for which many wait: it begins
// sooner where processors are busy, without a larger share of them. Its policy and niceness stay.
// Never fails: where the kernel or a filter refuses, its slices are as they were.
void ask_for_short_slices();

}  // namespace pgz
