// pgz-sim: runs the whole engine on a simulated machine, breaks the machine, and checks what the
// database shows afterwards. See --help.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "tests/sim/runner.h"
#include "tests/sim/selftest.h"

namespace pgz::sim {
namespace {

using Ull = unsigned long long;

struct Flags {
  std::string scenario;  // empty: all
  RunOptions run;        // run.seed 0: from the operating system
  uint64_t seeds = 1;
  uint64_t seconds = 0;  // 0: until done
  bool shrinks = true;
};

int usage(FILE* out, int code) {
  std::fputs(
      "pgz-sim [--scenario NAME] [--seed N | --replay N] [FLAGS]\n"
      "Runs the engine on a simulated machine that crashes, fails and rots, and checks after each\n"
      "recovery that nothing acknowledged is lost, no transaction is torn, what survives is a\n"
      "prefix of commit order, isolation held and damage was reported. Exit code 0: nothing\n"
      "found, 1: something is wrong, 2: flags not understood, or nothing run.\n"
      "  --scenario NAME  one of those below; all of them without it\n"
      "  --seed N         first seed; drawn and printed without it\n"
      "  --seeds N        so many seeds in sequence (1)\n"
      "  --seconds N      stop after that time, going on to further seeds until then\n"
      "  --ops N          transactions of one life of the database\n"
      "  --clients N      clients at a time (3)\n"
      "  --lives N        lives, where a scenario has several\n"
      "  --case N         only the scenario's Nth case\n"
      "  --replay N       as --seed N, with a trace of everything clients did on stdout: the same\n"
      "                   bytes whenever it runs\n"
      "  --shrink 0|1     look for a shorter run that fails too (1)\n",
      out);
  if (kPlantedBuild) {
    std::fputs(
        "  --self-test      every planted bug is found, and nothing without one\n"
        "  --bug NAME       with that fault planted in the engine; one of:\n",
        out);
    for (const PlantedInfo& bug : planted_infos()) {
      std::fprintf(out, "    %-22s %s\n", bug.name, bug.what);
    }
  }
  std::fputs("Scenarios:\n", out);
  for (const Scenario& s : scenarios()) std::fprintf(out, "    %-22s %s\n", s.name, s.what);
  return code;
}

// Refused where no run could be meant: 0 as a seed stands for a drawn one.
bool parse_number(const std::string& flag, uint64_t number, Flags* flags) {
  constexpr uint64_t kMost = 1'000'000'000;
  if ((flag == "--seed" || flag == "--replay") && number > 0) {
    flags->run.seed = number;
    flags->run.trace = flag == "--replay";
  } else if (flag == "--seeds" && number > 0) {
    flags->seeds = number;
  } else if (flag == "--seconds" && number > 0 && number <= kMost) {
    flags->seconds = number;
  } else if (flag == "--ops" && number > 0 && number <= kMost) {
    flags->run.ops = number;
  } else if (flag == "--clients" && number > 0 && number < 100) {
    flags->run.clients = static_cast<uint32_t>(number);
  } else if (flag == "--lives" && number > 0 && number <= kMost) {
    flags->run.lives = number;
  } else if (flag == "--case" && number > 0) {
    flags->run.only_case = number;
  } else if (flag == "--shrink" && number <= 1) {
    flags->shrinks = number != 0;
  } else {
    return false;
  }
  return true;
}

// Digits and nothing else.
bool to_number(const char* text, uint64_t* number) {
  const char* const end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, *number);
  return error == std::errc() && at == end && at != text;
}

bool not_understood(const std::string& flag, const char* value) {
  std::fprintf(stderr, "pgz-sim: %s %s is not understood\n\n", flag.c_str(), value);
  return false;
}

bool parse(int argc, char** argv, Flags* flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (i + 1 >= argc) return not_understood(flag, "without a value");
    const char* value = argv[++i];
    uint64_t number = 0;
    bool is_fine = false;
    if (flag == "--scenario") {
      flags->scenario = value;
      is_fine = find_scenario(value) != nullptr;
    } else if (flag == "--bug") {
      is_fine = plant(value);
    } else {
      is_fine = to_number(value, &number) && parse_number(flag, number, flags);
    }
    if (!is_fine) return not_understood(flag, value);
  }
  return true;
}

void report(const Scenario& scenario, RunOptions options, RunResult result, bool shrinks) {
  std::printf("FAILED %s, seed %llu, case %llu: %s\n  %s\n", scenario.name,
              static_cast<Ull>(options.seed), static_cast<Ull>(result.case_number),
              result.case_name.c_str(), result.wrong.c_str());
  std::fflush(stdout);
  if (shrinks) {
    const uint64_t tries = shrink(scenario, &options, &result);
    std::printf("  shortest failing run of %llu tried: %llu transactions a life, clients: %u",
                static_cast<Ull>(tries), static_cast<Ull>(options.ops), options.clients);
    if (scenario.lives > 1) std::printf(", lives: %llu", static_cast<Ull>(options.lives));
    std::printf("\n    case %llu: %s\n    %s\n", static_cast<Ull>(result.case_number),
                result.case_name.c_str(), result.wrong.c_str());
  }
  std::printf("  again, with a trace: pgz-sim --scenario %s --replay %llu --clients %u",
              scenario.name, static_cast<Ull>(options.seed), options.clients);
  if (options.ops != 0) std::printf(" --ops %llu", static_cast<Ull>(options.ops));
  if (options.lives != 0) std::printf(" --lives %llu", static_cast<Ull>(options.lives));
  if (options.only_case != 0) std::printf(" --case %llu", static_cast<Ull>(options.only_case));
  if (planted_name()[0] != '\0') std::printf(" --bug %s", planted_name());
  std::printf("\n");
}

struct Totals {
  uint64_t start_micros = system_clock()->now_micros();
  uint64_t cases = 0;
  uint64_t transactions = 0;
  uint64_t failures = 0;
  double seconds() const {
    return static_cast<double>(system_clock()->now_micros() - start_micros) / 1e6;
  }
};

void run_one(const Scenario& scenario, const RunOptions& options, bool shrinks, Totals* totals) {
  const uint64_t start = system_clock()->now_micros();
  const RunResult result = run_scenario(scenario, options);
  totals->cases += result.cases;
  totals->transactions += result.transactions;
  if (options.progress) std::fputs("\r\033[K", stderr);
  if (options.trace) std::printf("trace %016llx\n", static_cast<Ull>(result.trace_hash));
  if (result.failed) {
    totals->failures++;
    report(scenario, options, result, shrinks && !options.trace);
  } else if (!options.trace) {
    std::printf("%-22s seed %llu: %llu cases, %llu transactions, %.1f s\n", scenario.name,
                static_cast<Ull>(options.seed), static_cast<Ull>(result.cases),
                static_cast<Ull>(result.transactions),
                static_cast<double>(system_clock()->now_micros() - start) / 1e6);
  }
  std::fflush(stdout);
}

int run(const Flags& flags) {
  Totals totals;
  const uint64_t first = flags.run.seed != 0 ? flags.run.seed : random_seed() % 1'000'000'000 + 1;
  const uint64_t turns = flags.scenario.empty() ? scenarios().size() : 1;
  const uint64_t deadline = totals.start_micros + flags.seconds * 1'000'000;
  const auto time_left = [&] {
    return flags.seconds == 0 || system_clock()->now_micros() < deadline;
  };
  uint64_t seed = first;
  do {
    for (const Scenario& scenario : scenarios()) {
      if (!flags.scenario.empty() && flags.scenario != scenario.name) continue;
      if (!time_left() || totals.failures > 0) break;
      RunOptions options = flags.run;
      options.seed = seed;
      options.progress = ::isatty(2) != 0 && !options.trace;
      if (flags.seconds != 0) {
        // Each scenario gets its turn.
        options.deadline_micros = system_clock()->now_micros() + flags.seconds * 1'000'000 / turns;
      }
      run_one(scenario, options, flags.shrinks, &totals);
    }
    ++seed;
  } while (totals.failures == 0 && (flags.seconds != 0 ? time_left() : seed - first < flags.seeds));
  if (!flags.run.trace) {
    std::printf("pgz-sim: %llu cases, %llu transactions, seeds %llu to %llu, %llu failed, %.1f s\n",
                static_cast<Ull>(totals.cases), static_cast<Ull>(totals.transactions),
                static_cast<Ull>(first), static_cast<Ull>(seed - 1),
                static_cast<Ull>(totals.failures), totals.seconds());
  }
  if (totals.cases == 0) {
    std::fprintf(stderr, "pgz-sim: nothing was run\n");
    return 2;
  }
  return totals.failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace pgz::sim

int main(int argc, char** argv) {
  using namespace pgz::sim;
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) return usage(stdout, 0);
  if (argc == 2 && std::strcmp(argv[1], "--self-test") == 0) return self_test();
  Flags flags;
  if (!parse(argc, argv, &flags)) return usage(stderr, 2);
  return run(flags);
}
