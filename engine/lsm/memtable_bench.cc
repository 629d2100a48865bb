// Measures a memtable alone: nanoseconds of processor time an operation, so that what else runs on
// the machine counts as little as it can, and bytes of memory an entry.
//
//   memtable_bench [entries] [value_bytes]
//
// Inserts in key order, at random one by one, and at random in commits of 1,000 that are sorted by
// key each; then reads of keys at random, present and absent.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/lsm/memtable.h"

namespace {

using namespace pgz;  // NOLINT

constexpr size_t kCommit = 1000;
constexpr uint64_t kTs = 7;

double cpu_nanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

// As rows have them: a table's number and an id; odd ids are absent.
std::string key_of(uint64_t id) {
  std::string key(16, '\0');
  for (int i = 0; i < 8; i++) {
    key[static_cast<size_t>(i)] = static_cast<char>(uint64_t{16'384} >> (56 - 8 * i));
    key[static_cast<size_t>(i) + 8] = static_cast<char>(id >> (56 - 8 * i));
  }
  return key;
}

struct Bench {
  std::vector<std::string> keys;
  std::string value;

  // Commits of `commit` keys each, sorted.
  void insert(const char* name, const std::vector<uint32_t>& order, size_t commit, bool reads) {
    MemTable table;
    std::vector<uint32_t> ids = order;
    for (size_t at = 0; at < ids.size(); at += commit) {
      std::sort(ids.begin() + static_cast<ptrdiff_t>(at),
                ids.begin() + static_cast<ptrdiff_t>(std::min(ids.size(), at + commit)));
    }
    std::vector<KeyWrite> writes;
    const double begin = cpu_nanos();
    for (size_t at = 0; at < ids.size(); at += commit) {
      InsertHint hint;
      const size_t end = std::min(ids.size(), at + commit);
      writes.clear();
      for (size_t i = at; i < end; i++) {
        writes.push_back({keys[2 * ids[i]], Kind::kValue, value});
      }
      if (!table.add_sorted(writes, kTs, &hint).is_ok()) std::abort();
    }
    const auto n = static_cast<double>(ids.size());
    std::printf("%-28s %6.0f ns, %5.1f bytes beyond key and value\n", name,
                (cpu_nanos() - begin) / n,
                double(table.memory_bytes()) / n - double(keys[0].size() + 8 + value.size()));
    if (!reads) return;
    for (uint64_t odd = 0; odd < 2; odd++) {
      const double start = cpu_nanos();
      uint64_t found = 0;
      for (uint32_t id : order) found += table.get(keys[2 * id + odd], kTs).found ? 1 : 0;
      if (found != (odd == 0 ? order.size() : 0)) std::abort();
      std::printf("%-28s %6.0f ns\n", odd == 0 ? "read, present" : "read, absent",
                  (cpu_nanos() - start) / n);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const uint64_t entries = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  Bench bench;
  bench.value.assign(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 16, 'v');
  for (uint64_t id = 0; id < 2 * entries; id++) bench.keys.push_back(key_of(id));
  std::vector<uint32_t> order(entries);
  std::iota(order.begin(), order.end(), 0);
  bench.insert("in order, hinted", order, kCommit, false);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  bench.insert("random, one a commit", order, 1, false);
  bench.insert("random, 1,000 a commit", order, kCommit, true);
}
