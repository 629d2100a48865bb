// Measures what flushes and merges write per byte of user data: keys loaded at random, then
// overwritten at random, with background work as in production and no log below it.
//
//   ingest_bench DIR [data_mib] [overwrite_mib] [value_bytes] [memtable_mib] [inline_max]
//                [direct_min]
//
// Values from direct_min on are placed as a commit does it, synced every 16; the log would add the
// others' bytes once.
// Prints a line per quarter of each phase: throughput, bytes written to tables and segments per
// user byte of that quarter and so far, longest wait of a write, space per live byte and the shape
// of the tree; and what is left when the store has been idle for a while.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "engine/base/clock.h"
#include "engine/io/posix.h"
#include "engine/lsm/lsm.h"

namespace {

using namespace pgz;  // NOLINT

constexpr double kMib = 1 << 20;
constexpr uint64_t kGroup = 16;

struct Bench {
  Lsm* lsm;
  uint64_t keys;
  uint64_t value_bytes;
  uint64_t direct_min = 0;
  uint64_t ts = 0;
  uint64_t user_bytes = 0;
  uint64_t longest_micros = 0;
  std::mt19937_64 random{1};
  std::string noise;  // values are slices of it, so that they do not compress

  void put(uint64_t n) {
    char key[24];
    std::snprintf(key, sizeof(key), "k%015lu", static_cast<unsigned long>(n));
    const uint64_t begin = system_clock()->now_micros();
    if (!lsm->admit(value_bytes).is_ok()) std::abort();
    longest_micros = std::max(longest_micros, system_clock()->now_micros() - begin);
    ts++;
    const Slice value(noise.data() + random() % (noise.size() - value_bytes), value_bytes);
    PlacedValues placed;
    const bool is_placed = direct_min != 0 && value_bytes >= direct_min;
    if (is_placed) {
      if (!lsm->place_values({&value, 1}, &placed).is_ok()) std::abort();
      if (ts % kGroup == 0 && !lsm->sync_values().is_ok()) std::abort();
    }
    MemTableRef ref = lsm->reserve_active(ts);
    const Status added =
        is_placed ? ref.add_placed(key, ts, placed, 0) : ref.add(Kind::kValue, key, ts, value);
    if (!added.is_ok()) std::abort();
    user_bytes += value_bytes + 16;
  }

  // `pick` gives the keys.
  template <typename Pick>
  void phase(const char* name, uint64_t count, Pick pick) {
    for (int quarter = 1; quarter <= 4; quarter++) {
      const LsmStats before = lsm->stats();
      const uint64_t user_before = user_bytes;
      const uint64_t begin = system_clock()->now_micros();
      longest_micros = 0;
      for (uint64_t i = 0; i < count / 4; i++) put(pick());
      const double seconds = static_cast<double>(system_clock()->now_micros() - begin) / 1e6;
      report(name, quarter, before, user_before, seconds);
    }
  }

  static uint64_t written_by(const LsmStats& s) {
    return s.flushed_bytes + s.merged_bytes + s.collected_bytes + s.placed_bytes;
  }

  void report(const char* name, int quarter, const LsmStats& before, uint64_t user_before,
              double seconds) {
    const LsmStats s = lsm->stats();
    const double user = static_cast<double>(user_bytes - user_before);
    const uint64_t written = written_by(s);
    uint64_t total = s.segment_bytes;
    for (const uint64_t bytes : s.level_bytes) total += bytes;
    std::printf(
        "%-9s %d/4 %6.1f MB/s  written/user %5.2f (so far %5.2f)  longest wait %5.1f ms  "
        "space %4.2f ",
        name, quarter, user / 1e6 / seconds,
        static_cast<double>(written - written_by(before)) / user,
        static_cast<double>(written) / static_cast<double>(user_bytes),
        static_cast<double>(longest_micros) / 1e3,
        static_cast<double>(total) /
            static_cast<double>(std::min(keys * (value_bytes + 16), user_bytes)));
    for (int level = 0; level < 8; level++) {
      if (s.level_files[level] == 0) continue;
      std::printf(" L%d:%u/%.0fM", level, s.level_files[level],
                  static_cast<double>(s.level_bytes[level]) / kMib);
    }
    std::printf(" values:%u/%.0fM live %.0fM collected %.0fM\n", s.segments,
                static_cast<double>(s.segment_bytes) / kMib,
                static_cast<double>(s.segment_live_bytes) / kMib,
                static_cast<double>(s.collected_bytes) / kMib);
    std::fflush(stdout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: ingest_bench DIR [data_mib] [overwrite_mib] [value_bytes] "
                 "[memtable_mib] [inline_max] [direct_min]\n");
    return 2;
  }
  const auto number = [&](int at, uint64_t otherwise) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
  };
  const uint64_t value_bytes = number(4, 1024);
  PosixRuntime runtime;
  Bench bench{};
  bench.value_bytes = value_bytes;
  bench.direct_min = number(7, 4096);
  bench.keys = (number(2, 1024) << 20) / (value_bytes + 16);
  for (int i = 0; i < 1 << 17; i++) {
    const uint64_t word = bench.random();
    bench.noise.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  LsmOptions options;
  options.uuid = std::string(16, 'u');
  options.memtable_bytes = number(5, 16) << 20;
  options.memory_budget_bytes = uint64_t{384} << 20;
  options.value_inline_max_bytes = static_cast<uint32_t>(number(6, 512));
  options.wait_durable = [](uint64_t) { return Status::ok(); };
  options.boundaries = [] { return std::vector<uint64_t>{kMaxTimestamp - 1}; };
  (void)runtime.get().io->mkdir(argv[1]).is_ok();
  Result<std::unique_ptr<Lsm>> lsm = Lsm::create(runtime.get(), argv[1], options);
  if (!lsm.is_ok() || !lsm.value()->start().is_ok()) {
    std::fprintf(stderr, "%s\n", lsm.status().to_string().c_str());
    return 1;
  }
  bench.lsm = lsm.value().get();
  uint64_t next = 0;
  // A bijection over [0, keys) would be nicer to look at; drawing with repeats loads as well.
  bench.phase("load", bench.keys, [&] { return (next++ * 0x9e3779b97f4a7c15u) % bench.keys; });
  bench.phase("overwrite", (number(3, 2048) << 20) / (value_bytes + 16),
              [&] { return bench.random() % bench.keys; });
  bench.lsm->rotate();
  if (!bench.lsm->flush_now().is_ok()) return 1;
  constexpr uint64_t kIdleMicros = 5'000'000;
  system_clock()->sleep_micros(kIdleMicros);
  bench.report("idle", 4, bench.lsm->stats(), bench.user_bytes - 1, 1);
  return 0;
}
