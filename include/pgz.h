/* pgz.h - the C interface of the pgz storage engine.
 *
 * pgz keeps ordered, versioned key-value data on disk, durably and with transactions. This header
 * is the whole of what the library exports; it is C11 and includes nothing but standard headers.
 *
 * Conventions that hold for every function unless its comment says otherwise:
 *
 * Result. Every call that can fail returns a pgz_status. Details go into the caller's pgz_error;
 * `err` may be NULL. It is written only on failure. PGZ_NOT_FOUND and PGZ_PENDING are answers, not
 * failures, and leave it alone.
 *
 * Handles. pgz_db, pgz_txn, pgz_cursor and pgz_iter are opaque tokens, not addresses. NULL or a
 * handle of another kind gives PGZ_INVALID_ARG, a closed one PGZ_CLOSED; neither touches anything.
 *
 * Ownership. Keys, values, names and batches passed in are borrowed for the duration of the call.
 * What comes out is owned as the function says.
 *
 * Threads. A pgz_db may be used by any number of threads. A pgz_txn, pgz_cursor or pgz_iter may
 * move between threads but serves one call at a time; a second call at the same moment gets
 * PGZ_MISUSE. A cursor counts as its transaction. pgz_txn_cancel is the exception.
 *
 * Blocking. "Does not block" means: no wait for another transaction or for a flush to the device.
 * Reading a block that is not in the cache may still read from disk, and a write may be slowed down
 * while background work catches up.
 *
 * Limits. Keys are 1 to 16384 bytes, values at most 1 GiB - 1.
 *
 * Structs begin with `uint32_t struct_size`, set by the caller to sizeof. The library reads and
 * writes no further than that, so both sides may be of different ages.
 */
#ifndef PGZ_H_
#define PGZ_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define PGZ_API
#else
#define PGZ_API __attribute__((visibility("default")))
#endif

/* Raised when a function is added; a library of a higher number serves programs of a lower one. */
#define PGZ_ABI_VERSION 9u

#define PGZ_KEY_MAX 16384u
#define PGZ_VALUE_MAX 1073741823u

/* ---- status ------------------------------------------------------------------------------- */

/* Append-only: a number never changes its meaning. */
typedef int32_t pgz_status;
enum {
  PGZ_OK = 0,
  PGZ_NOT_FOUND = 1,         /* the key has no visible value */
  PGZ_OUT_OF_MEMORY = 2,     /* memory, or a stated bound on memory, is used up */
  PGZ_INVALID_ARG = 3,       /* an argument breaks what its comment demands */
  PGZ_PENDING = 4,           /* not finished: a completion with the caller's tag will follow */
  PGZ_BUSY = 5,              /* a lock is held by someone else and the call may not wait */
  PGZ_CONFLICT = 6,          /* someone committed a newer version of what this transaction writes */
  PGZ_DEADLOCK = 7,          /* the wait was one edge of a cycle */
  PGZ_TIMED_OUT = 8,         /* the wait took longer than allowed */
  PGZ_CANCELLED = 9,         /* the wait or scan was cancelled */
  PGZ_CORRUPTION = 10,       /* a file does not hold what was written; the message names it */
  PGZ_IO_ERROR = 11,         /* the operating system refused; sys_errno says how */
  PGZ_NO_SPACE = 12,         /* disk full: writes fail, reads go on, it heals when space returns */
  PGZ_LOCKED = 13,           /* another process has the directory open */
  PGZ_NEWER_FORMAT = 14,     /* the directory was written by a newer version */
  PGZ_CLOSED = 15,           /* the handle is closed, or what it belongs to is */
  PGZ_FAILED = 16,           /* a log write or flush failed earlier: the instance has stopped */
  PGZ_READ_ONLY = 17,        /* the transaction was begun read-only */
  PGZ_NOT_SUPPORTED = 18,    /* this build or platform cannot do it */
  PGZ_BUFFER_TOO_SMALL = 19, /* the result does not fit; the needed size is told */
  PGZ_TOO_MANY_LOCKS = 20,   /* locks, or marks of serializable reads, reached their memory bound */
  PGZ_TXN_OVER = 21,         /* the transaction is committed or aborted */
  PGZ_MISUSE = 22,           /* a handle used by two calls at once */
  PGZ_SERIALIZATION = 23,    /* with others the outcome might equal no serial one: roll back */
  PGZ_UNKNOWN = 99 /* anything else; also the outcome of a commit that a failure cut off */
};

/* Filled by the library, owned by the caller. `message` is NUL-terminated, cut where too long. */
typedef struct pgz_error {
  pgz_status code;
  int32_t sys_errno; /* 0 where the operating system had no part in it */
  char message[248];
} pgz_error;

/* A short English name of a status. Static storage. Any thread, does not block. Since ABI 1. */
PGZ_API const char* pgz_strerror(pgz_status status);

/* Library version as "major.minor.patch". Static storage. Any thread, does not block. Since ABI 1.
 */
PGZ_API const char* pgz_version(void);

/* PGZ_ABI_VERSION of the library that is running. Any thread, does not block. Since ABI 1. */
PGZ_API uint32_t pgz_abi_version(void);

/* Frees memory a function gave away with "free with pgz_free"; NULL is fine. Any thread. Since
 * ABI 1. */
PGZ_API void pgz_free(void* memory);

/* ---- database ----------------------------------------------------------------------------- */

typedef struct pgz_db pgz_db;
typedef struct pgz_txn pgz_txn;
typedef struct pgz_cursor pgz_cursor;
typedef struct pgz_iter pgz_iter;

enum {
  PGZ_IO_AUTO = 0,  /* io_uring, or plain calls where it is missing or refused */
  PGZ_IO_POSIX = 1, /* plain calls */
  PGZ_IO_URING = 2, /* as PGZ_IO_AUTO; pgz_io_describe says what it became */

  PGZ_DURABLE_AUTO = 0,   /* the fastest on this device; measured once, kept in the directory */
  PGZ_DURABLE_DSYNC = 1,  /* pwritev2 with RWF_DSYNC */
  PGZ_DURABLE_SYNC = 2,   /* a write, then fdatasync */
  PGZ_DURABLE_LINKED = 3, /* both as a linked pair of io_uring; PGZ_DURABLE_SYNC without it */

  PGZ_TABLES_AUTO = 0,     /* one of the following: as of now PGZ_TABLES_BUFFERED */
  PGZ_TABLES_BUFFERED = 1, /* files of rows through the system's page cache, beside the budget */
  PGZ_TABLES_DIRECT = 2,   /* past it where the file system can (pgz_io_describe tells) */
};

/* Zero in a number means the default given beside it. */
typedef struct pgz_options {
  uint32_t struct_size;
  uint8_t create_if_missing;    /* pgz_options_init sets 1 */
  uint8_t error_if_exists;      /* 0 */
  uint8_t io_backend;           /* PGZ_IO_...; auto */
  uint8_t durable_writes;       /* PGZ_DURABLE_...; auto */
  uint64_t memory_budget_bytes; /* memtables + cache, filled as needed; 384 MiB */
  uint64_t memtable_bytes;      /* one memtable; an eighth of the budget, at most 32 MiB */
  uint64_t log_slot_bytes;      /* as memtable_bytes, 4 to 32 MiB; the first one 4 MiB */
  uint64_t spill_bytes;         /* write buffer of one transaction before it spills; 4 MiB */
  uint64_t lock_memory_bytes;   /* bound of the lock table; 256 MiB, or a quarter of the budget */
  uint32_t deadlock_timeout_ms; /* wait before looking for a cycle; 1000 */
  uint8_t table_io;             /* PGZ_TABLES_...; auto */
  uint8_t reserved1[3];         /* zero */
} pgz_options;

/* Writes the defaults; sets struct_size. Any thread, does not block. Since ABI 1. */
PGZ_API void pgz_options_init(pgz_options* options);

/* Opens the database directory `path` (UTF-8, NUL-terminated), creating and recovering as needed.
 * `options` may be NULL. *db is the new handle; close it with pgz_close. One process, and in it one
 * handle, at a time (PGZ_LOCKED). Any thread; blocks for recovery. Since ABI 1. */
PGZ_API pgz_status pgz_open(const char* path, const pgz_options* options, pgz_db** db,
                            pgz_error* err);

/* Aborts what is open, ends every wait with PGZ_CLOSED, writes the log's sealing block and closes.
 * The handle and all that came from it are closed afterwards, whatever is returned: their use and a
 * second close give PGZ_CLOSED. Any thread; waits for calls in progress and for the device.
 * Since ABI 1. */
PGZ_API pgz_status pgz_close(pgz_db* db, pgz_error* err);

/* Writes the memtables to sorted tables and waits for them. Any thread; blocks. Since ABI 1. */
PGZ_API pgz_status pgz_flush(pgz_db* db, pgz_error* err);

/* Figures since open, or as of now where they say so. */
typedef struct pgz_stats {
  uint32_t struct_size;
  uint32_t reserved0;
  uint64_t horizon;           /* newest commit timestamp new snapshots see, now */
  uint64_t commits;           /* transactions made durable */
  uint64_t log_flushes;       /* groups; commits / log_flushes is the group size */
  uint64_t log_bytes;         /* record bytes appended */
  uint64_t spilled_runs;      /* sorted runs written by large transactions */
  uint64_t locks_held;        /* now */
  uint64_t lock_waits;        /* waits begun */
  uint64_t deadlocks;         /* waits ended by the detector */
  uint64_t lock_memory_bytes; /* now */
  uint64_t snapshots;         /* registered, now */
  uint64_t oldest_snapshot;   /* horizon where none is registered, now */
  uint64_t open_transactions; /* now */
  uint64_t log_flush_micros;  /* time the log thread spent in the device */
  /* From here on since ABI 2. */
  uint64_t memtable_bytes;   /* memory of what is not in tables yet, now */
  uint64_t queued_memtables; /* sealed and waiting for their flush, now */
  uint64_t level_files[8];   /* sorted tables, now */
  uint64_t level_bytes[8];   /* now */
  uint64_t flushes;          /* memtables written to tables */
  uint64_t flushed_bytes;    /* table bytes that took; divided by log_bytes, and .. */
  uint64_t compactions;
  uint64_t compacted_bytes;    /* .. table bytes they wrote, divided by it: write amplification */
  uint64_t write_stall_micros; /* time writers were held up for background work to catch up */
  uint64_t cache_bytes;        /* blocks in memory, now */
  uint64_t cache_hits;         /* blocks wanted and found there */
  uint64_t cache_misses;       /* and read from tables */
  uint64_t table_memory_bytes; /* filters and indexes held in memory beside, now */
  uint64_t value_segments;     /* files of large values, now */
  uint64_t value_log_bytes;    /* which they take, now */
  uint64_t value_live_bytes; /* of the values in them that tables point at, now; the rest can go */
  uint64_t value_collected_bytes; /* written to bring live values together */
  uint64_t value_placed_bytes;    /* written by commits, the log having pointers only */
  /* From here on since ABI 7. */
  uint64_t compaction_moves;      /* tables put a level deeper without being read */
  uint64_t compaction_debt_bytes; /* level 0, and what levels hold above their aims, now */
  uint64_t range_drops;           /* dropped ranges whose rows may still be in tables, now */
  uint64_t written_bytes;         /* to log, tables and value segments; divided by log_bytes +
                                     value_placed_bytes: write amplification */
  uint64_t point_reads;           /* keys looked up, from one in 16; where nothing scans,
                                     cache_misses divided by it: read amplification, in blocks */
} pgz_stats;

/* Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_stats_get(pgz_db* db, pgz_stats* stats, pgz_error* err);

enum {
  PGZ_OPERATION_READ = 1,      /* pgz_read, pgz_get and the like; one in 16 is timed */
  PGZ_OPERATION_SCAN = 2,      /* one pgz_cursor_fetch */
  PGZ_OPERATION_COMMIT = 3,    /* from submission to durable; not those of PGZ_COMMIT_ASYNC */
  PGZ_OPERATION_LOG_FLUSH = 4, /* a group of commits in the device */
};

/* How long operations took since open, percentiles at most 1/16 above the truth. */
typedef struct pgz_latency {
  uint32_t struct_size;
  uint32_t reserved0;
  uint64_t count; /* timed */
  uint64_t mean_nanos;
  uint64_t p50_nanos;
  uint64_t p99_nanos;
  uint64_t p999_nanos;
  uint64_t max_nanos;
} pgz_latency;

/* Of one PGZ_OPERATION_*. Always recorded. Any thread, does not block. Since ABI 2. */
PGZ_API pgz_status pgz_latency_get(pgz_db* db, uint32_t operation, pgz_latency* latency,
                                   pgz_error* err);

typedef struct pgz_snapshot_info {
  uint64_t snapshot;
  uint64_t users; /* registrations not given back */
  uint64_t
      commits_since; /* each version these replaced or removed is kept while it is registered */
} pgz_snapshot_info;

/* Lists the registered snapshots, oldest first: up to `capacity` into `out`, *count how many there
 * are. Any thread, does not block. Since ABI 2. */
PGZ_API pgz_status pgz_snapshot_list(pgz_db* db, pgz_snapshot_info* out, size_t capacity,
                                     size_t* count, pgz_error* err);

/* What one snapshot keeps. A version that no other snapshot and no newer reader sees was replaced
 * after this snapshot and not after the next one; so there are at most as many as versions that
 * were committed in between and are still there. Those are estimated: timestamps count as spread
 * evenly over each table, and nothing is read. */
typedef struct pgz_snapshot_pin {
  uint64_t snapshot;
  uint64_t users;         /* registrations not given back */
  uint64_t age_micros;    /* since it was first registered */
  uint64_t commits_since; /* of all transactions */
  uint64_t versions_max;  /* kept for this snapshot alone, at most */
  uint64_t bytes_max;     /* and the bytes of as many, keys and values */
} pgz_snapshot_pin;

/* Lists what the oldest snapshots pin, oldest first: up to `capacity` (at most 1024) into `out`,
 * *count how many snapshots there are. Any thread, does not block. Since ABI 8. */
PGZ_API pgz_status pgz_snapshot_pins(pgz_db* db, pgz_snapshot_pin* out, size_t capacity,
                                     size_t* count, pgz_error* err);

/* Writes one line for people about how files are read and written: back end, why not another, how
 * writes are made durable. NUL-terminated, cut to `capacity` (at least 1). Any thread, does not
 * block. Since ABI 1. */
PGZ_API pgz_status pgz_io_describe(pgz_db* db, char* buffer, size_t capacity, pgz_error* err);

/* ---- simple calls ------------------------------------------------------------------------- */

/* One write in a transaction of its own, durable on return. Waits for the key's lock and for the
 * flush; last writer wins. Any thread; blocks. Since ABI 1. */
PGZ_API pgz_status pgz_put(pgz_db* db, const void* key, size_t key_len, const void* value,
                           size_t value_len, pgz_error* err);

/* Removes a key; PGZ_OK whether or not it existed. As pgz_put otherwise. Since ABI 1. */
PGZ_API pgz_status pgz_delete(pgz_db* db, const void* key, size_t key_len, pgz_error* err);

/* The newest durable value. *value is a copy: free with pgz_free (it is never NULL on PGZ_OK, even
 * for an empty value). Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_get(pgz_db* db, const void* key, size_t key_len, void** value,
                           size_t* value_len, pgz_error* err);

/* Iterates keys in [lower, upper) in byte order, as of now; a bound of length 0 is open. *iter must
 * be closed with pgz_iter_close. Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_scan(pgz_db* db, const void* lower, size_t lower_len, const void* upper,
                            size_t upper_len, pgz_iter** iter, pgz_error* err);

/* Steps to the next pair; PGZ_NOT_FOUND at the end. *key and *value stay the library's and are
 * valid until the next call on this iterator. After an error it gives that error again. Does not
 * block. Since ABI 1. */
PGZ_API pgz_status pgz_iter_next(pgz_iter* iter, const void** key, size_t* key_len,
                                 const void** value, size_t* value_len, pgz_error* err);

/* Ends the iterator. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_iter_close(pgz_iter* iter, pgz_error* err);

/* ---- transactions ------------------------------------------------------------------------- */

/* What the simple calls (pgz_txn_get, _scan, _put, _delete) see and check. Calls that name a
 * snapshot do as they are told.
 *
 * PGZ_SERIALIZABLE: a snapshot is taken by pgz_txn_begin and kept until the end. What the simple
 * calls, and reads that name this snapshot (pgz_txn_serialize), read is remembered, keys and
 * ranges, found or not; so is what is written. Wherever the outcome of all serializable
 * transactions might otherwise equal no order of running them one after another, a read, write or
 * commit of one of them gives PGZ_SERIALIZATION, with the reason in PostgreSQL's words as its
 * message; then all that is left is to roll back. Reads at PGZ_SNAPSHOT_NEWEST are not remembered,
 * but for single keys whose newest version the snapshot sees. */
enum {
  PGZ_REPEATABLE_READ = 0, /* one snapshot, taken by the first simple call; first committer wins */
  PGZ_READ_COMMITTED = 1,  /* each simple call sees the newest committed state */
  PGZ_SERIALIZABLE = 2,    /* as repeatable read, and watched; since ABI 5 */
};

typedef struct pgz_txn_options {
  uint32_t struct_size;
  uint8_t isolation;        /* PGZ_REPEATABLE_READ .. */
  uint8_t read_only;        /* writes give PGZ_READ_ONLY */
  uint8_t reserved0[2];     /* zero */
  uint32_t lock_timeout_ms; /* longest single lock wait of the simple calls; 0: no limit */
  uint32_t reserved1;       /* zero */
  uint64_t owner;           /* names the session in pgz_blocked_by; 0: none. Transactions of one
                               session wait one at a time, and their advisory locks never for
                               each other */
} pgz_txn_options;

/* Begins a transaction; `options` may be NULL (repeatable read). *txn must be freed with
 * pgz_txn_free. Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_txn_begin(pgz_db* db, const pgz_txn_options* options, pgz_txn** txn,
                                 pgz_error* err);

enum {
  PGZ_SERIALIZE_READ_ONLY = 1u, /* what it writes nobody else reads */
  PGZ_SERIALIZE_ANEW = 2u,      /* it has read nothing: where it has a snapshot, take another */
};

/* Makes an open transaction that has written nothing serializable, whatever it was begun as: it
 * takes a snapshot or, where `like` is not NULL, that of another open serializable transaction
 * (PGZ_INVALID_ARG when that is read-only and this one is not). *snapshot is registered until the
 * transaction ends. For one that is serializable already it only tells its snapshot, but for
 * PGZ_SERIALIZE_ANEW. Does not
 * block. Since ABI 5. */
PGZ_API pgz_status pgz_txn_serialize(pgz_txn* txn, uint32_t flags, pgz_txn* like,
                                     uint64_t* snapshot, pgz_error* err);

/* Waits until no transaction that writes can make a read-only serializable transaction fail, nor be
 * made to fail by it: its snapshot is safe, and reading costs no more than under repeatable read.
 * PGZ_OK: it is. PGZ_SERIALIZATION: this snapshot never will be: begin anew and ask again.
 * PGZ_PENDING: a completion with `tag` will say one of the two, or PGZ_CANCELLED (pgz_txn_cancel);
 * with tag 0 the call waits. Since ABI 5. */
PGZ_API pgz_status pgz_txn_wait_safe(pgz_txn* txn, uint64_t tag, pgz_error* err);

/* Lists the owners whose transactions keep one of `owner` waiting in pgz_txn_wait_safe, as
 * pgz_blocked_by does for locks. Any thread, does not block. Since ABI 5. */
PGZ_API pgz_status pgz_safe_blocked_by(pgz_db* db, uint64_t owner, uint64_t* out, size_t capacity,
                                       size_t* count, pgz_error* err);

/* Locks the key (waits; PGZ_DEADLOCK, PGZ_TIMED_OUT), checks first-committer-wins under repeatable
 * read (PGZ_CONFLICT), buffers the write. Blocks. Since ABI 1. */
PGZ_API pgz_status pgz_txn_put(pgz_txn* txn, const void* key, size_t key_len, const void* value,
                               size_t value_len, pgz_error* err);
PGZ_API pgz_status pgz_txn_delete(pgz_txn* txn, const void* key, size_t key_len, pgz_error* err);

/* Reads through the transaction's own writes. Result as of pgz_get. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_txn_get(pgz_txn* txn, const void* key, size_t key_len, void** value,
                               size_t* value_len, pgz_error* err);

/* Iterates own writes up to now and the snapshot, as pgz_scan. The iterator ends with the
 * transaction. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_txn_scan(pgz_txn* txn, const void* lower, size_t lower_len,
                                const void* upper, size_t upper_len, pgz_iter** iter,
                                pgz_error* err);

/* Commits and waits until it is durable; locks are held until then. PGZ_UNKNOWN: the instance
 * failed in between, the outcome will be known after the next open. The handle stays until
 * pgz_txn_free. Blocks. Since ABI 1. */
PGZ_API pgz_status pgz_txn_commit(pgz_txn* txn, pgz_error* err);

/* Forgets the writes and releases the locks. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_txn_abort(pgz_txn* txn, pgz_error* err);

/* Frees the handle and closes its cursors and iterators; aborts first where still open. A submitted
 * commit goes on and its completion still arrives. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_txn_free(pgz_txn* txn, pgz_error* err);

/* ---- completions -------------------------------------------------------------------------- */

/* A call that returns PGZ_PENDING has accepted the caller's `tag` (any number but 0) and delivers
 * exactly one completion bearing it. A program with its own event loop waits for the descriptor of
 * pgz_event_fd to be readable, reads it (that is: drains the eventfd first), and then calls
 * pgz_reap until *count is less than `capacity`. Other programs pass tag 0: then the call waits and
 * answers itself. */
typedef struct pgz_completion {
  uint64_t tag;
  uint64_t value; /* commit: its timestamp; counter: the first number; lock: 0 */
  pgz_status
      status; /* commit: PGZ_OK, PGZ_UNKNOWN; lock: PGZ_OK, _CANCELLED, _TIMED_OUT, _DEADLOCK.. */
  int32_t sys_errno;
} pgz_completion;

/* *fd is a non-blocking eventfd that belongs to the database: never close it, do not use it after
 * pgz_close. Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_event_fd(pgz_db* db, int* fd, pgz_error* err);

/* Moves up to `capacity` completions to `out`. Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_reap(pgz_db* db, pgz_completion* out, size_t capacity, size_t* count,
                            pgz_error* err);

/* ---- snapshots and reads ------------------------------------------------------------------ */

/* A read happens at a view: a snapshot of the committed state, and an operation number below which
 * the transaction's own writes are seen (write batches give every write its number). */
#define PGZ_SNAPSHOT_NEWEST UINT64_MAX /* the newest committed state at the moment of the call */
#define PGZ_OP_ALL UINT32_MAX          /* all own writes so far */

/* Takes a snapshot at the horizon: all that is durable, and what was acknowledged without waiting
 * for that. Its versions stay readable until pgz_snapshot_release has been called as often as it
 * was given out. Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_snapshot_acquire(pgz_db* db, uint64_t* snapshot, pgz_error* err);

/* Registers a snapshot that is registered once more; PGZ_INVALID_ARG when it is not. Any thread,
 * does not block. Since ABI 5. */
PGZ_API pgz_status pgz_snapshot_share(pgz_db* db, uint64_t snapshot, pgz_error* err);

/* Gives one registration back. PGZ_INVALID_ARG when there is none. Any thread, does not block.
 * Since ABI 1. */
PGZ_API pgz_status pgz_snapshot_release(pgz_db* db, uint64_t snapshot, pgz_error* err);

enum {
  PGZ_VERSION_NONE = 0, /* never written, or dropped with its range */
  PGZ_VERSION_VALUE = 1,
  PGZ_VERSION_DELETED = 2,
  PGZ_VERSION_MOVED = 3, /* deleted; the value is the key the row moved to */
};

/* One row a read found; key and value lie in the byte buffer given with the row array. */
typedef struct pgz_row {
  uint32_t key_offset;
  uint32_t value_offset;
  uint32_t key_len;
  uint32_t value_len;
  uint8_t kind; /* PGZ_VERSION_* */
  uint8_t own;  /* 1: a write of this transaction */
  uint8_t reserved[6];
  uint64_t timestamp; /* of the commit; 0 for an own write */
} pgz_row;

/* Reads one key. `txn` may be NULL: then there are no own writes. `snapshot` is a registered one or
 * PGZ_SNAPSHOT_NEWEST. The value (for MOVED the new key) goes to `buffer`; *row is filled but for
 * the key's place. PGZ_OK: a value. PGZ_NOT_FOUND: row->kind says why. PGZ_BUFFER_TOO_SMALL:
 * row->value_len bytes are needed, nothing was copied. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_read(pgz_db* db, pgz_txn* txn, uint64_t snapshot, uint32_t op,
                            const void* key, size_t key_len, void* buffer, size_t capacity,
                            pgz_row* row, pgz_error* err);

/* Where the batch-shaped reads put their result: arrays of the caller. */
typedef struct pgz_fetch {
  uint32_t struct_size;
  uint32_t max_rows; /* in: entries of `rows_out`; cursors give at most 1024 */
  pgz_row* rows_out; /* in */
  void* buffer;      /* in: receives keys and values */
  uint64_t capacity; /* in: bytes of it; at most 4 GiB - 1 are used */
  const uint32_t*
      cancel;         /* in: NULL, or a word read with relaxed atomics; non-zero ends the call */
  uint64_t max_steps; /* in: entries looked at, dead versions included; 0: 65536. Cursors only */
  uint32_t rows;      /* out */
  uint32_t done;      /* out: 1 when nothing is left */
  uint64_t used;      /* out: bytes of the buffer */
  uint64_t needed;    /* out: with PGZ_BUFFER_TOO_SMALL, what the next row wants */
} pgz_fetch;

/* Reads many keys as pgz_read does, at one snapshot. `keys` holds, `keys_len` bytes in all, a
 * sequence of (u32 little-endian length, key). One row per key, in order, with its key, found or
 * not; fetch->rows tells how many fitted, done is 1 when all did. PGZ_BUFFER_TOO_SMALL only when
 * not even the first fits. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_multi_get(pgz_db* db, pgz_txn* txn, uint64_t snapshot, uint32_t op,
                                 const void* keys, size_t keys_len, pgz_fetch* fetch,
                                 pgz_error* err);

typedef struct pgz_cursor_options {
  uint32_t struct_size;
  uint8_t reverse;   /* from upper down to lower */
  uint8_t keys_only; /* values are left out */
  uint8_t reserved0[2];
  uint64_t
      snapshot; /* registered until the cursor is closed, or PGZ_SNAPSHOT_NEWEST as of opening */
  uint32_t op;
  uint32_t reserved1;
} pgz_cursor_options;

/* Opens a scan over [lower, upper); an `upper` of length 0 is open. `txn` may be NULL. Ends with
 * pgz_cursor_close or with its transaction. Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_cursor_open(pgz_db* db, pgz_txn* txn, const pgz_cursor_options* options,
                                   const void* lower, size_t lower_len, const void* upper,
                                   size_t upper_len, pgz_cursor** cursor, pgz_error* err);

/* The next rows (values only: deleted keys are passed over). rows == 0 with done == 0 means the
 * step budget ran out or *cancel was set: call again. PGZ_BUFFER_TOO_SMALL only when not even one
 * row fits; the cursor has not moved. After any other error it gives that error again. Does not
 * block. Since ABI 1. */
PGZ_API pgz_status pgz_cursor_fetch(pgz_cursor* cursor, pgz_fetch* fetch, pgz_error* err);

/* Does not block. Since ABI 1. */
PGZ_API pgz_status pgz_cursor_close(pgz_cursor* cursor, pgz_error* err);

/* Estimates the bytes on disk and in memory of the keys in [lower, upper). Does not block. Since
 * ABI 1. */
PGZ_API pgz_status pgz_approximate_bytes(pgz_db* db, const void* lower, size_t lower_len,
                                         const void* upper, size_t upper_len, uint64_t* bytes,
                                         pgz_error* err);

/* ---- writes ------------------------------------------------------------------------------- */

/* A write batch is a sequence of packed entries, numbers little-endian:
 *     u8 kind | u8 zero | u16 zero | u32 op | u32 key_len | u32 value_len | key | value
 * Operation numbers are the caller's (a command counter): 1 .. 2^32 - 2, never decreasing within a
 * transaction. A second write of a key under one number replaces the first. */
enum {
  PGZ_WRITE_PUT = 1,
  PGZ_WRITE_DELETE = 2, /* value_len 0 */
  PGZ_WRITE_MOVE =
      3, /* deletes the key and leaves word that its row is now at the key in `value` */
  PGZ_WRITE_OWN_RANGE =
      4, /* [key, value) was created by this transaction: nobody else knows of it and it
            holds no committed keys. Its rows need no locks and are bulk-built */
  PGZ_WRITE_DROP_RANGE = 5, /* removes [key, value) at commit, own earlier writes included; the
                               transaction may not write there afterwards */
};
#define PGZ_WRITE_HEADER_BYTES 16u

/* Buffers the writes of a batch, all of them or, if one is malformed, none. Takes no locks: the
 * caller has locked what needs it. Writes sorted runs to disk when the buffer is large; an error
 * there (PGZ_NO_SPACE) leaves a transaction that can only be rolled back. Does not block. Since
 * ABI 1. */
PGZ_API pgz_status pgz_txn_write(pgz_txn* txn, const void* batch, size_t batch_len, pgz_error* err);

/* Undoes the writes and releases the locks numbered `op` and higher. Does not block. Since ABI 1.
 */
PGZ_API pgz_status pgz_txn_rollback_to(pgz_txn* txn, uint32_t op, pgz_error* err);

enum {
  PGZ_COMMIT_ASYNC = 1u, /* acknowledge and release locks once applied, before it is durable */
};

/* Buffers `batch` (may be empty), then submits the commit. PGZ_PENDING: the completion's value is
 * the commit timestamp. PGZ_OK: it is over, *timestamp is its time; 0 where there was nothing to
 * write. With tag 0 it waits. On an error other than PGZ_UNKNOWN nothing was committed and the
 * transaction is still open; the batch, unless it was malformed, stays buffered, so that the next
 * try brings an empty one. A commit cannot be cancelled. Since ABI 1. */
PGZ_API pgz_status pgz_txn_commit_submit(pgz_txn* txn, const void* batch, size_t batch_len,
                                         uint32_t flags, uint64_t tag, uint64_t* timestamp,
                                         pgz_error* err);

/* Two-phase commit. Gives everything the transaction has written and locked as bytes (free with
 * pgz_free) from which pgz_txn_adopt makes it again after a restart; the caller keeps them in the
 * database, in a transaction of its own, before it tells anyone. The locks stay and belong to no
 * owner from now on; what is left to do is a write that removes those bytes, commit, or abort.
 * PGZ_NOT_SUPPORTED: it created or dropped ranges, or is larger than 512 MiB. Does not block. Since
 * ABI 3. */
PGZ_API pgz_status pgz_txn_prepare(pgz_txn* txn, void** state, size_t* state_len, pgz_error* err);

/* Puts the writes and locks of a prepared transaction into `txn`, which has none. PGZ_BUSY:
 * somebody holds one of the locks; abort `txn`. Does not block. Since ABI 3. */
PGZ_API pgz_status pgz_txn_adopt(pgz_txn* txn, const void* state, size_t state_len, pgz_error* err);

/* ---- locks -------------------------------------------------------------------------------- */

/* One lock table with several spaces. Names are bytes the caller chooses (1 .. PGZ_KEY_MAX of
 * them). */
enum {
  PGZ_LOCK_ROW = 1,   /* name: the row's key; the simple calls lock here, with PGZ_ROW_UPDATE */
  PGZ_LOCK_TABLE = 2, /* the eight modes, as in the spaces below */
  PGZ_LOCK_ADVISORY = 3,
  PGZ_LOCK_NAME = 4,
};
/* PostgreSQL's modes, with PostgreSQL's conflicts. The last three since ABI 9: who locks a row and
 * does not mean to write it may take _FOR_NO_KEY_UPDATE or _FOR_UPDATE, which conflict with the
 * first four as their namesakes do but not with _UNWRITTEN; that one conflicts with
 * _NO_KEY_UPDATE and _UPDATE alone. So it waits for those who may have written the row, and not
 * for those who have only locked it. Before it writes, a holder of the two takes one of
 * _NO_KEY_UPDATE and _UPDATE as well. */
enum {
  PGZ_ROW_KEY_SHARE = 1,
  PGZ_ROW_SHARE = 2,
  PGZ_ROW_NO_KEY_UPDATE = 3,
  PGZ_ROW_UPDATE = 4,
  PGZ_ROW_FOR_NO_KEY_UPDATE = 5,
  PGZ_ROW_FOR_UPDATE = 6,
  PGZ_ROW_UNWRITTEN = 7,
};
enum {
  PGZ_TABLE_ACCESS_SHARE = 1,
  PGZ_TABLE_ROW_SHARE = 2,
  PGZ_TABLE_ROW_EXCLUSIVE = 3,
  PGZ_TABLE_SHARE_UPDATE_EXCLUSIVE = 4,
  PGZ_TABLE_SHARE = 5,
  PGZ_TABLE_SHARE_ROW_EXCLUSIVE = 6,
  PGZ_TABLE_EXCLUSIVE = 7,
  PGZ_TABLE_ACCESS_EXCLUSIVE = 8,
};

/* How to wait. */
typedef struct pgz_wait {
  uint32_t struct_size;
  uint32_t try_only;            /* 1: do not wait, PGZ_BUSY */
  uint64_t tag;                 /* 0: the call waits itself */
  uint64_t timeout_us;          /* PGZ_TIMED_OUT after this long; 0: no limit */
  uint64_t deadlock_timeout_us; /* look for a cycle after this long; 0: as opened */
} pgz_wait;

/* A lock batch is a sequence of packed entries, numbers little-endian:
 *     u8 space | u8 mode | u16 zero | u32 op | u32 name_len | name
 * Takes the locks in order, until the transaction's end or a rollback to `op` or below. *taken
 * counts those held on return. A lock already held in a mode as strong costs little and keeps the
 * number of the request that first took it: rolling back to a later number does not release it.
 * PGZ_PENDING: the lock after *taken is queued; on a completion with PGZ_OK it is held, and
 * the caller submits what is left. PGZ_BUSY, PGZ_TOO_MANY_LOCKS: the lock after *taken was not had.
 * `wait` may be NULL: wait without limit. Since ABI 1. */
PGZ_API pgz_status pgz_txn_lock(pgz_txn* txn, const void* batch, size_t batch_len,
                                const pgz_wait* wait, size_t* taken, pgz_error* err);
#define PGZ_LOCK_HEADER_BYTES 12u

/* Locks one row and, once it has the lock, does pgz_read at PGZ_SNAPSHOT_NEWEST and PGZ_OP_ALL.
 * After PGZ_PENDING and a good completion the lock is held: read then. After PGZ_BUFFER_TOO_SMALL
 * likewise. Since ABI 1. */
PGZ_API pgz_status pgz_txn_lock_read(pgz_txn* txn, uint32_t row_mode, uint32_t op,
                                     const pgz_wait* wait, const void* key, size_t key_len,
                                     void* buffer, size_t capacity, pgz_row* row, pgz_error* err);

/* Gives back what a lock request numbered `op` took: this mode of the name, if no earlier request
 * had taken it or a stronger one. Whatever else the transaction holds of the name stays, so that it
 * is locked as it was before that request. PGZ_NOT_FOUND: that request took nothing, or it was
 * given back or rolled back. PGZ_INVALID_ARG for a row that the transaction has written. Meant for
 * locks under which nothing was written and nothing decided that must stay true until the end. Does
 * not block. Since ABI 9. */
PGZ_API pgz_status pgz_txn_unlock(pgz_txn* txn, uint32_t space, uint32_t mode, uint32_t op,
                                  const void* name, size_t name_len, pgz_error* err);

/* Ends the transaction's pending lock wait with PGZ_CANCELLED; PGZ_NOT_FOUND when it has none (its
 * completion is on its way or was reaped). Any thread at any time, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_txn_cancel(pgz_txn* txn, pgz_error* err);

/* Lists the owners (pgz_txn_options) that transactions of `owner` wait for, holders and those
 * queued before it: up to `capacity` into `out`, *count how many there are. Any thread, does not
 * block. Since ABI 1. */
PGZ_API pgz_status pgz_blocked_by(pgz_db* db, uint64_t owner, uint64_t* out, size_t capacity,
                                  size_t* count, pgz_error* err);

enum {
  PGZ_LIST_HELD_ROWS = 1u, /* also row locks that are held: there may be millions */
  /* Since ABI 9. */
  PGZ_LIST_AWAITED_ROWS = 2u, /* also held locks of rows that somebody waits for */
  PGZ_LIST_READS = 4u,        /* also what serializable transactions have read, in space
                                 PGZ_LOCK_READ; of those that have committed too, while others
                                 that were under way at the time are open */
  PGZ_LIST_AWAITED = 8u,      /* alone: only locks that somebody waits for, rows as well, and who
                                 holds them. As quick as there are few waits */
};

/* A read in pgz_lock_list. Its name is a u32 (little-endian), so many bytes of a first key, and for
 * a range the key before which it ends. Many small reads may have become one larger range. */
enum {
  PGZ_LOCK_READ = 5, /* a space that takes no locks */

  PGZ_READ_KEY = 1,
  PGZ_READ_RANGE = 2,
  PGZ_READ_FROM = 3, /* and everything behind */
};

typedef struct pgz_lock_info {
  uint64_t owner; /* of pgz_txn_options */
  uint32_t name_offset;
  uint32_t name_len; /* the name lies in the byte buffer */
  uint8_t space;     /* PGZ_LOCK_* */
  uint8_t mode;      /* PGZ_ROW_*, PGZ_TABLE_* or PGZ_READ_* */
  uint8_t granted;   /* 0: waited for */
  uint8_t reserved[5];
} pgz_lock_info;

/* Lists locks: those waited for, and those held. Waits for one lock come in the order of their
 * queue (since ABI 9), behind those who hold it. Not of one instant. *count and *used are how many
 * entries and bytes of names there are; PGZ_BUFFER_TOO_SMALL, and nothing written, when `capacity`
 * or `buffer_bytes` is less. Any thread, does not block. Since ABI 4. */
PGZ_API pgz_status pgz_lock_list(pgz_db* db, uint32_t flags, pgz_lock_info* out, size_t capacity,
                                 size_t* count, void* buffer, size_t buffer_bytes, size_t* used,
                                 pgz_error* err);

/* After a wait of `txn` that ended with PGZ_DEADLOCK, and until it waits again: the waits of the
 * cycle, that of `txn` first. Each waited for the owner of the next, the last for that of the
 * first. Other times there are none. Buffers as of pgz_lock_list. The transaction's thread, does
 * not block. Since ABI 6. */
PGZ_API pgz_status pgz_txn_deadlock(pgz_txn* txn, pgz_lock_info* out, size_t capacity,
                                    size_t* count, void* buffer, size_t buffer_bytes, size_t* used,
                                    pgz_error* err);

/* ---- counters ----------------------------------------------------------------------------- */

/* A counter is a named 64-bit number that belongs to no transaction: 1 when first used, never
 * handed out twice, gaps possible. Reserves `n` (1 .. 2^32) numbers; *first is the first of them.
 * The reservation is durable before the numbers are given: PGZ_PENDING (completion value: the first
 * number) where that takes a flush, with tag 0 the call waits. Any thread. Since ABI 1. */
PGZ_API pgz_status pgz_counter_reserve(pgz_db* db, const void* name, size_t name_len, uint64_t n,
                                       uint64_t tag, uint64_t* first, pgz_error* err);

/* The next number, without taking it. Any thread, does not block. Since ABI 1. */
PGZ_API pgz_status pgz_counter_get(pgz_db* db, const void* name, size_t name_len, uint64_t* next,
                                   pgz_error* err);

/* ---- looking into files ------------------------------------------------------------------- */

enum {
  PGZ_DUMP_ENTRIES = 1u, /* every key and value, not only counts */
};

/* Describes one file of a database directory in words: IDENTITY, a log slot, a sorted table, a
 * value segment, the manifest's superblock or edits. Reads only; the database may be open, also in
 * another process. PGZ_OK: the file is sound. PGZ_CORRUPTION, PGZ_NEWER_FORMAT: *err has its first
 * damage, with file and offset, and the text says all that could be found out. *text ends with a
 * NUL that *text_len does not count and is freed with pgz_free; on any other status it is NULL. Any
 * thread; reads the whole file. Since ABI 1. */
PGZ_API pgz_status pgz_dump(const char* path, uint32_t flags, char** text, size_t* text_len,
                            pgz_error* err);

#ifdef __cplusplus
}
#endif

#endif /* PGZ_H_ */
