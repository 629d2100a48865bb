// Runner: one scenario under one seed in a process of its own, so that a failed assertion, an
// endless loop or a sanitizer's report is a result like any other; and the search for a short run
// that fails alike.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/scenarios.h"

namespace pgz::sim {

struct RunOptions {
  uint64_t seed = 0;
  uint64_t ops = 0;  // 0: the scenario's own number, as with lives
  uint32_t clients = 3;
  uint64_t lives = 0;
  uint64_t only_case = 0;        // counted from 1; 0: all
  uint64_t deadline_micros = 0;  // on the system clock: no case begins after it; 0: none
  bool trace = false;            // what clients do, on stdout
  bool progress = false;         // a line on stderr, overwritten
  bool quiet = false;            // no output of the run on stderr
};

struct RunResult {
  bool failed = false;
  std::string wrong;
  std::string case_name;     // the last one begun
  uint64_t case_number = 0;  // counted from 1
  uint64_t cases = 0;
  uint64_t transactions = 0;
  uint64_t trace_hash = 0;
};

RunResult run_scenario(const Scenario& scenario, const RunOptions& options);

// Tries fewer transactions, clients and lives for a while; `options` failed with `result`. Returns
// the tries; both are those of the shortest failing run then.
uint64_t shrink(const Scenario& scenario, RunOptions* options, RunResult* result);

}  // namespace pgz::sim
