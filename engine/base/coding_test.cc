#include "engine/base/coding.h"

#include <gtest/gtest.h>

#include <string>

namespace pgz {
namespace {

TEST(Coding, VarintsHaveTheirKnownBytes) {
  const struct {
    uint64_t value;
    std::string bytes;
  } rows[] = {
      {0, std::string(1, '\0')},
      {127, "\x7f"},
      {128, "\x80\x01"},
      {300, "\xac\x02"},
      {UINT32_MAX, "\xff\xff\xff\xff\x0f"},
      {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
  };
  for (const auto& row : rows) {
    std::string out;
    put_varint64(&out, row.value);
    EXPECT_EQ(out, row.bytes) << row.value;
    EXPECT_EQ(varint_bytes(row.value), row.bytes.size());
    Slice in = out;
    uint64_t back = 1;
    ASSERT_TRUE(get_varint64(&in, &back));
    EXPECT_EQ(back, row.value);
    EXPECT_TRUE(in.empty());
  }
}

TEST(Coding, EveryPowerOfTwoAndItsNeighboursComeBack) {
  std::string out;
  for (int bit = 0; bit < 64; ++bit) {
    for (uint64_t d : {0ull, 1ull}) put_varint64(&out, (uint64_t{1} << bit) - d);
  }
  Slice in = out;
  for (int bit = 0; bit < 64; ++bit) {
    for (uint64_t d : {0ull, 1ull}) {
      uint64_t v = 0;
      ASSERT_TRUE(get_varint64(&in, &v));
      EXPECT_EQ(v, (uint64_t{1} << bit) - d);
    }
  }
  EXPECT_TRUE(in.empty());
}

TEST(Coding, RefusesTruncatedAndOverlongVarints) {
  uint64_t v64 = 0;
  uint32_t v32 = 0;
  for (const std::string& bytes :
       {std::string(), std::string("\x80"), std::string(10, '\xff'), std::string(11, '\x80'),
        std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")}) {
    Slice in = bytes;
    EXPECT_FALSE(get_varint64(&in, &v64));
    EXPECT_EQ(in.size(), bytes.size()) << "a refused read takes nothing";
  }
  std::string wide;
  put_varint64(&wide, uint64_t{UINT32_MAX} + 1);
  Slice in = wide;
  EXPECT_FALSE(get_varint32(&in, &v32));
  EXPECT_EQ(in.size(), wide.size());
}

TEST(Coding, FixedWidthsAndStrings) {
  std::string out;
  put_fixed16(&out, 0x1234);
  put_fixed32(&out, 0xdeadbeef);
  put_fixed64(&out, 0x0123456789abcdef);
  put_length_prefixed(&out, "hello");
  put_length_prefixed(&out, "");
  EXPECT_EQ(out.substr(0, 2), "\x34\x12");
  Slice in = out;
  uint16_t a = 0;
  uint32_t b = 0;
  uint64_t c = 0;
  Slice s;
  ASSERT_TRUE(get_fixed16(&in, &a));
  ASSERT_TRUE(get_fixed32(&in, &b));
  ASSERT_TRUE(get_fixed64(&in, &c));
  EXPECT_EQ(a, 0x1234);
  EXPECT_EQ(b, 0xdeadbeef);
  EXPECT_EQ(c, 0x0123456789abcdefu);
  ASSERT_TRUE(get_length_prefixed(&in, &s));
  EXPECT_EQ(s, "hello");
  ASSERT_TRUE(get_length_prefixed(&in, &s));
  EXPECT_EQ(s, "");
  EXPECT_FALSE(get_length_prefixed(&in, &s));
  EXPECT_FALSE(get_fixed16(&in, &a));
  Slice cut = Slice(out).substr(14, 4);  // the length says 5, three bytes follow
  EXPECT_FALSE(get_length_prefixed(&cut, &s));
}

TEST(Coding, BigEndianSortsAsNumbers) {
  char a[8];
  char b[8];
  put_big64(a, 255);
  put_big64(b, 256);
  EXPECT_LT(compare(Slice(a, 8), Slice(b, 8)), 0);
  EXPECT_EQ(get_big64(b), 256u);
}

}  // namespace
}  // namespace pgz
