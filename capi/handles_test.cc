#include "capi/handles.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace pgz::capi {
namespace {

struct Counted final : Object {
  explicit Counted(int* live) : live_(live) { ++*live_; }
  ~Counted() override { --*live_; }
  uint64_t database() const override { return 0; }

  int* live_;
};

// What finds no slot is refused and goes away; a slot that comes back is used.
TEST(HandlesTest, ARefusedHandleLeavesNothing) {
  constexpr uint32_t kSlots = 3;
  Handles handles(kSlots);
  int live = 0;
  const auto add = [&](uint64_t* token) {
    return handles.add(HandleKind::kTxn, 7, std::make_unique<Counted>(&live), token);
  };
  std::vector<uint64_t> tokens(kSlots);
  for (uint64_t& token : tokens) {
    ASSERT_EQ(add(&token), PGZ_OK);
    EXPECT_NE(token, 0u);
  }
  uint64_t refused = 1;
  EXPECT_EQ(add(&refused), PGZ_OUT_OF_MEMORY);
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(live, 3);

  std::unique_ptr<Object> object;
  ASSERT_EQ(handles.close(HandleKind::kTxn, tokens[1], true, nullptr, &object), PGZ_OK);
  object.reset();
  uint64_t again = 0;
  ASSERT_EQ(add(&again), PGZ_OK);
  EXPECT_NE(again, tokens[1]);
  EXPECT_EQ(add(&refused), PGZ_OUT_OF_MEMORY);
  Handles::Pin pin;
  EXPECT_EQ(handles.pin(HandleKind::kTxn, tokens[1], Handles::Use::kShared, &pin), PGZ_CLOSED);
  EXPECT_EQ(handles.pin(HandleKind::kTxn, again, Handles::Use::kShared, &pin), PGZ_OK);
  pin.reset();

  std::vector<std::unique_ptr<Object>> owned;
  handles.close_owned(HandleKind::kTxn, 7, &owned);
  EXPECT_EQ(owned.size(), kSlots);
  owned.clear();
  EXPECT_EQ(live, 0);
}

}  // namespace
}  // namespace pgz::capi
