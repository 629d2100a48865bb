// Scenarios: what is done to a machine under one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pgz::sim {

struct ScenarioContext {
  uint64_t seed = 1;
  uint64_t ops = 0;                               // of the main life; 0: the scenario's own number
  std::function<void(const std::string&)> trace;  // may be empty

  // Called before each case with what is about to happen; false: stop, time is over.
  std::function<bool(const std::string& name)> next_case;
  uint64_t transactions = 0;  // counted by the scenarios
  uint64_t trace_hash = 0;    // of everything that was simulated
};

struct Scenario {
  const char* name;
  const char* what;
  std::string (*run)(ScenarioContext* context);  // what is wrong, or ""
};

const std::vector<Scenario>& scenarios();

}  // namespace pgz::sim
