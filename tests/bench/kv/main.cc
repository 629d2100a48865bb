// One engine under the key-value workloads: reads names of workloads from standard input, one a
// line, runs each and answers with one line of JSON per outcome and then an empty line. The program
// that compares engines (tests/bench/kvbench) starts several of these and lets them take turns.
//
//   kvbench-ENGINE DIR [variant=blob] [budget=BYTES] [keys=N] [value=BYTES] [seconds=S] [threads=N]
//                  [direct=0]
//
// DIR is created, and emptied by the workload "fresh".
#include <cinttypes>
#include <iostream>

#include "tests/bench/kv/workloads.h"

namespace {

using kvbench::BenchOptions;
using kvbench::Outcome;

void print(const Outcome& out, size_t value_bytes) {
  const auto micros = [&](double p) { return static_cast<double>(out.nanos.percentile(p)) / 1e3; };
  const auto over = [](double a, double b) { return b > 0 ? a / b : 0; };
  std::printf("{\"workload\":\"%s\",\"value_bytes\":%zu,\"operations\":%" PRIu64
              ",\"seconds\":%.6f,\"settle_seconds\":%.3f,\"ops_per_s\":%.1f,\"p50_us\":%.3f,"
              "\"p99_us\":%.3f,\"p999_us\":%.3f,\"max_us\":%.3f,\"waf\":%.3f,\"space_amp\":%.3f,"
              "\"cpu_s_per_mop\":%.4f,\"rss_bytes\":%" PRIu64 "}\n",
              out.workload.c_str(), value_bytes, out.operations, out.seconds, out.settle_seconds,
              over(static_cast<double>(out.operations), out.seconds), micros(50), micros(99),
              micros(99.9), static_cast<double>(out.nanos.max()) / 1e3,
              over(static_cast<double>(out.device_bytes), static_cast<double>(out.user_bytes)),
              over(static_cast<double>(out.disk_bytes), static_cast<double>(out.live_bytes)),
              over(out.cpu_seconds * 1e6, static_cast<double>(out.operations)), out.resident_bytes);
}

BenchOptions parse(int argc, char** argv) {
  if (argc < 2) kvbench::fail("usage: kvbench-ENGINE DIR [name=value ...]");
  BenchOptions options;
  options.store.dir = argv[1];
  options.store.memory_budget_bytes = uint64_t{64} << 20;
  for (int i = 2; i < argc; i++) {
    const std::string arg = argv[i];
    const size_t at = arg.find('=');
    const std::string name = arg.substr(0, at);
    const std::string value = at == std::string::npos ? "" : arg.substr(at + 1);
    if (name == "variant")
      options.store.variant = value;
    else if (name == "budget")
      options.store.memory_budget_bytes = std::stoull(value);
    else if (name == "keys")
      options.keys = std::stoull(value);
    else if (name == "value")
      options.value_bytes = std::stoull(value);
    else if (name == "seconds")
      options.seconds = std::stod(value);
    else if (name == "threads")
      options.threads = static_cast<unsigned>(std::stoul(value));
    else if (name == "direct")
      options.store.direct = value != "0";
    else
      kvbench::fail("unknown setting " + name);
  }
  if (options.keys < 200 || options.value_bytes > 1 << 19) kvbench::fail("keys or value");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const BenchOptions options = parse(argc, argv);
  kvbench::Bench bench(options);
  // Also the sign that the store is open: who starts this program can time that.
  std::printf("%s\n", kvbench::describe_store(options.store).c_str());
  std::fflush(stdout);
  for (std::string workload; std::getline(std::cin, workload);) {
    for (const Outcome& out : bench.run(workload)) print(out, options.value_bytes);
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}
