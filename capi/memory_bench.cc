// A mixed run within a memory budget: threads put, overwrite, delete, read and scan rows of 100 to
// 16,000 bytes, several times the budget of data in all, and the process's resident memory is
// watched. Fails when it exceeds 1.3 times the budget.
//
//   memory_bench DIR [budget MiB [seconds [threads]]]
//
// What the program itself has (its code, libraries, stacks) counts as well.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/block_memory.h"
#include "pgz.h"

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

void check(pgz_status status, const pgz_error& err) {
  if (status == PGZ_OK || status == PGZ_NOT_FOUND) return;
  std::fprintf(stderr, "status %d: %s\n", status, err.message);
  std::exit(1);
}

// Resident now.
uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0;
  unsigned long resident = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &total, &resident) != 2) std::exit(1);
  std::fclose(file);
  return uint64_t{resident} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// What the engine says of its own, in MiB; what is left of the resident memory is the general heap,
// buffers, stacks and code.
void print_parts(pgz_db* db) {
  pgz_error err{};
  pgz_stats stats{};
  stats.struct_size = sizeof(stats);
  check(pgz_stats_get(db, &stats, &err), err);
  const pgz::BlockMemoryStats pool = pgz::block_memory_stats();
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / kMiB; };
  std::printf(" (pool %.0f, in use %.0f: cache %.0f, memtables %.0f; tables %.1f; not pool %.0f)\n",
              mib(pool.held_bytes), mib(pool.used_bytes), mib(stats.cache_bytes),
              mib(stats.memtable_bytes), mib(stats.table_memory_bytes),
              mib(resident_bytes()) - mib(pool.held_bytes));
}

size_t value_bytes(uint64_t random) {
  switch (random % 8) {
    case 0:
      return 4000 + random / 8 % 12000;
    case 1:
    case 2:
      return 500 + random / 8 % 1500;
    default:
      return 100 + random / 8 % 200;
  }
}

std::string key_of(uint64_t number) {
  char key[32];
  const int n =
      std::snprintf(key, sizeof(key), "row/%012llu",
                    static_cast<unsigned long long>(number * 0x9e3779b97f4a7c15u % 1000000007u));
  return std::string(key, static_cast<size_t>(n));
}

struct Counts {
  std::atomic<uint64_t> commits{0};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> scanned{0};
};

void write_some(pgz_db* db, std::mt19937_64* random, uint64_t keys, const std::string& bytes,
                Counts* counts) {
  pgz_error err{};
  pgz_txn* txn = nullptr;
  check(pgz_txn_begin(db, nullptr, &txn, &err), err);
  pgz_status status = PGZ_OK;
  for (int i = 0; i < 20 && status == PGZ_OK; i++) {
    const std::string key = key_of((*random)() % keys);
    if ((*random)() % 10 == 0) {
      status = pgz_txn_delete(txn, key.data(), key.size(), &err);
    } else {
      const size_t n = value_bytes((*random)());
      status = pgz_txn_put(txn, key.data(), key.size(), bytes.data(), n, &err);
    }
  }
  if (status == PGZ_OK) status = pgz_txn_commit(txn, &err);
  if (status != PGZ_CONFLICT && status != PGZ_DEADLOCK) check(status, err);
  pgz_error freed{};
  check(pgz_txn_free(txn, &freed), freed);
  counts->commits++;
}

void read_some(pgz_db* db, std::mt19937_64* random, uint64_t keys, Counts* counts) {
  pgz_error err{};
  for (int i = 0; i < 50; i++) {
    const std::string key = key_of((*random)() % keys);
    void* value = nullptr;
    size_t value_len = 0;
    check(pgz_get(db, key.data(), key.size(), &value, &value_len, &err), err);
    pgz_free(value);
  }
  counts->reads += 50;
}

void scan_some(pgz_db* db, std::mt19937_64* random, uint64_t keys, Counts* counts) {
  pgz_error err{};
  const std::string from = key_of((*random)() % keys);
  pgz_iter* iter = nullptr;
  check(pgz_scan(db, from.data(), from.size(), nullptr, 0, &iter, &err), err);
  const void* key = nullptr;
  const void* value = nullptr;
  size_t key_len = 0;
  size_t value_len = 0;
  for (int i = 0; i < 2000; i++) {
    if (pgz_iter_next(iter, &key, &key_len, &value, &value_len, &err) != PGZ_OK) break;
    counts->scanned++;
  }
  check(pgz_iter_close(iter, &err), err);
}

void work(pgz_db* db, uint64_t seed, uint64_t keys, const std::atomic<bool>* stop, Counts* counts) {
  std::mt19937_64 random(seed);
  std::string bytes(16384, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  while (!stop->load()) {
    const uint64_t what = random() % 10;
    if (what < 5) {
      write_some(db, &random, keys, bytes, counts);
    } else if (what < 9) {
      read_some(db, &random, keys, counts);
    } else {
      scan_some(db, &random, keys, counts);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: memory_bench DIR [budget MiB [seconds [threads]]]\n");
    return 2;
  }
  const uint64_t budget = kMiB * static_cast<uint64_t>(argc > 2 ? std::atoi(argv[2]) : 64);
  const int seconds = argc > 3 ? std::atoi(argv[3]) : 30;
  const int threads = argc > 4 ? std::atoi(argv[4]) : 8;
  pgz_options options;
  pgz_options_init(&options);
  options.memory_budget_bytes = budget;
  pgz_error err{};
  pgz_db* db = nullptr;
  check(pgz_open(argv[1], &options, &db, &err), err);
  // About five times the budget: a row is 1,100 bytes on average.
  const uint64_t keys = 5 * budget / 1100;
  std::atomic<bool> stop{false};
  Counts counts;
  std::vector<std::thread> running;
  for (int t = 0; t < threads; t++) {
    running.emplace_back(work, db, static_cast<uint64_t>(t) + 1, keys, &stop, &counts);
  }
  uint64_t most = 0;
  for (int tick = 0; tick < seconds * 20; tick++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    most = std::max(most, resident_bytes());
    if (tick % 100 == 99) {
      std::printf("%3d s: resident %llu MiB, most %llu MiB", (tick + 1) / 20,
                  static_cast<unsigned long long>(resident_bytes() / kMiB),
                  static_cast<unsigned long long>(most / kMiB));
      print_parts(db);
      std::fflush(stdout);
    }
  }
  stop = true;
  for (std::thread& thread : running) thread.join();
  const double ratio = static_cast<double>(most) / static_cast<double>(budget);
  std::printf(
      "%llu commits of 20 rows, %llu reads, %llu rows scanned; most resident %.2f x the budget of "
      "%llu MiB\n",
      static_cast<unsigned long long>(counts.commits),
      static_cast<unsigned long long>(counts.reads),
      static_cast<unsigned long long>(counts.scanned), ratio,
      static_cast<unsigned long long>(budget / kMiB));
  check(pgz_close(db, &err), err);
  return ratio <= 1.3 ? 0 : 1;
}
