// The engine's own heap: memory for arenas, blocks, buffers and lock entries, from mimalloc,
// because it comes and goes on all threads by the hundred thousand and the C library's arenas, one
// for each thread, would keep a multiple of what is in use. The host process's malloc is left
// alone.
//
// Builds with a sanitizer, and those with -Dheap=libc (for valgrind), take it from the C library
// instead, where those tools see every block, its bounds and whether it is still reachable.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PGZ_HEAP_LIBC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define PGZ_HEAP_LIBC 1
#endif
#endif

#ifdef PGZ_HEAP_LIBC
#include <malloc.h>

#include <cstdlib>
#else
#include <mimalloc.h>
#endif

namespace pgz {

// Null when there is no memory; n may be 0. heap_free() takes what either gave, or null.
inline void* heap_alloc(size_t n);
// alignment is a power of two.
inline void* heap_alloc_aligned(size_t n, size_t alignment);
inline void heap_free(void* p);
// Bytes the allocator set aside for p: at least what was asked for.
inline size_t heap_usable_bytes(const void* p);

// From now on memory that is no longer in use goes back to the system after 4 ms, of which none are
// added by what else is freed meanwhile: with the allocator's own 25, and one more each time, they
// never end while threads are busy, and each keeps some megabytes. Holds for the process, unless
// its environment says otherwise (MIMALLOC_*). Any thread, any number of times.
void give_heap_back_early();

#ifdef PGZ_HEAP_LIBC
inline void* heap_alloc(size_t n) { return std::malloc(n); }
inline void* heap_alloc_aligned(size_t n, size_t alignment) {
  void* p = nullptr;
  if (alignment < sizeof(void*)) alignment = sizeof(void*);
  return ::posix_memalign(&p, alignment, n) == 0 ? p : nullptr;
}
inline void heap_free(void* p) { std::free(p); }
inline size_t heap_usable_bytes(const void* p) {
  return ::malloc_usable_size(const_cast<void*>(p));
}
#else
inline void* heap_alloc(size_t n) { return mi_malloc(n); }
inline void* heap_alloc_aligned(size_t n, size_t alignment) {
  return mi_malloc_aligned(n, alignment);
}
inline void heap_free(void* p) { mi_free(p); }
inline size_t heap_usable_bytes(const void* p) { return mi_usable_size(p); }
#endif

}  // namespace pgz
