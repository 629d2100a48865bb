#include "tests/bench/kv/process.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/bench/kv/store.h"

namespace kvbench {

namespace {

// The number after `name` in a file of "name: number" lines.
uint64_t field(const char* path, const std::string& name) {
  std::ifstream in(path);
  std::string word;
  while (in >> word) {
    if (word != name) continue;
    uint64_t number = 0;
    in >> number;
    return number;
  }
  fail(std::string(path) + " has no " + name);
}

}  // namespace

uint64_t device_bytes_written() {
  const uint64_t written = field("/proc/self/io", "write_bytes:");
  const uint64_t dropped = field("/proc/self/io", "cancelled_write_bytes:");
  return written > dropped ? written - dropped : 0;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

uint64_t resident_bytes() { return field("/proc/self/status", "VmRSS:") * 1024; }

uint64_t disk_bytes_without_log(const std::string& dir) {
  uint64_t total = 0;
  std::error_code gone;  // files come and go while background work runs
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, gone)) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".log" || path.parent_path().filename() == "log") continue;
    if (path.filename() == "reserve") continue;  // pgz's: fixed space for its log on a full disk
    struct stat st {};
    if (stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode)) {
      total += static_cast<uint64_t>(st.st_blocks) * 512;
    }
  }
  return total;
}

uint64_t now_nanos() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace kvbench
