#include "engine/sst/filter.h"

#include <gtest/gtest.h>

#include "engine/sst/hash.h"

namespace pgz {
namespace {

TEST(HashKey, IsTheFormats) {
  // Changing the hash makes every table's filter lie: these values may never change.
  EXPECT_EQ(hash_key(""), hash_key(Slice()));
  EXPECT_NE(hash_key("a"), hash_key(Slice("a\0", 2)));
  EXPECT_NE(hash_key("12345678"), hash_key("12345679"));
}

TEST(Filter, FindsEveryKeyAddedAndFewOthers) {
  for (const int keys : {1, 2, 100, 20000}) {
    FilterBuilder builder(10);
    for (int i = 0; i < keys; i++) builder.add("key" + std::to_string(i));
    const std::string filter = builder.finish();
    ASSERT_TRUE(filter_is_sound(filter));
    for (int i = 0; i < keys; i++) {
      ASSERT_TRUE(filter_may_contain(filter, hash_key("key" + std::to_string(i))));
    }
    int false_hits = 0;
    for (int i = 0; i < 10000; i++) {
      if (filter_may_contain(filter, hash_key("other" + std::to_string(i)))) false_hits++;
    }
    EXPECT_LT(false_hits, 200) << keys << " keys";  // 2 %; about 1 % is expected
  }
}

TEST(Filter, TenBitsAKey) {
  FilterBuilder builder(10);
  for (int i = 0; i < 10000; i++) {
    builder.add("key" + std::to_string(i));
    builder.add("key" + std::to_string(i));  // another version: counts once
  }
  EXPECT_LT(builder.finish().size(), 10000 * 10 / 8 + 100);
}

TEST(Filter, RefusesOtherShapes) {
  EXPECT_FALSE(filter_is_sound(""));
  EXPECT_FALSE(filter_is_sound(std::string(64, '\1')));
  EXPECT_FALSE(filter_is_sound(std::string(66, '\1')));
  EXPECT_FALSE(filter_is_sound(std::string(65, '\0')));
  EXPECT_FALSE(filter_is_sound(std::string(65, '\x7f')));
  EXPECT_TRUE(filter_is_sound(std::string(65, '\6')));
}

}  // namespace
}  // namespace pgz
