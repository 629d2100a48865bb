// What the key-value benchmark asks of an engine. One program is linked per engine (pgz_store.cc or
// rocksdb_store.cc beside the same driver), so that no library meets another's symbols, and each
// process's CPU time, memory and device bytes are one engine's alone.
//
// Threads: put, get and scan from any number of threads; everything else from one, with no call in
// progress. Failures end the program: a benchmark that goes on after an error measures nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvbench {

struct StoreOptions {
  std::string dir;
  std::string variant;               // of the engine: "", "blob"
  uint64_t memory_budget_bytes = 0;  // cache and memtables together
  bool direct = true;                // tables past the page cache; an engine that cannot says so
};

// Both sides of a pair outlive the call they are given to.
using Pair = std::pair<std::string_view, std::string_view>;

class Store {
 public:
  virtual ~Store() = default;  // closes

  // Commits one pair; durable on return when `sync`.
  virtual void put(std::string_view key, std::string_view value, bool sync) = 0;
  // Commits all pairs as one.
  virtual void put_batch(const std::vector<Pair>& pairs, bool sync) = 0;
  // False when the key is not there. *value may be used as scratch space.
  virtual bool get(std::string_view key, std::string* value) = 0;
  // Reads up to `rows` pairs from `key` on; the number found. Adds their bytes to *bytes.
  virtual size_t scan(std::string_view key, size_t rows, uint64_t* bytes) = 0;
  // Memtables to disk; waits.
  virtual void flush() = 0;

  // Commits the pairs, `per_commit` at a time, many commits in flight at once from this one thread,
  // and returns when all are durable. False where the engine has no such call.
  virtual bool put_pipelined(const std::vector<Pair>& pairs, size_t per_commit) {
    (void)pairs;
    (void)per_commit;
    return false;
  }
};

// Opens or creates.
std::unique_ptr<Store> open_store(const StoreOptions& options);
// Name, version and the settings that matter, for the head of the table.
std::string describe_store(const StoreOptions& options);

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "kvbench: %s\n", what.c_str());
  std::exit(1);
}

}  // namespace kvbench
