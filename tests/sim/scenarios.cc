#include "tests/sim/scenarios.h"

#include <algorithm>

#include "engine/base/rng.h"
#include "tests/sim/machine.h"

namespace pgz::sim {
namespace {

constexpr uint64_t kOpsShort = 14;
constexpr uint64_t kOpsLong = 150;

// One machine in a scenario: names the case, and counts when it goes.
class Case {
 public:
  Case(ScenarioContext* context, const std::string& name, bool early_commits = true)
      : context_(context),
        goes_on_(context->next_case(name)),
        machine_({context->seed, early_commits, context->trace}) {}
  ~Case() {
    context_->transactions += machine_.history().transactions();
    context_->trace_hash = context_->trace_hash * 31 + machine_.sim()->trace_hash();
  }
  bool goes_on() const { return goes_on_; }
  Machine* operator->() { return &machine_; }

 private:
  ScenarioContext* context_;
  bool goes_on_;
  Machine machine_;
};

const char* crash_name(SimFault f) { return f == SimFault::kCrashPower ? "power" : "kill"; }

uint64_t ops_or(const ScenarioContext& context, uint64_t ops) {
  return context.ops == 0 ? ops : context.ops;
}

// Runs checks one after the other until one finds something.
template <class... Steps>
std::string in_turn(Steps... steps) {
  std::string wrong;
  ((wrong.empty() ? void(wrong = steps()) : void()), ...);
  return wrong;
}

uint64_t count_calls(ScenarioContext* context, uint64_t ops) {
  Machine machine({context->seed, true, {}});
  (void)machine.live(ops, {}, End::kClose);
  return machine.calls();
}

std::string perfect(ScenarioContext* context) {
  Case c(context, "three lives");
  for (int life = 0; life < 3 && c.goes_on(); ++life) {
    const uint64_t ops = ops_or(*context, kOpsLong);
    const std::string wrong =
        in_turn([&] { return c->live(ops, {}, life == 1 ? End::kPower : End::kClose); },
                [&] { return c->recover({}, End::kClose); });
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// A crash at every Io call of a short run, another during the recovery from it, then a life.
std::string crash(ScenarioContext* context) {
  const uint64_t ops = ops_or(*context, kOpsShort);
  const uint64_t calls = count_calls(context, ops);
  uint64_t recovery_calls = 40;
  for (uint64_t at = 0; at <= calls; ++at) {
    const SimFault fault = at % 3 == 2 ? SimFault::kCrashKill : SimFault::kCrashPower;
    const uint64_t recovery_at = (at * 7 + context->seed) % recovery_calls;
    Case c(context, std::string(crash_name(fault)) + " at call " + std::to_string(at) + " of " +
                        std::to_string(calls) + ", recovery at " + std::to_string(recovery_at));
    if (!c.goes_on()) return "";
    const std::string wrong = in_turn(
        [&] {
          return c->live(ops, {{at, fault}}, End::kPower);
        },
        [&] {
          return c->recover({{recovery_at, SimFault::kCrashPower}}, End::kPower);
        },
        [&] { return c->live(4, {}, End::kPower); }, [&] { return c->recover({}, End::kPower); });
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// A few crashes, each recovery crashed at every one of its calls, by power and by kill.
std::string recovery(ScenarioContext* context) {
  const uint64_t ops = ops_or(*context, kOpsShort);
  const uint64_t calls = count_calls(context, ops);
  for (uint64_t part = 1; part <= 4; ++part) {
    for (SimFault fault : {SimFault::kCrashPower, SimFault::kCrashKill}) {
      bool fired = true;
      for (uint64_t at = 0; fired; ++at) {
        Case c(context, "crash at call " + std::to_string(calls * part / 4) + ", recovery " +
                            crash_name(fault) + " at call " + std::to_string(at));
        if (!c.goes_on()) return "";
        const std::string wrong = in_turn(
            [&] {
              return c->live(ops, {{calls * part / 4, SimFault::kCrashPower}}, End::kPower);
            },
            [&] {
              return c->recover({{at, fault}}, End::kPower);
            });
        if (!wrong.empty()) return wrong;
        fired = c->plan_fired();
      }
    }
  }
  return "";
}

// EIO, ENOSPC and failing syncs at every call; and a disk that is full for a while.
std::string filesystem(ScenarioContext* context) {
  const uint64_t ops = ops_or(*context, kOpsShort);
  const uint64_t calls = count_calls(context, ops);
  const std::pair<SimFault, const char*> kFaults[] = {{SimFault::kEio, "EIO"},
                                                      {SimFault::kNoSpace, "ENOSPC"},
                                                      {SimFault::kSyncFailed, "failed sync"}};
  for (uint64_t at = 0; at <= calls; ++at) {
    for (const auto& [fault, name] : kFaults) {
      Case c(context, std::string(name) + " at call " + std::to_string(at));
      if (!c.goes_on()) return "";
      const End end = at % 2 == 0 ? End::kPower : End::kKill;
      const std::string wrong = in_turn(
          [&] {
            return c->live(ops, {{at, fault}}, end);
          },
          [&] {
            return c->recover({{at % 50, fault}}, End::kPower);
          });
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

std::string full_disk(ScenarioContext* context) {
  for (uint64_t room = 0; room < 40; ++room) {
    Case c(context, "room for " + std::to_string(room * 8) + " KiB more");
    if (!c.goes_on()) return "";
    const std::string wrong = in_turn(
        [&] { return c->live(4, {}, End::kClose); }, [&] { return c->recover({}, End::kClose); },
        [&] {
          // A plan that never fires: failures are expected.
          SimIo* io = c->sim()->io();
          io->restart();
          io->set_capacity(io->used_bytes() + room * 8192);
          return c->live(ops_or(*context, 60), {{~uint64_t{0}, SimFault::kEio}}, End::kPower);
        },
        [&] {
          c->sim()->io()->set_capacity(~uint64_t{0});
          return c->recover({}, End::kClose);
        },
        [&] { return c->live(10, {}, End::kPower); }, [&] { return c->recover({}, End::kPower); });
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// Damages files of a cleanly closed database: one bit in one file, one in each, or a cut.
std::string damage(ScenarioContext* context, bool every_file, bool cut) {
  SplitMixRng rng(context->seed);
  for (uint64_t round = 0; round < 60; ++round) {
    Case c(context, "round " + std::to_string(round), false);
    if (!c.goes_on()) return "";
    std::string wrong = c->live(ops_or(*context, 40), {}, End::kClose);
    if (!wrong.empty()) return wrong;
    SimIo* io = c->sim()->io();
    std::vector<std::string> files = io->all_files();
    if (!every_file) files = {files[rng.uniform(files.size())]};
    for (const std::string& file : files) {
      const uint64_t bytes = io->contents(file).size();
      if (bytes == 0) continue;
      if (cut) {
        io->cut(file, rng.uniform(bytes));
      } else {
        io->flip_bit(file, rng.uniform(bytes * 8));
      }
    }
    wrong = c->open_damaged();
    if (!wrong.empty()) return files[0] + (every_file ? " and others: " : ": ") + wrong;
  }
  return "";
}

std::string corruption(ScenarioContext* context) { return damage(context, false, false); }
std::string massive(ScenarioContext* context) { return damage(context, true, false); }
std::string truncation(ScenarioContext* context) { return damage(context, false, true); }

// Lives, faults, crashes and recoveries as the seed has it.
std::string random_lives(ScenarioContext* context) {
  SplitMixRng rng(context->seed);
  Case c(context, "random lives");
  if (!c.goes_on()) return "";
  constexpr SimFault kFaults[] = {SimFault::kCrashPower, SimFault::kCrashKill,
                                  SimFault::kEio,        SimFault::kNoSpace,
                                  SimFault::kSyncFailed, SimFault::kCrashPower};
  constexpr End kEnds[] = {End::kClose, End::kPower, End::kKill};
  for (int life = 0; life < 6; ++life) {
    const auto plan = [&](uint64_t calls) {
      Plan p;
      while (rng.uniform(3) > 0) p.push_back({rng.uniform(calls), kFaults[rng.uniform(6)]});
      std::sort(p.begin(), p.end(),
                [](const SimFaultAt& a, const SimFaultAt& b) { return a.at_call < b.at_call; });
      return p;
    };
    const uint64_t ops = 1 + rng.uniform(ops_or(*context, kOpsLong / 2));
    const Plan life_plan = plan(600);
    const Plan recovery_plan = plan(60);
    const End life_end = kEnds[rng.uniform(3)];
    const End recovery_end = kEnds[rng.uniform(3)];
    const std::string wrong = in_turn([&] { return c->live(ops, life_plan, life_end); },
                                      [&] { return c->recover(recovery_plan, recovery_end); });
    if (!wrong.empty()) return "life " + std::to_string(life) + ": " + wrong;
  }
  return "";
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"perfect", "no faults; clean closes and power failures between lives", perfect},
      {"crash", "power failure or kill at every Io call of a short run, and in recovery", crash},
      {"recovery", "recovery crashed at every one of its calls", recovery},
      {"filesystem", "EIO, ENOSPC, failing sync at every Io call", filesystem},
      {"full_disk", "a disk without room for a while", full_disk},
      {"corruption", "one flipped bit in one file", corruption},
      {"massive", "one flipped bit in every file", massive},
      {"truncation", "one file cut off", truncation},
      {"random", "lives, faults and crashes in any order", random_lives},
  };
  return all;
}

}  // namespace pgz::sim
