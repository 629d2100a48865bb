// Assertions. PGZ_ASSERT is always on and states an invariant whose breach is a bug in the engine;
// it prints the place and the condition and aborts. PGZ_DCHECK is for checks too costly to keep in
// an optimised build. What the world can cause (a bad disk, a bad argument) is a Status, never an
// assertion.
#pragma once

namespace pgz {

[[noreturn]] void assert_failed(const char* file, int line, const char* condition);

}  // namespace pgz

#define PGZ_ASSERT(cond)                               \
  do {                                                 \
    if (__builtin_expect(!(cond), 0)) {                \
      ::pgz::assert_failed(__FILE__, __LINE__, #cond); \
    }                                                  \
  } while (0)

#if defined(PGZ_DEBUG_CHECKS) || !defined(__OPTIMIZE__)
#define PGZ_DCHECK(cond) PGZ_ASSERT(cond)
#else
#define PGZ_DCHECK(cond)   \
  do {                     \
    (void)sizeof(!(cond)); \
  } while (0)
#endif
