// Scenarios: what is done to a machine under one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pgz::sim {

// What a scenario is run with. ops, clients and lives are what a failing run is made short by.
struct ScenarioContext {
  uint64_t seed = 1;
  uint64_t ops = 0;      // transactions of a life; 0: the scenario's own number
  uint32_t clients = 3;  // of every life
  uint64_t lives = 0;    // where a scenario has several; 0: its own number
  std::function<void(const std::string&)> trace;  // may be empty

  enum class Go : uint8_t { kRun, kSkip, kStop };
  // Called before each case with what is about to happen.
  std::function<Go(const std::string& name)> next_case;
  uint64_t transactions = 0;  // counted by the scenarios
  uint64_t trace_hash = 0;    // of everything that was simulated
};

struct Scenario {
  const char* name;
  const char* what;
  uint64_t ops;
  uint64_t lives;
  std::string (*run)(ScenarioContext* context);  // what is wrong, or ""
};

const std::vector<Scenario>& scenarios();
const Scenario* find_scenario(const std::string& name);  // null: there is none

}  // namespace pgz::sim
