// Counters: named numbers that belong to no transaction, for sequences, object ids and row ids.
// Each starts at 1. A number is durable before it is given: the log says "next" is at or above its
// successor. To spare flushes the log is told of more than is asked for; after a crash what was not
// given of that is skipped, after a clean close (give_back) it is not.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/db/commit_pipeline.h"

namespace pgz {

class Counters {
 public:
  static constexpr uint64_t kReserveMax = uint64_t{1} << 32;

  Counters(CommitPipeline* pipeline, Lsm* lsm, Completions* completions)
      : pipeline_(pipeline), lsm_(lsm), completions_(completions) {}

  // *first is the first of n numbers. kPending where the log must be flushed before: the completion
  // with `tag` has the first number; with tag 0 it waits. kInvalidArgument: n is 0 or beyond
  // kReserveMax, or the numbers are used up.
  Status reserve(Slice name, uint64_t n, uint64_t tag, uint64_t* first);
  uint64_t next(Slice name);
  // Logs what was not given; at a clean close.
  void give_back();

 private:
  struct Counter {
    uint64_t next = 1;     // to be given
    uint64_t logged = 1;   // the log knows of numbers below
    uint64_t durable = 1;  // and has them durably
  };
  class Reservation;

  Counter* find(Slice name) PGZ_REQUIRES(mu_);
  void made_durable(const std::string& name, uint64_t below);

  CommitPipeline* const pipeline_;
  Lsm* const lsm_;
  Completions* const completions_;
  Mutex mu_;  // before the append mutex
  std::map<std::string, Counter, std::less<>> counters_ PGZ_GUARDED_BY(mu_);
};

}  // namespace pgz
