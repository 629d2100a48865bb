// A fiber: a function on a stack of its own, entered and left by hand. Private to io/sim.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace pgz {

// A place execution can be switched to: a fiber's, or the thread's own.
struct FiberContext {
  ucontext_t context{};
  const void* stack_bottom = nullptr;  // what the address sanitizer wants to know
  size_t stack_bytes = 0;
  void* sanitizer_fake_stack = nullptr;
  void* thread_sanitizer_fiber = nullptr;  // owned, but for the thread's own
  bool owns_fiber = false;

  FiberContext() = default;
  ~FiberContext();  // not of the running one
  FiberContext(const FiberContext&) = delete;
  FiberContext& operator=(const FiberContext&) = delete;
};

// Memory for a stack, with an inaccessible page below it.
class FiberStack {
 public:
  static constexpr size_t kBytes = 512 * 1024;

  FiberStack();
  ~FiberStack();
  FiberStack(const FiberStack&) = delete;
  FiberStack& operator=(const FiberStack&) = delete;
  char* bottom() const { return bottom_; }
  // Makes it fit for another fiber after one has ended on it.
  void recycle();

 private:
  char* mapping_ = nullptr;
  char* bottom_ = nullptr;
};

// Makes `context` start `entry(argument)` on `stack` when it is first switched to. entry must not
// return: it ends with fiber_switch(..., true).
void fiber_prepare(FiberContext* context, const FiberStack& stack, void (*entry)(void*),
                   void* argument);

// Leaves `from` (the running one) for `to`. With from_ends, `from` is never switched to again.
void fiber_switch(FiberContext* from, FiberContext* to, bool from_ends);

}  // namespace pgz
