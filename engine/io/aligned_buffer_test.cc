#include "engine/io/aligned_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace pgz {
namespace {

constexpr size_t kSizes[] = {1,     4096,   8191,   8192,   8193,   32768,
                             40960, 100000, 262143, 262144, 262145, 1 << 20};

bool holds(const AlignedBuffer& buffer, char byte) {
  for (size_t i = 0; i < buffer.size(); i++) {
    if (buffer.data()[i] != byte) return false;
  }
  return true;
}

// In two rounds: the second has what the first gave back.
TEST(AlignedBuffer, BuffersOfAnySizeLieApart) {
  for (int round = 0; round < 2; round++) {
    std::vector<AlignedBuffer> buffers;
    for (int i = 0; i < 3; i++) {
      for (const size_t size : kSizes) {
        AlignedBuffer& made = buffers.emplace_back(size);
        ASSERT_EQ(made.size(), size);
        ASSERT_EQ(reinterpret_cast<uintptr_t>(made.data()) % kIoAlignment, 0u);
        std::memset(made.data(), static_cast<char>(buffers.size()), size);
      }
    }
    for (size_t i = 0; i < buffers.size(); i++) {
      EXPECT_TRUE(holds(buffers[i], static_cast<char>(i + 1))) << buffers[i].size();
    }
  }
}

TEST(AlignedBuffer, MovesWithItsBytes) {
  AlignedBuffer from(10'000);
  std::memset(from.data(), 7, from.size());
  AlignedBuffer to(300'000);
  to = std::move(from);
  EXPECT_EQ(to.size(), 10'000u);
  EXPECT_TRUE(holds(to, 7));
  to.zero();
  EXPECT_TRUE(holds(to, 0));
}

}  // namespace
}  // namespace pgz
