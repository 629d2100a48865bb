// How long a database takes to be there again after kill -9: a child process loads rows of 1 KiB in
// order, goes on writing in random order, each commit durable, and is killed in the middle of that
// with memtables full; the parent opens the directory, once warm and once with
// the page cache asked to forget the files, and looks at what was acknowledged.
//
//   restart_bench DIR [GB of rows [budget MiB [rounds]]]
//
// Exits with 1 when an opening takes 2 s or longer. DIR is emptied before and after.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "pgz.h"

namespace {

constexpr size_t kRowBytes = 1024;
constexpr uint64_t kBatchRows = 64;
constexpr double kLimitSeconds = 2;

void check(pgz_status status, const pgz_error& err, const char* call) {
  if (status == PGZ_OK) return;
  std::fprintf(stderr, "%s: status %d: %s\n", call, status, err.message);
  std::exit(1);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

uint64_t rows_in_order = 0;

// The first rows in order, those that follow somewhere between them.
std::string key_of(uint64_t row) {
  uint64_t place = row;
  if (row >= rows_in_order) place = (row * 0x9e3779b97f4a7c15u >> 20) % (rows_in_order + 1);
  char key[48];
  std::snprintf(key, sizeof(key), "row/%012llu/%012llu", static_cast<unsigned long long>(place),
                static_cast<unsigned long long>(row));
  return key;
}

std::string value_of(uint64_t row) {
  std::string value(kRowBytes, '\0');
  uint64_t x = row * 0x9e3779b97f4a7c15u + 1;
  for (size_t i = 0; i < kRowBytes; i += 8) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    // Half of the bytes are alike: LZ4 makes about half of it.
    if (i % 16 == 0) std::memcpy(&value[i], &x, 8);
  }
  return value;
}

pgz_db* open_db(const std::string& dir, uint64_t budget) {
  pgz_options options;
  pgz_options_init(&options);
  options.memory_budget_bytes = budget;
  pgz_error err{};
  pgz_db* db = nullptr;
  check(pgz_open(dir.c_str(), &options, &db, &err), err, "pgz_open");
  return db;
}

void put_rows(pgz_db* db, uint64_t from, uint64_t rows, bool durable) {
  std::string batch;
  const auto append = [&](const void* bytes, size_t n) {
    batch.append(static_cast<const char*>(bytes), n);
  };
  for (uint64_t row = from; row < from + rows; row++) {
    const std::string key = key_of(row);
    const std::string value = value_of(row);
    const uint32_t head[4] = {PGZ_WRITE_PUT, 1, static_cast<uint32_t>(key.size()),
                              static_cast<uint32_t>(value.size())};
    append(head, sizeof(head));
    append(key.data(), key.size());
    append(value.data(), value.size());
  }
  pgz_error err{};
  pgz_txn* txn = nullptr;
  check(pgz_txn_begin(db, nullptr, &txn, &err), err, "pgz_txn_begin");
  uint64_t timestamp = 0;
  check(pgz_txn_commit_submit(txn, batch.data(), batch.size(), durable ? 0 : PGZ_COMMIT_ASYNC, 0,
                              &timestamp, &err),
        err, "pgz_txn_commit_submit");
  check(pgz_txn_free(txn, &err), err, "pgz_txn_free");
}

// The child: says on `out` how many rows are durable, and does not return.
[[noreturn]] void load(const std::string& dir, uint64_t budget, uint64_t from, uint64_t rows,
                       int out) {
  pgz_db* db = open_db(dir, budget);
  uint64_t row = from;
  for (; row < from + rows; row += kBatchRows) put_rows(db, row, kBatchRows, false);
  for (;; row += kBatchRows) {
    put_rows(db, row, kBatchRows, true);
    const uint64_t durable = row + kBatchRows;
    if (write(out, &durable, sizeof(durable)) != sizeof(durable)) std::_Exit(1);
  }
}

// Runs the child until it wrote `more` bytes after its load; the number of durable rows.
uint64_t load_and_kill(const std::string& dir, uint64_t budget, uint64_t from, uint64_t rows,
                       uint64_t more) {
  int ends[2];
  if (pipe(ends) != 0) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    load(dir, budget, from, rows, ends[1]);
  }
  close(ends[1]);
  uint64_t durable = 0;
  uint64_t now = 0;
  const auto next = [&] { return read(ends[0], &now, sizeof(now)) == sizeof(now); };
  const uint64_t until = from + rows + more / kRowBytes;
  while (durable < until && next()) durable = now;
  kill(child, SIGKILL);
  while (next()) durable = now;
  int status = 0;
  waitpid(child, &status, 0);
  close(ends[0]);
  if (durable < until) {
    std::fprintf(stderr, "the loading process ended early\n");
    std::exit(1);
  }
  return durable;
}

void forget_files(const std::string& dir) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    const int fd = open(entry.path().c_str(), O_RDONLY);
    if (fd < 0) continue;
    fdatasync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
}

void check_rows(pgz_db* db, uint64_t durable) {
  for (uint64_t i = 0; i < 1000; i++) {
    const uint64_t row = i < 500 ? durable - 1 - i : i * 7919 % durable;
    const std::string key = key_of(row);
    const std::string wanted = value_of(row);
    void* value = nullptr;
    size_t n = 0;
    pgz_error err{};
    check(pgz_get(db, key.data(), key.size(), &value, &n, &err), err, "pgz_get");
    if (std::string(static_cast<char*>(value), n) != wanted) {
      std::fprintf(stderr, "row %llu is not what it was\n", static_cast<unsigned long long>(row));
      std::exit(1);
    }
    pgz_free(value);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: restart_bench DIR [GB of rows [budget MiB [rounds]]]\n");
    return 2;
  }
  const std::string dir = argv[1];
  const double gigabytes = argc > 2 ? std::atof(argv[2]) : 10;
  const uint64_t budget = uint64_t(argc > 3 ? std::atoi(argv[3]) : 384) << 20;
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 3;
  std::filesystem::remove_all(dir);
  const auto rows = static_cast<uint64_t>(gigabytes * 1e9 / kRowBytes);
  rows_in_order = rows;
  uint64_t durable = 0;
  double worst = 0;
  for (int round = 0; round < rounds; round++) {
    const auto start = std::chrono::steady_clock::now();
    // Killed with 20, 50, 80, ... MiB more behind it: memtables of all degrees.
    const uint64_t more = (20 + uint64_t(round) * 30 % 100) << 20;
    durable = load_and_kill(dir, budget, durable, round == 0 ? rows : 0, more);
    std::printf("killed with %.2f GB of rows after %.1f s\n", double(durable) * kRowBytes / 1e9,
                seconds_since(start));
    const bool cold = round % 2 == 1;
    if (cold) forget_files(dir);
    const auto opening = std::chrono::steady_clock::now();
    pgz_db* db = open_db(dir, budget);
    const double opened = seconds_since(opening);
    pgz_error err{};
    pgz_stats stats{};
    stats.struct_size = sizeof(stats);
    check(pgz_stats_get(db, &stats, &err), err, "pgz_stats_get");
    check_rows(db, durable);
    std::printf("open for work in %.3f s (%s): %.1f MiB of memtables replayed\n", opened,
                cold ? "files cold" : "files warm", double(stats.memtable_bytes) / (1 << 20));
    std::fflush(stdout);
    worst = std::max(worst, opened);
    check(pgz_close(db, &err), err, "pgz_close");
  }
  std::filesystem::remove_all(dir);
  return worst < kLimitSeconds ? 0 : 1;
}
