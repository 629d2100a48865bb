// JobScheduler: how flushes, merges and collections share device and processor.
//
//   flush > merges of level 0 > deeper merges > collection of value segments
//
// A job is a JobTurn, and calls give_way() between two blocks. While a job of a more urgent class
// is at work it rests there, so that it has only its class's share of the time; it goes on at full
// speed the moment the more urgent job ends. The share is never below kShareMin, so that no class
// starves, and grows with the class's debt up to all of the time: who has fallen behind does not
// give way any more, since writers would have to wait for it next.
//
// Merges of both kinds are one thread's, a merge of level 0 runs inside a deeper one. goes_before()
// says when: not before the deeper merges have had their share.
//
// Threads: any; a JobTurn belongs to one.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/sync.h"

namespace pgz {

enum class JobClass : uint8_t { kFlush, kLevel0, kDeeper, kCollection };
inline constexpr int kJobClasses = 4;

class JobScheduler {
 public:
  static constexpr double kShareMin = 0.25;

  explicit JobScheduler(Clock* clock) : clock_(clock) {}

  // 0: none; from 1 on writers are slowed down for it.
  void set_debt(JobClass which, double debt);
  // Of the time, while a more urgent class is at work.
  double share(JobClass which) const;
  // Whether a job of `urgent` should begin before one of `other` goes on, on the same thread.
  bool goes_before(JobClass urgent, JobClass other) const;
  // Ends all rests, for good: the store is being shut down.
  void stop();

 private:
  friend class JobTurn;
  static int index(JobClass which) { return static_cast<int>(which); }
  bool is_outranked(JobClass which) const PGZ_REQUIRES(mutex_);
  void note_work(JobClass which, uint64_t micros) PGZ_REQUIRES(mutex_);
  uint64_t rest(JobClass which, uint64_t micros) PGZ_REQUIRES(mutex_);

  Clock* const clock_;
  std::atomic<double> debt_[kJobClasses] = {};
  mutable Mutex mutex_;
  CondVar changed_;
  int at_work_[kJobClasses] PGZ_GUARDED_BY(mutex_) = {};
  uint64_t worked_micros_[kJobClasses] PGZ_GUARDED_BY(mutex_) = {};  // lately
  bool stopping_ PGZ_GUARDED_BY(mutex_) = false;
};

// One job at work, from construction to destruction.
class JobTurn {
 public:
  JobTurn(JobScheduler* scheduler, JobClass which);
  ~JobTurn();
  JobTurn(const JobTurn&) = delete;
  JobTurn& operator=(const JobTurn&) = delete;

  // Between two blocks: may rest.
  void give_way();
  // Another job runs on this thread from suspend() to resume().
  void suspend();
  void resume();

 private:
  JobScheduler* const scheduler_;
  const JobClass which_;
  uint64_t since_micros_ = 0;  // of the work not yet accounted for
  uint64_t owed_micros_ = 0;   // of rest
};

}  // namespace pgz
