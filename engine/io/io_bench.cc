// Measures durable 4 KiB writes: appends to a growing file, writes into a file that was only
// allocated, and overwrites of zero-filled blocks, by each method; then reads at random through
// the submission queue. Methods take turns, so that what else the machine does meets all of them.
//
//   io_bench DIR [seconds]     DIR must be on the file system to measure
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/durable_probe.h"
#include "engine/io/uring.h"

namespace {

using namespace pgz;  // NOLINT

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kFileBytes = uint64_t{16} << 20;
constexpr uint64_t kTurnMicros = 100'000;

[[noreturn]] void give_up(const Status& s) {
  std::fprintf(stderr, "io_bench: %s\n", s.to_string().c_str());
  std::exit(1);
}

void must(const Status& s) {
  if (!s.is_ok()) give_up(s);
}

std::unique_ptr<File> open_file(Io* io, const std::string& path) {
  auto file = io->open(path, OpenMode::kCreate, {.direct = true});
  if (!file.is_ok()) give_up(file.status());
  return file.take();
}

enum class Target { kAppend, kAllocated, kOverwrite };
constexpr const char* kTargetNames[] = {"append", "write into allocated space", "overwrite"};

struct Case {
  std::string name;
  std::unique_ptr<Io> io;
  std::vector<uint64_t> micros;
};

// One turn on a fresh file.
void take_turn(Case* c, Target target, const std::string& path, const IoSlice& slice) {
  {
    auto file = open_file(c->io.get(), path);
    if (target == Target::kAllocated) must(file->allocate(kFileBytes));
    if (target == Target::kOverwrite) must(file->zero_fill(0, kFileBytes));
    must(file->sync());
    const uint64_t begin = system_clock()->now_micros();
    uint64_t now = begin;
    for (uint64_t at = 0; now - begin < kTurnMicros; at += kBlock) {
      if (target != Target::kAppend) at %= kFileBytes;
      must(file->write_durable(at, {&slice, 1}));
      const uint64_t end = system_clock()->now_micros();
      c->micros.push_back(end - now);
      now = end;
    }
  }
  must(c->io->remove(path));
}

uint64_t percentile(const std::vector<uint64_t>& sorted, size_t p) {
  return sorted[std::min(sorted.size() - 1, sorted.size() * p / 100)];
}

void measure_writes(std::vector<Case>* cases, Target target, const std::string& path,
                    double seconds) {
  AlignedBuffer block(kBlock);
  std::fill_n(block.data(), block.size(), 'x');
  const IoSlice slice{block.data(), block.size()};
  for (Case& c : *cases) c.micros.clear();
  const uint64_t begin = system_clock()->now_micros();
  const auto limit = static_cast<uint64_t>(seconds * 1e6);
  while (system_clock()->now_micros() - begin < limit) {
    for (Case& c : *cases) take_turn(&c, target, path, slice);
  }
  std::printf("%s\n", kTargetNames[static_cast<size_t>(target)]);
  for (Case& c : *cases) {
    std::sort(c.micros.begin(), c.micros.end());
    uint64_t sum = 0;
    for (uint64_t n : c.micros) sum += n;
    std::printf("  %-34s %7.0f/s  quickest %4lu  p50 %5lu  p99 %6lu us\n", c.name.c_str(),
                1e6 * static_cast<double>(c.micros.size()) / static_cast<double>(sum),
                static_cast<unsigned long>(c.micros[0]),
                static_cast<unsigned long>(percentile(c.micros, 50)),
                static_cast<unsigned long>(percentile(c.micros, 99)));
  }
}

// `depth` reads in flight, each op waited for in its turn.
void measure_reads(const char* name, Io* io, const std::string& path, size_t depth,
                   double seconds) {
  constexpr uint64_t kReadFileBytes = uint64_t{256} << 20;
  auto file = open_file(io, path);
  must(file->zero_fill(0, kReadFileBytes));
  must(file->sync());
  SplitMixRng rng(1);
  AlignedBuffer memory(depth * kBlock);
  std::vector<IoSlice> slices(depth);
  std::vector<std::unique_ptr<IoOp>> ops(depth);
  const auto start = [&](size_t i) {
    slices[i] = {memory.data() + i * kBlock, kBlock};
    ops[i] = std::make_unique<IoOp>();
    ops[i]->file = file.get();
    ops[i]->offset = rng.uniform(kReadFileBytes / kBlock) * kBlock;
    ops[i]->slices = {&slices[i], 1};
    io->submit(ops[i].get());
  };
  const uint64_t begin = system_clock()->now_micros();
  const auto limit = static_cast<uint64_t>(seconds * 1e6);
  uint64_t reads = 0;
  for (size_t i = 0; i < depth; ++i) start(i);
  while (system_clock()->now_micros() - begin < limit) {
    ops[reads % depth]->wait();
    must(ops[reads % depth]->status);
    start(reads++ % depth);
  }
  for (auto& op : ops) op->wait();
  const auto micros = static_cast<double>(system_clock()->now_micros() - begin);
  std::printf("  %-10s %3zu in flight  %8.0f reads/s\n", name, depth,
              1e6 * static_cast<double>(reads) / micros);
  file.reset();
  must(io->remove(path));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: io_bench DIR [seconds]\n");
    return 2;
  }
  const std::string path = path_join(argv[1], "io_bench.tmp");
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  std::vector<Case> cases;
  for (DurableMethod method : kDurableMethods) {
    cases.push_back({to_string(method), make_io({.durable_method = method}), {}});
  }
  for (const Case& c : cases) std::printf("%s\n", c.io->describe().c_str());
  std::printf("durable writes of 4 KiB, one at a time\n");
  for (Target target : {Target::kAppend, Target::kAllocated, Target::kOverwrite}) {
    measure_writes(&cases, target, path, seconds);
  }
  std::printf("reads of 4 KiB at random, past the page cache\n");
  const std::unique_ptr<Io> plain = make_io({.backend = IoBackend::kPosix});
  for (size_t depth : {size_t{1}, size_t{8}, size_t{32}}) {
    measure_reads("posix", plain.get(), path, depth, seconds / 3);
    measure_reads("io_uring", cases[0].io.get(), path, depth, seconds / 3);
  }
  return 0;
}
