#include "tests/fuzz/fuzz.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/clock.h"

namespace pgz::fuzz {

Disk::Disk() : io_(1), rng_(1), system_clock_(system_clock()), executor_(thread_executor()) {}

void Disk::make_dir(const std::string& path) { PGZ_ASSERT(io_.mkdir(path).is_ok()); }

void Disk::put(const std::string& path, const std::string& bytes) {
  auto file = io_.open(path, OpenMode::kCreate, {});
  PGZ_ASSERT(file.is_ok());
  PGZ_ASSERT(file.value()->write(0, bytes.data(), bytes.size()).is_ok());
}

std::unique_ptr<File> Disk::open(const std::string& path) {
  auto file = io_.open(path, OpenMode::kReadWrite, {});
  PGZ_ASSERT(file.is_ok());
  return file.take();
}

uint8_t Input::byte() {
  if (rest_.empty()) return 0;
  const uint8_t b = static_cast<uint8_t>(rest_[0]);
  rest_ = rest_.substr(1);
  return b;
}

uint32_t Input::number() {
  const uint8_t first = byte();
  uint32_t n = first & 0x3f;
  for (int i = 0; i < first >> 6; ++i) n = n << 8 | byte();
  return n;
}

Slice Input::take(size_t n) {
  const Slice taken = rest_.substr(0, std::min(n, rest_.size()));
  rest_ = rest_.substr(taken.size());
  return taken;
}

Slice Input::piece() { return take(number()); }

}  // namespace pgz::fuzz
