// One machine in a scenario: names the case, and counts when it goes. Private to the scenarios.
#pragma once

#include <string>

#include "tests/sim/machine.h"
#include "tests/sim/scenarios.h"

namespace pgz::sim {

class Case {
 public:
  Case(ScenarioContext* context, const std::string& name, bool early_commits, uint64_t variant = 0)
      : context_(context),
        go_(context->next_case(name)),
        machine_({context->seed, context->clients, early_commits, variant, context->trace}) {}
  ~Case() {
    context_->transactions += machine_.history().transactions();
    context_->trace_hash = context_->trace_hash * 31 + machine_.sim()->trace_hash();
  }
  bool skipped() const { return go_ == ScenarioContext::Go::kSkip; }
  bool stopped() const { return go_ == ScenarioContext::Go::kStop; }
  Machine* operator->() { return &machine_; }

 private:
  ScenarioContext* context_;
  ScenarioContext::Go go_;
  Machine machine_;
};

// Whether some commits of a run are acknowledged before they are durable: under every second seed.
inline bool early_commits(const ScenarioContext& context) { return context.seed % 2 == 0; }

// Runs checks one after the other until one finds something.
template <class... Steps>
std::string in_turn(Steps... steps) {
  std::string wrong;
  ((wrong.empty() ? void(wrong = steps()) : void()), ...);
  return wrong;
}

// What can be done to stored files (damage.cc).
enum class Damage : uint8_t { kFlipBit, kZeroSector, kCopySector, kCut, kLoseName };
inline constexpr int kSectorDamages = 3;  // the first ones can be taken back
const char* damage_name(Damage damage);

// A damage done, and what stood there before.
struct DamageDone {
  std::string file;
  uint64_t offset = 0;
  std::string before;
  std::string after;
  std::string text;  // for messages; empty: nothing was done
};
DamageDone damage_file(SimIo* io, Rng* rng, const std::string& file, Damage damage);
// Takes it back, unless something else has been written there since.
void heal(SimIo* io, const DamageDone& done);

// The numbers below n, each once, in an order that the seed has: what a run has no time for is then
// not always the same end.
template <class Do>
void in_any_order(uint64_t n, uint64_t seed, const Do& each) {
  constexpr uint64_t kPrime = 7919;  // no n is a multiple of it
  for (uint64_t i = 0; i < n; ++i) {
    if (!each((i * kPrime + seed) % n)) return;
  }
}

// The scenarios about damage.
std::string corruption(ScenarioContext* context);
std::string massive(ScenarioContext* context);
std::string truncation(ScenarioContext* context);
std::string completion_corruption(ScenarioContext* context);
std::string comprehensive(ScenarioContext* context);

}  // namespace pgz::sim
