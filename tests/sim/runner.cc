#include "tests/sim/runner.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/base/clock.h"

namespace pgz::sim {
namespace {

constexpr uint64_t kProgressMicros = 200'000;
constexpr uint64_t kShrinkMicros = 40'000'000;
constexpr uint64_t kTryMicros = 10'000'000;

// What a run tells the process that started it, in memory both see.
struct Shared {
  bool finished;
  uint64_t cases;
  uint64_t case_number;
  uint64_t transactions;
  uint64_t trace_hash;
  char case_name[256];
  char wrong[4096];
};

void copy_text(char* to, size_t size, const std::string& text) {
  const size_t n = std::min(text.size(), size - 1);
  std::memcpy(to, text.data(), n);
  to[n] = '\0';
}

using Go = ScenarioContext::Go;

// In the child.
void run_here(const Scenario& scenario, const RunOptions& options, Shared* shared) {
  ScenarioContext context;
  context.seed = options.seed;
  context.ops = options.ops != 0 ? options.ops : scenario.ops;
  context.clients = options.clients;
  context.lives = options.lives != 0 ? options.lives : scenario.lives;
  if (options.trace) {
    context.trace = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  }
  uint64_t seen = 0;
  uint64_t shown_at = 0;
  context.next_case = [&](const std::string& name) {
    ++seen;
    if (options.only_case != 0 && seen != options.only_case) {
      return seen < options.only_case ? Go::kSkip : Go::kStop;
    }
    const uint64_t now = system_clock()->now_micros();
    if (options.deadline_micros != 0 && now >= options.deadline_micros) return Go::kStop;
    shared->case_number = seen;
    shared->cases++;
    copy_text(shared->case_name, sizeof(shared->case_name), name);
    if (options.trace)
      std::printf("case %llu: %s\n", static_cast<unsigned long long>(seen), name.c_str());
    if (options.progress && now - shown_at > kProgressMicros) {
      shown_at = now;
      std::fprintf(stderr, "\r\033[K%s, seed %llu, case %llu: %s", scenario.name,
                   static_cast<unsigned long long>(options.seed),
                   static_cast<unsigned long long>(seen), name.c_str());
    }
    return Go::kRun;
  };
  const std::string wrong = scenario.run(&context);
  copy_text(shared->wrong, sizeof(shared->wrong), wrong);
  shared->transactions = context.transactions;
  shared->trace_hash = context.trace_hash;
  shared->finished = true;
}

std::string ended_by(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return signal == SIGABRT ? "an assertion failed (the message stands on stderr)"
                             : std::string("the process was ended by ") + strsignal(signal);
  }
  return "the process ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

RunResult run_scenario(const Scenario& scenario, const RunOptions& options) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  Shared* shared = static_cast<Shared*>(memory);  // zeros
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    if (options.quiet) {
      const int null = ::open("/dev/null", O_WRONLY);
      if (null >= 0) ::dup2(null, 2);
    }
    run_here(scenario, options, shared);
    std::fflush(nullptr);
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  RunResult result;
  result.cases = shared->cases;
  result.case_number = shared->case_number;
  result.case_name = shared->case_name;
  result.transactions = shared->transactions;
  result.trace_hash = shared->trace_hash;
  result.wrong = shared->finished && status == 0 ? shared->wrong : ended_by(status);
  result.failed = !result.wrong.empty();
  ::munmap(memory, sizeof(Shared));
  return result;
}

uint64_t shrink(const Scenario& scenario, RunOptions* options, RunResult* result) {
  const uint64_t start = system_clock()->now_micros();
  uint64_t tries = 0;
  RunOptions best = *options;
  if (best.ops == 0) best.ops = scenario.ops;
  if (best.lives == 0) best.lives = scenario.lives;
  best.only_case = 0;
  const auto time_left = [&] { return system_clock()->now_micros() < start + kShrinkMicros; };
  const auto fails = [&](RunOptions candidate) {
    if (!time_left()) return false;
    ++tries;
    candidate.quiet = true;
    candidate.trace = candidate.progress = false;
    candidate.deadline_micros = system_clock()->now_micros() + kTryMicros;
    const RunResult r = run_scenario(scenario, candidate);
    if (!r.failed) return false;
    best = candidate;
    *result = r;
    return true;
  };
  // Halves first, then one less at a time.
  const auto reduce = [&](auto RunOptions::*field) {
    while (best.*field > 1 && time_left()) {
      RunOptions candidate = best;
      candidate.*field = best.*field / 2;
      if (fails(candidate)) continue;
      candidate.*field = best.*field - 1;
      if (!fails(candidate)) break;
    }
  };
  for (uint32_t clients = 1; clients < best.clients; ++clients) {
    RunOptions candidate = best;
    candidate.clients = clients;
    if (fails(candidate)) break;
  }
  if (scenario.lives > 1) reduce(&RunOptions::lives);
  reduce(&RunOptions::ops);
  // The one case alone, if it fails without those before it.
  RunOptions alone = best;
  alone.only_case = result->case_number;
  (void)fails(alone);
  best.quiet = options->quiet;
  best.deadline_micros = options->deadline_micros;
  *options = best;
  return tries;
}

}  // namespace pgz::sim
