// pgz-sim: runs the whole engine on a simulated machine, breaks the machine, and checks what the
// database shows afterwards. See --help.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "tests/sim/scenarios.h"

namespace pgz::sim {
namespace {

// What is being run, for the message of an assertion that fails inside the engine.
char current_case[256] = "";

void on_abort(int) {
  std::fputs("while running ", stderr);
  std::fputs(current_case, stderr);
  std::fputs("\n", stderr);
}

struct Flags {
  std::string scenario;  // empty: all
  uint64_t seed = 0;     // 0: from the operating system
  uint64_t ops = 0;
  uint64_t seeds = 1;
  uint64_t seconds = 0;  // 0: until done
  bool replay = false;
};

int usage(FILE* out, int code) {
  std::fputs(
      "pgz-sim [--scenario NAME] [--seed N] [--seeds COUNT] [--seconds N] [--ops N] "
      "[--replay N]\n"
      "  --scenario NAME  one of those below; all of them without it\n"
      "  --seed N         first seed; drawn and printed without it\n"
      "  --seeds COUNT    so many seeds in sequence (1)\n"
      "  --seconds N      stop after that time, going on to further seeds until then\n"
      "  --ops N          transactions of a scenario's main life\n"
      "  --replay N       as --seed N, with a trace of everything clients did on stdout\n",
      out);
  for (const Scenario& s : scenarios()) std::fprintf(out, "    %-12s %s\n", s.name, s.what);
  return code;
}

bool parse(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (i + 1 >= argc) return false;
    const char* value = argv[++i];
    if (flag == "--scenario") {
      flags->scenario = value;
      continue;
    }
    char* end = nullptr;
    const uint64_t number = std::strtoull(value, &end, 10);
    if (*value == '\0' || *end != '\0') return false;
    if (flag == "--seed" || flag == "--replay") {
      flags->seed = number;
      flags->replay = flag == "--replay";
    } else if (flag == "--seeds") {
      flags->seeds = number;
    } else if (flag == "--seconds") {
      flags->seconds = number;
    } else if (flag == "--ops") {
      flags->ops = number;
    } else {
      return false;
    }
  }
  return true;
}

struct Progress {
  uint64_t deadline_micros = 0;  // 0: none
  uint64_t slice_micros = 0;     // of one scenario under one seed, so that each gets its turn
  uint64_t turn_ends_micros = 0;
  uint64_t cases = 0;
  uint64_t transactions = 0;

  void begin_turn() {
    if (deadline_micros != 0) turn_ends_micros = system_clock()->now_micros() + slice_micros;
  }
  bool turn_goes_on() const {
    return time_left() &&
           (turn_ends_micros == 0 || system_clock()->now_micros() < turn_ends_micros);
  }

  bool time_left() const {
    return deadline_micros == 0 || system_clock()->now_micros() < deadline_micros;
  }
};

// True when nothing is wrong.
bool run_one(const Scenario& scenario, uint64_t seed, const Flags& flags, Progress* progress) {
  ScenarioContext context;
  context.seed = seed;
  context.ops = flags.ops;
  std::string name;
  if (flags.replay) {
    context.trace = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  }
  context.next_case = [&](const std::string& what) {
    name = what;
    std::snprintf(current_case, sizeof current_case, "--scenario %s --seed %llu: %s", scenario.name,
                  static_cast<unsigned long long>(seed), what.c_str());
    if (flags.replay) std::printf("case: %s\n", what.c_str());
    if (!progress->turn_goes_on()) return false;
    ++progress->cases;
    return true;
  };
  const std::string wrong = scenario.run(&context);
  progress->transactions += context.transactions;
  if (flags.replay) {
    std::printf("trace %016llx\n", static_cast<unsigned long long>(context.trace_hash));
  }
  if (wrong.empty()) return true;
  std::printf("FAILED %s, seed %llu, %s: %s\n  again: pgz-sim --scenario %s --seed %llu",
              scenario.name, static_cast<unsigned long long>(seed), name.c_str(), wrong.c_str(),
              scenario.name, static_cast<unsigned long long>(seed));
  if (flags.ops != 0) std::printf(" --ops %llu", static_cast<unsigned long long>(flags.ops));
  std::printf("\n");
  return false;
}

int run(const Flags& flags) {
  const uint64_t start = system_clock()->now_micros();
  const uint64_t first_seed = flags.seed != 0 ? flags.seed : random_seed() % 1'000'000'000 + 1;
  Progress progress;
  if (flags.seconds != 0) {
    progress.deadline_micros = start + flags.seconds * 1'000'000;
    const uint64_t turns = flags.scenario.empty() ? scenarios().size() : 1;
    progress.slice_micros = flags.seconds * 1'000'000 / turns;
  }
  bool known = false;
  uint64_t failures = 0;
  uint64_t seeds = 0;
  for (uint64_t seed = first_seed;; ++seed) {
    for (const Scenario& scenario : scenarios()) {
      if (!flags.scenario.empty() && flags.scenario != scenario.name) continue;
      known = true;
      if (!progress.time_left()) break;
      progress.begin_turn();
      if (!run_one(scenario, seed, flags, &progress)) ++failures;
      if (flags.replay) continue;
      std::printf("%s seed %llu: %llu cases, %llu transactions, %.1f s\n", scenario.name,
                  static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(progress.cases),
                  static_cast<unsigned long long>(progress.transactions),
                  static_cast<double>(system_clock()->now_micros() - start) / 1e6);
      std::fflush(stdout);
    }
    if (!known) return usage(stderr, 2);
    ++seeds;
    const bool more = flags.seconds != 0 ? progress.time_left() : seeds < flags.seeds;
    if (!more || failures > 0) break;
  }
  if (!flags.replay) {
    std::printf("pgz-sim: %llu cases over %llu seeds from %llu, %llu failed\n",
                static_cast<unsigned long long>(progress.cases),
                static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(first_seed),
                static_cast<unsigned long long>(failures));
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace pgz::sim

int main(int argc, char** argv) {
  using namespace pgz::sim;
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) return usage(stdout, 0);
  Flags flags;
  if (!parse(argc, argv, &flags)) return usage(stderr, 2);
  std::signal(SIGABRT, on_abort);
  return run(flags);
}
