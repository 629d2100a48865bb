/*
 * faults.so: a library to preload that makes file calls of a program fail while a test wants it.
 *
 * $PGZ_FAULTS names a file that the test writes and this library maps. Its first byte is the switch
 * ('1' is on); after it, separated by blanks: which calls (letters of r: read, w: write, s: sync,
 * a: allocate), the errno they give, and a string that the path of the file must contain. So
 * "1 ws 5 /log/" lets every write and sync of a log slot fail with EIO.
 *
 * Calls through io_uring pass by: run the program with plain calls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kControlBytes = 4096 };

static const char* control;

__attribute__((constructor)) static void map_control(void) {
  const char* path = getenv("PGZ_FAULTS");
  if (path == NULL) return;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* at = mmap(NULL, kControlBytes, PROT_READ, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) control = at;
  close(fd);
}

/* The errno that this call on fd shall give, or 0. */
static int fault(char call, int fd) {
  if (control == NULL || *(volatile const char*)control != '1') return 0;
  char calls[8] = "";
  char part[256] = "";
  int error = 0;
  if (sscanf(control + 1, "%7s %d %255s", calls, &error, part) != 3) return 0;
  if (strchr(calls, call) == NULL) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return strstr(path, part) != NULL ? error : 0;
}

/* Defines `name`, which fails where it shall and else calls the next definition of itself. */
#define WRAP(type, call, name, params, args)                            \
  type name params {                                                    \
    static type(*next) params;                                          \
    const int error = fault(call, fd);                                  \
    if (error != 0) {                                                   \
      errno = error;                                                    \
      return -1;                                                        \
    }                                                                   \
    if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, #name);         \
    return next args;                                                   \
  }

WRAP(ssize_t, 'r', pread, (int fd, void* to, size_t n, off_t at), (fd, to, n, at))
WRAP(ssize_t, 'r', pread64, (int fd, void* to, size_t n, off64_t at), (fd, to, n, at))
WRAP(ssize_t, 'r', preadv, (int fd, const struct iovec* v, int n, off_t at), (fd, v, n, at))
WRAP(ssize_t, 'r', preadv64, (int fd, const struct iovec* v, int n, off64_t at), (fd, v, n, at))
WRAP(ssize_t, 'w', pwrite, (int fd, const void* from, size_t n, off_t at), (fd, from, n, at))
WRAP(ssize_t, 'w', pwrite64, (int fd, const void* from, size_t n, off64_t at), (fd, from, n, at))
WRAP(ssize_t, 'w', pwritev, (int fd, const struct iovec* v, int n, off_t at), (fd, v, n, at))
WRAP(ssize_t, 'w', pwritev64, (int fd, const struct iovec* v, int n, off64_t at), (fd, v, n, at))
WRAP(ssize_t, 'w', pwritev2, (int fd, const struct iovec* v, int n, off_t at, int flags),
     (fd, v, n, at, flags))
WRAP(ssize_t, 'w', pwritev64v2, (int fd, const struct iovec* v, int n, off64_t at, int flags),
     (fd, v, n, at, flags))
WRAP(int, 's', fsync, (int fd), (fd))
WRAP(int, 's', fdatasync, (int fd), (fd))
WRAP(int, 'a', fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
WRAP(int, 'a', fallocate64, (int fd, int mode, off64_t at, off64_t n), (fd, mode, at, n))
