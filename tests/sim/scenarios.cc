#include "tests/sim/scenarios.h"

#include <algorithm>

#include "engine/base/rng.h"
#include "tests/sim/case.h"

namespace pgz::sim {
namespace {

const char* crash_name(SimFault f) { return f == SimFault::kCrashPower ? "power" : "kill"; }

uint64_t count_calls(ScenarioContext* context) {
  Machine machine({context->seed, context->clients, early_commits(*context), 0, {}});
  (void)machine.live(context->ops, {}, End::kClose);
  return machine.calls();
}

uint64_t count_recovery_calls(ScenarioContext* context, uint64_t crash_at) {
  Machine machine({context->seed, context->clients, early_commits(*context), 0, {}});
  (void)machine.live(context->ops, {{crash_at, SimFault::kCrashPower}}, End::kPower);
  (void)machine.recover({}, End::kPower);
  return machine.calls();
}

std::string perfect(ScenarioContext* context) {
  Case c(context, "a few lives", early_commits(*context));
  if (c.stopped() || c.skipped()) return "";
  for (uint64_t life = 0; life < context->lives; ++life) {
    const std::string wrong =
        in_turn([&] { return c->live(context->ops, {}, life == 1 ? End::kPower : End::kClose); },
                [&] { return c->recover({}, End::kClose); });
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// A crash at every Io call of a short run, another during the recovery from it, then a life.
std::string crash(ScenarioContext* context) {
  const uint64_t calls = count_calls(context);
  uint64_t recovery_calls = 40;
  for (uint64_t at = 0; at <= calls; ++at) {
    const SimFault fault = at % 3 == 2 ? SimFault::kCrashKill : SimFault::kCrashPower;
    const uint64_t recovery_at = (at * 7 + context->seed) % recovery_calls;
    Case c(context,
           std::string(crash_name(fault)) + " at call " + std::to_string(at) + " of " +
               std::to_string(calls) + ", recovery at " + std::to_string(recovery_at),
           early_commits(*context));
    if (c.stopped()) return "";
    if (c.skipped()) continue;
    const std::string wrong = in_turn(
        [&] {
          return c->live(context->ops, {{at, fault}}, End::kPower);
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
  const uint64_t calls = count_calls(context);
  for (uint64_t part = 1; part <= 4; ++part) {
    for (SimFault fault : {SimFault::kCrashPower, SimFault::kCrashKill}) {
      const uint64_t recovery_calls = count_recovery_calls(context, calls * part / 4);
      for (uint64_t at = 0; at <= recovery_calls; ++at) {
        Case c(context,
               "crash at call " + std::to_string(calls * part / 4) + ", recovery " +
                   crash_name(fault) + " at call " + std::to_string(at),
               early_commits(*context));
        if (c.stopped()) return "";
        if (c.skipped()) continue;
        const std::string wrong = in_turn(
            [&] {
              return c->live(context->ops, {{calls * part / 4, SimFault::kCrashPower}},
                             End::kPower);
            },
            [&] {
              return c->recover({{at, fault}}, End::kPower);
            });
        if (!wrong.empty()) return wrong;
      }
    }
  }
  return "";
}

// A fault that the engine is told of, at a call of a life and at one of the recovery from it.
std::string told_fault(ScenarioContext* context, uint64_t at, SimFault fault, const char* name,
                       bool* stopped) {
  Case c(context, std::string(name) + " at call " + std::to_string(at), early_commits(*context));
  *stopped = c.stopped();
  if (*stopped || c.skipped()) return "";
  const End end = at % 2 == 0 ? End::kPower : End::kKill;
  return in_turn(
      [&] {
        return c->live(context->ops, {{at, fault}}, end);
      },
      [&] {
        return c->recover({{at % 50, fault}}, End::kPower);
      });
}

// A write that reports success and is not there, or is elsewhere: found out, or without effect. At
// the very end of a log that was not sealed it looks like a torn write (rule 5).
std::string silent_fault(ScenarioContext* context, uint64_t at, SimFault fault, const char* name,
                         bool* stopped) {
  Case c(context, std::string(name) + " at call " + std::to_string(at), false);
  *stopped = c.stopped();
  if (*stopped || c.skipped()) return "";
  const bool closes = at % 2 == 0;
  return in_turn(
      [&] {
        return c->live(context->ops, {{at, fault}}, closes ? End::kClose : End::kKill);
      },
      [&] { return c->open_damaged(context->clients); });
}

// What file systems and disks do, at every call.
std::string filesystem(ScenarioContext* context) {
  const uint64_t calls = count_calls(context) + 1;
  constexpr std::pair<SimFault, const char*> kTold[] = {{SimFault::kEio, "EIO"},
                                                        {SimFault::kNoSpace, "ENOSPC"},
                                                        {SimFault::kSyncFailed, "failed sync"},
                                                        {SimFault::kShortWrite, "short write"},
                                                        {SimFault::kSlow, "slow disk"}};
  constexpr std::pair<SimFault, const char*> kSilent[] = {
      {SimFault::kLostWrite, "lost write"}, {SimFault::kMisdirected, "misdirected write"}};
  constexpr uint64_t kFaults = std::size(kTold) + std::size(kSilent);
  std::string wrong;
  in_any_order(calls * kFaults, context->seed, [&](uint64_t n) {
    const uint64_t which = n % kFaults;
    bool stopped = false;
    if (which < std::size(kTold)) {
      wrong = told_fault(context, n / kFaults, kTold[which].first, kTold[which].second, &stopped);
    } else {
      const auto& [fault, name] = kSilent[which - std::size(kTold)];
      wrong = silent_fault(context, n / kFaults, fault, name, &stopped);
    }
    return !stopped && wrong.empty();
  });
  return wrong;
}

std::string full_disk(ScenarioContext* context) {
  for (uint64_t room = 0; room < 40; ++room) {
    Case c(context, "room for " + std::to_string(room * 8) + " KiB more", early_commits(*context));
    if (c.stopped()) return "";
    if (c.skipped()) continue;
    const std::string wrong = in_turn(
        [&] { return c->live(4, {}, End::kClose); }, [&] { return c->recover({}, End::kClose); },
        [&] {
          // A plan that never fires: failures are expected.
          SimIo* io = c->sim()->io();
          io->restart();
          io->set_capacity(io->used_bytes() + room * 8192);
          return c->live(context->ops, {{~uint64_t{0}, SimFault::kEio}}, End::kPower);
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

// A short life ended by a kill at every call; the recovery from it is good, and then power fails:
// what the recovery took from the page cache must have been made durable before anything rested on
// it.
std::string kill_then_power(ScenarioContext* context) {
  const uint64_t calls = count_calls(context);
  for (uint64_t at = 0; at <= calls; ++at) {
    Case c(context, "kill at call " + std::to_string(at) + " of " + std::to_string(calls),
           early_commits(*context));
    if (c.stopped()) return "";
    if (c.skipped()) continue;
    const std::string wrong = in_turn(
        [&] {
          return c->live(context->ops, {{at, SimFault::kCrashKill}}, End::kKill);
        },
        [&] { return c->recover({}, at % 2 == 0 ? End::kPower : End::kKill); },
        [&] { return c->live(2, {}, End::kPower); }, [&] { return c->recover({}, End::kPower); });
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// The same transactions of one client under other options of the database give the same contents.
std::string metamorphic(ScenarioContext* context) {
  context->clients = 1;
  Image expected;
  for (uint64_t variant = 1; variant <= 8; ++variant) {
    Case c(context, "options " + std::to_string(variant), false, variant);
    if (c.stopped()) return "";
    if (c.skipped() && variant != 1) continue;
    Image image;
    const std::string wrong =
        in_turn([&] { return c->live(context->ops, {}, End::kClose); },
                [&] { return c->recover({}, End::kPower); }, [&] { return c->contents(&image); });
    if (!wrong.empty()) return wrong;
    if (variant == 1) expected = image;
    if (const std::string diff = difference(image, expected); !diff.empty()) {
      return "other options, other contents: " + diff;
    }
  }
  return "";
}

// Lives, faults, crashes and recoveries as the seed has it.
std::string random_lives(ScenarioContext* context) {
  SplitMixRng rng(context->seed);
  Case c(context, "random lives", early_commits(*context));
  if (c.stopped() || c.skipped()) return "";
  constexpr SimFault kFaults[] = {
      SimFault::kCrashPower, SimFault::kCrashKill,  SimFault::kEio,        SimFault::kNoSpace,
      SimFault::kSyncFailed, SimFault::kCrashPower, SimFault::kShortWrite, SimFault::kSlow};
  constexpr End kEnds[] = {End::kClose, End::kPower, End::kKill};
  for (uint64_t life = 0; life < context->lives; ++life) {
    const auto plan = [&](uint64_t calls) {
      Plan p;
      while (rng.uniform(3) > 0) {
        p.push_back({rng.uniform(calls), kFaults[rng.uniform(std::size(kFaults))]});
      }
      std::sort(p.begin(), p.end(),
                [](const SimFaultAt& a, const SimFaultAt& b) { return a.at_call < b.at_call; });
      return p;
    };
    const uint64_t ops = 1 + rng.uniform(context->ops);
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
      {"perfect", "no faults; clean closes and power failures between lives", 150, 3, perfect},
      {"crash",
       "power failure or kill at every Io call of a short run, and in the recovery from it", 14, 0,
       crash},
      {"recovery", "recovery crashed at every one of its calls", 14, 0, recovery},
      {"kill_then_power", "kill at every Io call, a good recovery, then power failure", 10, 0,
       kill_then_power},
      {"filesystem",
       "EIO, ENOSPC, failing sync, short, lost or misdirected write, slow disk at every Io call",
       14, 0, filesystem},
      {"full_disk", "a disk without room for a while", 60, 0, full_disk},
      {"corruption", "one damaged sector in one file", 40, 0, corruption},
      {"massive", "one damaged sector in every file", 40, 0, massive},
      {"truncation", "one file cut off, or its name lost", 40, 0, truncation},
      {"completion_corruption", "a damaged group in the middle or at the end of the log", 40, 0,
       completion_corruption},
      {"metamorphic", "the same transactions under other options", 80, 0, metamorphic},
      {"random", "lives, faults and crashes in any order", 75, 6, random_lives},
      {"comprehensive", "all of them in one history", 60, 8, comprehensive},
  };
  return all;
}

const Scenario* find_scenario(const std::string& name) {
  for (const Scenario& s : scenarios()) {
    if (name == s.name) return &s;
  }
  return nullptr;
}

}  // namespace pgz::sim
