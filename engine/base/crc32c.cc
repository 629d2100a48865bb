#include "engine/base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

namespace pgz {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41 with its bits reversed

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[0] advances the remainder by one byte; tables[k] by a byte that k more bytes follow.
constexpr Tables make_tables() {
  Tables t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t r = i;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1) != 0 ? kPolynomial : 0);
    t[0][i] = r;
  }
  for (uint32_t i = 0; i < 256; ++i) {
    for (size_t k = 1; k < 8; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
  }
  return t;
}

constexpr Tables kTables = make_tables();

// The hardware forms run three independent streams, because the instruction has a latency of three
// cycles and a throughput of one, and join their remainders by multiplying with x^(8 * kLane) in
// the polynomial ring, which is linear and so a table of four lookups.
constexpr size_t kLane = 256;

constexpr uint32_t advance_zeros(uint32_t r, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) r = (r >> 8) ^ kTables[0][r & 0xff];
  return r;
}

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ShiftTable make_shift(size_t bytes) {
  // Linear: the image of every single bit gives the image of all.
  std::array<uint32_t, 32> image{};
  for (size_t bit = 0; bit < 32; ++bit) image[bit] = advance_zeros(uint32_t{1} << bit, bytes);
  ShiftTable t{};
  for (size_t k = 0; k < 4; ++k) {
    for (size_t i = 0; i < 256; ++i) {
      uint32_t r = 0;
      for (size_t bit = 0; bit < 8; ++bit) {
        if ((i >> bit & 1) != 0) r ^= image[8 * k + bit];
      }
      t[k][i] = r;
    }
  }
  return t;
}

constexpr ShiftTable kShiftLane = make_shift(kLane);

[[maybe_unused]] inline uint32_t shift_lane(uint32_t r) {
  return kShiftLane[0][r & 0xff] ^ kShiftLane[1][r >> 8 & 0xff] ^ kShiftLane[2][r >> 16 & 0xff] ^
         kShiftLane[3][r >> 24];
}

#if defined(__x86_64__)
#define PGZ_CRC_TARGET __attribute__((target("sse4.2")))
#define PGZ_CRC_STEP64(r, v) static_cast<uint32_t>(_mm_crc32_u64((r), (v)))
#define PGZ_CRC_STEP8(r, v) _mm_crc32_u8((r), (v))
bool detect_hardware() { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
#define PGZ_CRC_TARGET __attribute__((target("+crc")))
#define PGZ_CRC_STEP64(r, v) __crc32cd((r), (v))
#define PGZ_CRC_STEP8(r, v) __crc32cb((r), (v))
#if defined(__linux__)
bool detect_hardware() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#else
bool detect_hardware() { return true; }  // every 64-bit Apple CPU has it
#endif
#endif

inline uint64_t load64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

#if defined(PGZ_CRC_TARGET)
PGZ_CRC_TARGET uint32_t crc32c_hardware(uint32_t seed, const void* data, size_t n) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t r = ~seed;
  while (n >= 3 * kLane) {
    uint32_t r1 = 0;
    uint32_t r2 = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      r = PGZ_CRC_STEP64(r, load64(p + i));
      r1 = PGZ_CRC_STEP64(r1, load64(p + kLane + i));
      r2 = PGZ_CRC_STEP64(r2, load64(p + 2 * kLane + i));
    }
    r = shift_lane(shift_lane(r) ^ r1) ^ r2;
    p += 3 * kLane;
    n -= 3 * kLane;
  }
  for (; n >= 8; p += 8, n -= 8) r = PGZ_CRC_STEP64(r, load64(p));
  for (; n > 0; ++p, --n) r = PGZ_CRC_STEP8(r, *p);
  return ~r;
}
const bool kHardware = detect_hardware();
#else
uint32_t crc32c_hardware(uint32_t seed, const void* data, size_t n) {
  return crc32c_portable(seed, data, n);
}
constexpr bool kHardware = false;
#endif

}  // namespace

uint32_t crc32c_portable(uint32_t seed, const void* data, size_t n) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t r = ~seed;
  for (; n >= 8; p += 8, n -= 8) {
    const uint64_t v = load64(p) ^ r;
    r = 0;
    for (size_t k = 0; k < 8; ++k) r ^= kTables[7 - k][v >> (8 * k) & 0xff];
  }
  for (; n > 0; ++p, --n) r = (r >> 8) ^ kTables[0][(r ^ *p) & 0xff];
  return ~r;
}

uint32_t crc32c(uint32_t seed, const void* data, size_t n) {
  return kHardware ? crc32c_hardware(seed, data, n) : crc32c_portable(seed, data, n);
}

bool crc32c_is_hardware() { return kHardware; }

}  // namespace pgz
