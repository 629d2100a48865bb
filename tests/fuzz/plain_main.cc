// Drives a fuzz target where there is no libFuzzer, with the flags of its that matter:
//   [-max_total_time=SECONDS] [-runs=N] [-seed=N] [FILE|DIR...]
// Runs the files, or the target's own seeds when none are given, and then random changes of them.
// An input that crashes, takes more than 20 seconds or asks for more than 4 GiB of memory is left
// in
// ./crash-TARGET; giving that file runs it again.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/base/clock.h"
#include "tests/fuzz/fuzz.h"

namespace pgz::fuzz {
namespace {

constexpr unsigned kInputSeconds = 20;
constexpr rlim_t kMemoryBytes = rlim_t{4} << 30;

const std::string* current = nullptr;

void on_crash(int signal) {
  const std::string name = std::string("crash-") + kTarget;
  if (std::FILE* f = std::fopen(name.c_str(), "wb"); f != nullptr && current != nullptr) {
    (void)std::fwrite(current->data(), 1, current->size(), f);
    (void)std::fclose(f);
    std::fprintf(stderr, "input left in %s\n", name.c_str());
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const std::string& input) {
  current = &input;
  alarm(kInputSeconds);
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  alarm(0);
}

// A sanitizer's shadow takes more addresses than there is memory, and it has a limit of its own.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit{kMemoryBytes, kMemoryBytes};
  (void)setrlimit(RLIMIT_AS, &limit);
#endif
}

// One to four changes: bits, numbers that lie at the edge of something, pieces taken out, put in
// twice or taken from another input.
std::string change(Rng* rng, const std::vector<std::string>& corpus) {
  std::string s = corpus[rng->uniform(corpus.size())];
  static constexpr uint64_t kEdges[] = {0,
                                        1,
                                        0x7f,
                                        0x80,
                                        0xff,
                                        0x7fff,
                                        0xffff,
                                        0x7fffffff,
                                        0xffffffff,
                                        0x7fffffffffffffff,
                                        0xffffffffffffffff};
  for (uint64_t i = 1 + rng->uniform(4); i > 0; --i) {
    if (s.empty()) s.push_back(static_cast<char>(rng->next64()));
    const size_t at = rng->uniform(s.size());
    const size_t n = 1 + rng->uniform(rng->uniform(4) == 0 ? 256 : 8);
    switch (rng->uniform(7)) {
      case 0:
        s[at] = static_cast<char>(s[at] ^ (1 << rng->uniform(8)));
        break;
      case 1:
        s[at] = static_cast<char>(rng->next64());
        break;
      case 2: {
        const uint64_t edge = kEdges[rng->uniform(std::size(kEdges))];
        std::memcpy(s.data() + at, &edge, std::min<size_t>(s.size() - at, n % 8 + 1));
        break;
      }
      case 3:
        s.erase(at, n);
        break;
      case 4:
        s.insert(at, s.substr(rng->uniform(s.size()), n));
        break;
      case 5: {
        const std::string& other = corpus[rng->uniform(corpus.size())];
        if (!other.empty()) s.replace(at, n, other, rng->uniform(other.size()), n);
        break;
      }
      default:
        s.resize(at);
    }
  }
  return s;
}

bool take_flag(const char* arg, const char* name, uint64_t* value) {
  const size_t n = std::strlen(name);
  if (std::strncmp(arg, name, n) != 0) return false;
  *value = std::strtoull(arg + n, nullptr, 10);
  return true;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int drive(int argc, char** argv) {
  uint64_t seconds = 0;
  uint64_t runs = 0;
  uint64_t seed = random_seed();
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    if (take_flag(argv[i], "-max_total_time=", &seconds) || take_flag(argv[i], "-runs=", &runs) ||
        take_flag(argv[i], "-seed=", &seed) || std::strncmp(argv[i], "-timeout=", 9) == 0) {
      continue;
    }
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
        corpus.push_back(contents(entry.path()));
      }
    } else if (std::filesystem::exists(argv[i])) {
      corpus.push_back(contents(argv[i]));
    } else {
      std::fprintf(stderr, "fuzz_%s: no %s\n", kTarget, argv[i]);
      return 2;
    }
  }
  if (corpus.empty()) corpus = seeds_for(kTarget);
  limit_memory();
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM}) std::signal(signal, on_crash);
  for (const std::string& input : corpus) run(input);
  SplitMixRng rng(seed);
  uint64_t done = 0;
  const uint64_t deadline = system_clock()->now_micros() + seconds * 1'000'000;
  while (done < runs || (seconds != 0 && system_clock()->now_micros() < deadline)) {
    const std::string input = change(&rng, corpus);
    run(input);
    ++done;
  }
  std::printf("fuzz_%s: %zu inputs and %llu changes of them, seed %llu, no crash\n", kTarget,
              corpus.size(), static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace
}  // namespace pgz::fuzz

int main(int argc, char** argv) { return pgz::fuzz::drive(argc, argv); }
