#include "engine/io/sim/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "engine/base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define PGZ_ASAN_FIBERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PGZ_ASAN_FIBERS 1
#endif
#endif
#if defined(PGZ_ASAN_FIBERS)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__SANITIZE_THREAD__)
#define PGZ_TSAN_FIBERS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PGZ_TSAN_FIBERS 1
#endif
#endif
#if defined(PGZ_TSAN_FIBERS)
#include <sanitizer/tsan_interface.h>
#endif

namespace pgz {
namespace {

struct Start {
  void (*entry)(void*);
  void* argument;
};

// Says to the sanitizer that the switch to the running stack is complete. The thread's own stack
// is learnt here, from what was left.
void arrived([[maybe_unused]] FiberContext* here, [[maybe_unused]] FiberContext* left) {
#if defined(PGZ_ASAN_FIBERS)
  const void* bottom = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(here == nullptr ? nullptr : here->sanitizer_fake_stack, &bottom,
                                  &bytes);
  if (left != nullptr && left->stack_bottom == nullptr) {
    left->stack_bottom = bottom;
    left->stack_bytes = bytes;
  }
#endif
}

FiberContext* leaving = nullptr;  // valid between the two halves of one switch

// makecontext passes ints only: the two halves of a pointer.
void trampoline(unsigned high, unsigned low) {
  arrived(nullptr, leaving);
  const uintptr_t bits = static_cast<uintptr_t>(high) << 32 | low;
  const Start start = *reinterpret_cast<Start*>(bits);
  start.entry(start.argument);
  PGZ_ASSERT(false);
}

}  // namespace

FiberContext::~FiberContext() {
#if defined(PGZ_TSAN_FIBERS)
  if (owns_fiber) __tsan_destroy_fiber(thread_sanitizer_fiber);
#endif
}

FiberStack::FiberStack() {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* p =
      ::mmap(nullptr, kBytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PGZ_ASSERT(p != MAP_FAILED);
  mapping_ = static_cast<char*>(p);
  PGZ_ASSERT(::mprotect(mapping_, page, PROT_NONE) == 0);
  bottom_ = mapping_ + page;
}

FiberStack::~FiberStack() { ::munmap(mapping_, kBytes + static_cast<size_t>(bottom_ - mapping_)); }

void FiberStack::recycle() {
#if defined(PGZ_ASAN_FIBERS)
  __asan_unpoison_memory_region(bottom_, kBytes);  // frames that were never left
#endif
}

void fiber_prepare(FiberContext* context, const FiberStack& stack, void (*entry)(void*),
                   void* argument) {
  PGZ_ASSERT(::getcontext(&context->context) == 0);
#if defined(PGZ_TSAN_FIBERS)
  context->thread_sanitizer_fiber = __tsan_create_fiber(0);
  context->owns_fiber = true;
#endif
  // The lowest bytes of the stack, which are reached last, carry the start parameters.
  Start* start = reinterpret_cast<Start*>(stack.bottom());
  *start = {entry, argument};
  context->stack_bottom = stack.bottom();
  context->stack_bytes = FiberStack::kBytes;
  context->context.uc_stack.ss_sp = stack.bottom() + sizeof(Start);
  context->context.uc_stack.ss_size = FiberStack::kBytes - sizeof(Start);
  context->context.uc_link = nullptr;
  const uintptr_t bits = reinterpret_cast<uintptr_t>(start);
  ::makecontext(&context->context, reinterpret_cast<void (*)()>(trampoline), 2,
                static_cast<unsigned>(bits >> 32), static_cast<unsigned>(bits));
}

void fiber_switch(FiberContext* from, FiberContext* to, [[maybe_unused]] bool from_ends) {
#if defined(PGZ_ASAN_FIBERS)
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from->sanitizer_fake_stack,
                                 to->stack_bottom, to->stack_bytes);
#endif
#if defined(PGZ_TSAN_FIBERS)
  // The thread's own is asked for when it is left for the first time.
  if (from->thread_sanitizer_fiber == nullptr) {
    from->thread_sanitizer_fiber = __tsan_get_current_fiber();
  }
  __tsan_switch_to_fiber(to->thread_sanitizer_fiber, 0);
#endif
  leaving = from;
  PGZ_ASSERT(::swapcontext(&from->context, &to->context) == 0);
  arrived(from, leaving);
}

}  // namespace pgz
