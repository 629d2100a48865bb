// Fuzz targets: each program holds one decoder. Under clang with -Dlibfuzzer=true libFuzzer drives
// it, elsewhere plain_main.cc does. A target lets errors pass and must not crash, hang, read
// outside its input or allocate without bound.
//
// Checksums would keep a fuzzer from everything behind them, so targets put right ones in, except
// under inputs whose first byte asks for the bytes as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/rng.h"
#include "engine/base/runtime.h"
#include "engine/base/slice.h"
#include "engine/io/sim/sim_io.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace pgz::fuzz {

// An empty simulated disk with real threads.
class Disk {
 public:
  Disk();
  Runtime runtime() { return Runtime{&io_, system_clock_, &rng_, executor_}; }
  void make_dir(const std::string& path);
  void put(const std::string& path, const std::string& bytes);
  std::unique_ptr<File> open(const std::string& path);

 private:
  SimIo io_;
  SplitMixRng rng_;
  Clock* system_clock_;
  Executor* executor_;
};

// Takes numbers and pieces off the front of an input; zeros behind its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  bool empty() const { return rest_.empty(); }
  uint8_t byte();
  uint32_t number();     // of 1 to 4 bytes
  Slice piece();         // a length of one or two bytes, then as many
  Slice take(size_t n);  // at most n bytes
  Slice rest() const { return rest_; }

 private:
  Slice rest_;
};

// The name of this program's target, and inputs from files that the engine wrote: what the corpus
// is made of. Each target defines its own name.
extern const char* const kTarget;
std::vector<std::string> seeds_for(const std::string& target);

}  // namespace pgz::fuzz
