// fuzz_corpus DIR: writes DIR/TARGET/NNN, the inputs fuzzing begins with.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/fuzz.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("fuzz_corpus DIR\n", stderr);
    return 2;
  }
  for (const char* target : {"log", "table", "manifest", "segment", "capi"}) {
    const std::filesystem::path dir = std::filesystem::path(argv[1]) / target;
    std::filesystem::create_directories(dir);
    size_t n = 0;
    for (const std::string& input : pgz::fuzz::seeds_for(target)) {
      char name[16];
      std::snprintf(name, sizeof(name), "%03zu", n++);
      std::ofstream file(dir / name, std::ios::binary);
      file.write(input.data(), static_cast<std::streamsize>(input.size()));
      if (!file.flush()) {
        std::fprintf(stderr, "cannot write %s\n", (dir / name).c_str());
        return 1;
      }
    }
    std::printf("%s: %zu inputs\n", target, n);
  }
  return 0;
}
