#include "engine/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/rng.h"

namespace pgz {
namespace {

struct Vector {
  std::string data;
  uint32_t crc;
};

std::string bytes(int n, int first, int step) {
  std::string s;
  for (int i = 0; i < n; ++i) s.push_back(static_cast<char>(first + i * step));
  return s;
}

// "123456789" is the usual check value; the others stand in RFC 3720, section B.4.
const Vector kVectors[] = {
    {"", 0x00000000},
    {"123456789", 0xe3069283},
    {bytes(32, 0, 0), 0x8a9136aa},
    {bytes(32, 0xff, 0), 0x62a8ab43},
    {bytes(32, 0, 1), 0x46dd794e},
    {bytes(32, 31, -1), 0x113fdb5c},
};

TEST(Crc32c, KnownVectors) {
  for (const Vector& v : kVectors) {
    EXPECT_EQ(crc32c(0, v.data.data(), v.data.size()), v.crc);
    EXPECT_EQ(crc32c_portable(0, v.data.data(), v.data.size()), v.crc);
  }
}

TEST(Crc32c, HardwareEqualsPortableAtEveryLengthAndOffset) {
  SplitMixRng rng(1);
  std::string data;
  for (int i = 0; i < 6000; ++i) data.push_back(static_cast<char>(rng.next64()));
  for (size_t n = 0; n < 1700; ++n) {
    const size_t at = n % 9;
    const uint32_t seed = static_cast<uint32_t>(rng.next64());
    ASSERT_EQ(crc32c(seed, data.data() + at, n), crc32c_portable(seed, data.data() + at, n)) << n;
  }
  EXPECT_EQ(crc32c(7, data.data(), 6000), crc32c_portable(7, data.data(), 6000));
}

TEST(Crc32c, Continues) {
  const std::string data = bytes(3000, 3, 7);
  const uint32_t whole = crc32c(0, data.data(), data.size());
  for (size_t cut : {0u, 1u, 8u, 767u, 768u, 769u, 2999u, 3000u}) {
    const uint32_t front = crc32c(0, data.data(), cut);
    EXPECT_EQ(crc32c(front, data.data() + cut, data.size() - cut), whole) << cut;
  }
}

#if defined(__x86_64__) && defined(__SSE4_2__)
TEST(Crc32c, UsesTheInstruction) { EXPECT_TRUE(crc32c_is_hardware()); }
#endif

}  // namespace
}  // namespace pgz
