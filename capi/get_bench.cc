// Measures random point reads, misses and full scans through the C ABI, all of the data in the
// cache but for the first scan, which has it from the operating system's: rows as the server writes
// them (13 bytes of key, 120 of value), bulk-loaded. Figures are for a second of processor time, so
// that other load on the machine disturbs little.
//
//   get_bench DIR [rows [seconds [threads]]]     loads DIR when it is empty
//
// Several programs given to a shell loop one after the other, each with a directory of its own,
// make a comparison of builds; reads need no durability.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pgz.h"

namespace {

// Of the calling thread, in seconds.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct alignas(128) Work {
  uint64_t reads = 0;
  double cpu_seconds = 0;
};

void check(pgz_status status, const pgz_error& err) {
  if (status == PGZ_OK) return;
  std::fprintf(stderr, "status %d: %s\n", status, err.message);
  std::exit(1);
}

void append32(std::string* to, uint32_t value) {
  to->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Database, table, a marker and the row's number, as row keys have them.
constexpr size_t kKeyBytes = 13;
void make_key(uint32_t row, char* to) {
  static const char prefix[] = {0, 0, 0, 5, 0, 0, 0x40, 0, 1};
  std::memcpy(to, prefix, sizeof(prefix));
  const uint32_t big_endian = __builtin_bswap32(row ^ 0x80000000u);
  std::memcpy(to + sizeof(prefix), &big_endian, sizeof(big_endian));
}

void append_write(std::string* batch, uint8_t kind, std::string_view key, std::string_view value) {
  append32(batch, kind);
  append32(batch, 1);
  append32(batch, static_cast<uint32_t>(key.size()));
  append32(batch, static_cast<uint32_t>(value.size()));
  batch->append(key);
  batch->append(value);
}

void load(pgz_db* db, uint32_t rows) {
  pgz_error err{};
  pgz_txn* txn = nullptr;
  check(pgz_txn_begin(db, nullptr, &txn, &err), err);
  char key[kKeyBytes];
  char end[kKeyBytes];
  make_key(0, key);
  make_key(~0u ^ 0x80000000u, end);
  std::string batch;
  append_write(&batch, PGZ_WRITE_OWN_RANGE, {key, kKeyBytes}, {end, kKeyBytes});
  std::string value(120, 'v');
  for (uint32_t row = 0; row < rows; row++) {
    make_key(row * 2, key);  // odd numbers stay for misses
    std::memcpy(value.data(), &row, sizeof(row));
    append_write(&batch, PGZ_WRITE_PUT, {key, kKeyBytes}, value);
    if (batch.size() > 256 * 1024 || row + 1 == rows) {
      check(pgz_txn_write(txn, batch.data(), batch.size(), &err), err);
      batch.clear();
    }
  }
  check(pgz_txn_commit(txn, &err), err);
  check(pgz_txn_free(txn, &err), err);
  check(pgz_flush(db, &err), err);
}

void read_rows(pgz_db* db, uint32_t rows, bool hit, uint64_t seed, const std::atomic<bool>* stop,
               Work* work) {
  std::mt19937_64 random(seed);
  pgz_error err{};
  char key[kKeyBytes];
  char buffer[256];
  pgz_row row;
  const double start = cpu_seconds();
  while (!stop->load(std::memory_order_relaxed)) {
    for (int i = 0; i < 64; i++) {
      const auto number = static_cast<uint32_t>(random() % rows);
      make_key(number * 2 + (hit ? 0 : 1), key);
      const pgz_status status = pgz_read(db, nullptr, PGZ_SNAPSHOT_NEWEST, PGZ_OP_ALL, key,
                                         kKeyBytes, buffer, sizeof(buffer), &row, &err);
      if (status != (hit ? PGZ_OK : PGZ_NOT_FOUND) ||
          (hit && std::memcmp(buffer, &number, sizeof(number)) != 0)) {
        std::fprintf(stderr, "row %u: status %d\n", number, status);
        std::exit(1);
      }
    }
    work->reads += 64;
  }
  work->cpu_seconds = cpu_seconds() - start;
}

double reads_per_second(pgz_db* db, uint32_t rows, bool hit, double seconds, int threads) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> running;
  std::vector<Work> works(static_cast<size_t>(threads));
  for (int t = 0; t < threads; t++) {
    running.emplace_back(read_rows, db, rows, hit, static_cast<uint64_t>(t) + 1, &stop,
                         &works[static_cast<size_t>(t)]);
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : running) thread.join();
  Work sum;
  for (const Work& work : works) {
    sum.reads += work.reads;
    sum.cpu_seconds += work.cpu_seconds;
  }
  return static_cast<double>(sum.reads) / sum.cpu_seconds;
}

double scan_rows_per_second(pgz_db* db, uint32_t rows) {
  pgz_error err{};
  std::vector<pgz_row> out(1024);
  std::vector<char> buffer(64 * 1024);
  pgz_cursor* cursor = nullptr;
  const double start = cpu_seconds();
  check(pgz_cursor_open(db, nullptr, nullptr, nullptr, 0, nullptr, 0, &cursor, &err), err);
  pgz_fetch fetch{};
  fetch.struct_size = sizeof(fetch);
  fetch.max_rows = 1024;
  fetch.rows_out = out.data();
  fetch.buffer = buffer.data();
  fetch.capacity = buffer.size();
  uint64_t found = 0;
  while (fetch.done == 0) {
    check(pgz_cursor_fetch(cursor, &fetch, &err), err);
    found += fetch.rows;
  }
  check(pgz_cursor_close(cursor, &err), err);
  if (found != rows) {
    std::fprintf(stderr, "a scan found %lu of %u rows\n", static_cast<unsigned long>(found), rows);
    std::exit(1);
  }
  return rows / (cpu_seconds() - start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: get_bench DIR [rows [seconds [threads]]]\n");
    return 2;
  }
  const auto rows = static_cast<uint32_t>(argc > 2 ? std::atol(argv[2]) : 2'000'000);
  const double seconds = argc > 3 ? std::atof(argv[3]) : 3.0;
  const int threads = argc > 4 ? std::atoi(argv[4]) : 1;
  pgz_error err{};
  pgz_db* db = nullptr;
  check(pgz_open(argv[1], nullptr, &db, &err), err);
  void* value = nullptr;
  size_t value_len = 0;
  char key[kKeyBytes];
  make_key(0, key);
  if (pgz_get(db, key, kKeyBytes, &value, &value_len, &err) == PGZ_NOT_FOUND) load(db, rows);
  pgz_free(value);
  const double cold = scan_rows_per_second(db, rows);  // fills the cache
  const double scan = scan_rows_per_second(db, rows);
  const double hits = reads_per_second(db, rows, true, seconds, threads);
  const double misses = reads_per_second(db, rows, false, seconds, threads);
  std::printf(
      "%d threads, a CPU-second: %8.0f hits  %8.0f misses; scan %9.0f rows, the first %9.0f\n",
      threads, hits, misses, scan, cold);
  check(pgz_close(db, &err), err);
  return 0;
}
