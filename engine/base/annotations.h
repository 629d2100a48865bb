// Clang's thread-safety annotations; nothing under other compilers.
#pragma once

#if defined(__clang__)
#define PGZ_TSA_(x) __attribute__((x))
#else
#define PGZ_TSA_(x)
#endif

#define PGZ_CAPABILITY(name) PGZ_TSA_(capability(name))
#define PGZ_SCOPED_CAPABILITY PGZ_TSA_(scoped_lockable)
#define PGZ_GUARDED_BY(mu) PGZ_TSA_(guarded_by(mu))
#define PGZ_PT_GUARDED_BY(mu) PGZ_TSA_(pt_guarded_by(mu))
#define PGZ_REQUIRES(...) PGZ_TSA_(requires_capability(__VA_ARGS__))
#define PGZ_REQUIRES_SHARED(...) PGZ_TSA_(requires_shared_capability(__VA_ARGS__))
#define PGZ_EXCLUDES(...) PGZ_TSA_(locks_excluded(__VA_ARGS__))
#define PGZ_ACQUIRE(...) PGZ_TSA_(acquire_capability(__VA_ARGS__))
#define PGZ_ACQUIRE_SHARED(...) PGZ_TSA_(acquire_shared_capability(__VA_ARGS__))
#define PGZ_RELEASE(...) PGZ_TSA_(release_capability(__VA_ARGS__))
#define PGZ_RELEASE_SHARED(...) PGZ_TSA_(release_shared_capability(__VA_ARGS__))
#define PGZ_RELEASE_GENERIC(...) PGZ_TSA_(release_generic_capability(__VA_ARGS__))
#define PGZ_TRY_ACQUIRE(...) PGZ_TSA_(try_acquire_capability(__VA_ARGS__))
#define PGZ_ASSERT_CAPABILITY(mu) PGZ_TSA_(assert_capability(mu))
#define PGZ_NO_THREAD_SAFETY_ANALYSIS PGZ_TSA_(no_thread_safety_analysis)
