#include "engine/base/key_compare.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace pgz {
namespace {

// A copy without a byte to spare, so that a tool sees a read beyond it.
std::unique_ptr<char[]> exact(Slice bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  bytes.copy(copy.get(), bytes.size());
  return copy;
}

TEST(KeyCompare, OrdersAsCompareDoes) {
  std::mt19937 rng(3);
  for (int i = 0; i < 200'000; i++) {
    // Equal but for a few bytes of few values, among them those a signed char would misplace.
    std::string a(rng() % 20, '\x7f');
    for (char& c : a) {
      if (rng() % 4 == 0) c = static_cast<char>(rng() % 3 + 0x7e);
    }
    std::string b = a;
    if (rng() % 2 == 0) b.resize(rng() % 20, '\x80');
    if (!b.empty() && rng() % 2 == 0) b[rng() % b.size()] = static_cast<char>(rng() % 256);
    const auto left = exact(a);
    const auto right = exact(b);
    const int got = compare_keys(Slice(left.get(), a.size()), Slice(right.get(), b.size()));
    const int expected = compare(a, b);
    ASSERT_EQ((got > 0) - (got < 0), (expected > 0) - (expected < 0)) << a << " " << b;
    size_t same = 0;
    while (same < a.size() && same < b.size() && a[same] == b[same]) same++;
    ASSERT_EQ(common_prefix(Slice(left.get(), a.size()), Slice(right.get(), b.size())), same);
  }
}

}  // namespace
}  // namespace pgz
