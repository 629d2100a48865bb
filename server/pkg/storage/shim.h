// Calls shaped for cgo: scalars and flat memory only, several engine calls in
// one crossing. Handles are numbers here, since Go must not see a token as a
// pointer.
#ifndef PGZ_STORAGE_SHIM_H_
#define PGZ_STORAGE_SHIM_H_

#include <stdlib.h>
#include <string.h>

#include "../../../include/pgz.h"

typedef struct {
  uint64_t txn;  // 0: not begun yet
  uint64_t value;
  pgz_row row;
  uint32_t rows;
  uint32_t done;
  uint32_t lost;  // a batch was not, or not all, taken; who reads it clears it
  uint64_t used;
  uint64_t needed;
  pgz_error err;
} sh_call;

#define SH_DB(db) ((pgz_db*)(uintptr_t)(db))
#define SH_TXN(txn) ((pgz_txn*)(uintptr_t)(txn))
#define SH_CURSOR(cursor) ((pgz_cursor*)(uintptr_t)(cursor))

static inline pgz_status sh_open(const char* path, uint64_t memory, uint64_t memtable,
                                 uint64_t slot, uint64_t spill, uint64_t locks, int create, int io,
                                 int durable, int tables, sh_call* c, int* fd) {
  pgz_options o;
  pgz_options_init(&o);
  o.memory_budget_bytes = memory;
  o.memtable_bytes = memtable;
  o.log_slot_bytes = slot;
  o.spill_bytes = spill;
  o.lock_memory_bytes = locks;
  o.create_if_missing = (uint8_t)create;
  o.io_backend = (uint8_t)io;
  o.durable_writes = (uint8_t)durable;
  o.table_io = (uint8_t)tables;
  pgz_db* db = NULL;
  pgz_status s = pgz_open(path, &o, &db, &c->err);
  if (s != PGZ_OK) return s;
  c->value = (uint64_t)(uintptr_t)db;
  return pgz_event_fd(db, fd, &c->err);
}

static inline pgz_status sh_close(uint64_t db, sh_call* c) { return pgz_close(SH_DB(db), &c->err); }

static inline pgz_status sh_flush(uint64_t db, sh_call* c) { return pgz_flush(SH_DB(db), &c->err); }

static inline pgz_status sh_io_describe(uint64_t db, char* buffer, size_t capacity) {
  return pgz_io_describe(SH_DB(db), buffer, capacity, NULL);
}

static inline pgz_status sh_stats(uint64_t db, pgz_stats* stats) {
  stats->struct_size = sizeof(*stats);
  return pgz_stats_get(SH_DB(db), stats, NULL);
}

static inline pgz_status sh_latency(uint64_t db, uint32_t operation, pgz_latency* latency,
                                    sh_call* c) {
  latency->struct_size = sizeof(*latency);
  return pgz_latency_get(SH_DB(db), operation, latency, &c->err);
}

static inline pgz_status sh_snapshot_pins(uint64_t db, pgz_snapshot_pin* out, size_t capacity,
                                          size_t* count, sh_call* c) {
  return pgz_snapshot_pins(SH_DB(db), out, capacity, count, &c->err);
}

static inline pgz_status sh_reap(uint64_t db, pgz_completion* out, size_t capacity, size_t* count) {
  return pgz_reap(SH_DB(db), out, capacity, count, NULL);
}

static inline pgz_status sh_snapshot(uint64_t db, uint64_t* ts) {
  return pgz_snapshot_acquire(SH_DB(db), ts, NULL);
}

// Again, for the message of its error.
static inline void sh_snapshot_error(uint64_t db, sh_call* c) {
  uint64_t ts;
  if (pgz_snapshot_acquire(SH_DB(db), &ts, &c->err) == PGZ_OK) {
    pgz_snapshot_release(SH_DB(db), ts, NULL);
  }
}

static inline pgz_status sh_snapshot_share(uint64_t db, uint64_t ts) {
  return pgz_snapshot_share(SH_DB(db), ts, NULL);
}

static inline pgz_status sh_release(uint64_t db, uint64_t ts) {
  return pgz_snapshot_release(SH_DB(db), ts, NULL);
}

static inline pgz_status sh_counter(uint64_t db, const uint8_t* name, size_t name_len, uint64_t n,
                                    uint64_t tag, sh_call* c) {
  return pgz_counter_reserve(SH_DB(db), name, name_len, n, tag, &c->value, &c->err);
}

static inline pgz_status sh_blocked_by(uint64_t db, uint64_t owner, uint64_t* out, size_t capacity,
                                       size_t* count) {
  return pgz_blocked_by(SH_DB(db), owner, out, capacity, count, NULL);
}

static inline pgz_status sh_lock_list(uint64_t db, uint32_t flags, pgz_lock_info* out,
                                      size_t capacity, size_t* count, uint8_t* names,
                                      size_t names_bytes, size_t* used) {
  return pgz_lock_list(SH_DB(db), flags, out, capacity, count, names, names_bytes, used, NULL);
}

static inline pgz_status sh_deadlock(uint64_t txn, pgz_lock_info* out, size_t capacity,
                                     size_t* count, uint8_t* names, size_t names_bytes,
                                     size_t* used) {
  return pgz_txn_deadlock(SH_TXN(txn), out, capacity, count, names, names_bytes, used, NULL);
}

static inline pgz_status sh_approximate(uint64_t db, const uint8_t* lower, size_t lower_len,
                                        const uint8_t* upper, size_t upper_len, sh_call* c) {
  return pgz_approximate_bytes(SH_DB(db), lower, lower_len, upper, upper_len, &c->value, &c->err);
}

static inline pgz_status sh_begin(uint64_t db, uint64_t owner, sh_call* c) {
  if (c->txn == 0) {
    pgz_txn_options o;
    memset(&o, 0, sizeof(o));
    o.struct_size = sizeof(o);
    o.isolation = PGZ_READ_COMMITTED;
    o.owner = owner;
    pgz_txn* txn = NULL;
    pgz_status s = pgz_txn_begin(SH_DB(db), &o, &txn, &c->err);
    if (s != PGZ_OK) return s;
    c->txn = (uint64_t)(uintptr_t)txn;
  }
  return PGZ_OK;
}

// Begins the transaction if it is not yet and hands over what was written since the last crossing.
static inline pgz_status sh_write(uint64_t db, uint64_t owner, const uint8_t* batch,
                                  size_t batch_len, sh_call* c) {
  pgz_status s = sh_begin(db, owner, c);
  if (batch_len == 0) return s;
  if (s == PGZ_OK) s = pgz_txn_write(SH_TXN(c->txn), batch, batch_len, &c->err);
  if (s != PGZ_OK) c->lost = 1;
  return s;
}

// With batch_len > 0 the batch is handed over first.
static inline pgz_status sh_read(uint64_t db, uint64_t owner, const uint8_t* batch,
                                 size_t batch_len, uint64_t snapshot, uint32_t op,
                                 const uint8_t* key, size_t key_len, uint8_t* buffer,
                                 size_t capacity, sh_call* c) {
  if (batch_len != 0) {
    pgz_status s = sh_write(db, owner, batch, batch_len, c);
    if (s != PGZ_OK) return s;
  }
  return pgz_read(SH_DB(db), SH_TXN(c->txn), snapshot, op, key, key_len, buffer, capacity, &c->row,
                  &c->err);
}

static inline pgz_status sh_multi_get(uint64_t db, uint64_t snapshot, uint32_t op,
                                      const uint8_t* keys, size_t keys_len, pgz_row* rows,
                                      uint32_t max_rows, uint8_t* buffer, size_t capacity,
                                      sh_call* c) {
  pgz_fetch f;
  memset(&f, 0, sizeof(f));
  f.struct_size = sizeof(f);
  f.rows_out = rows;
  f.max_rows = max_rows;
  f.buffer = buffer;
  f.capacity = capacity;
  pgz_status s =
      pgz_multi_get(SH_DB(db), SH_TXN(c->txn), snapshot, op, keys, keys_len, &f, &c->err);
  c->rows = f.rows;
  c->done = f.done;
  c->used = f.used;
  c->needed = f.needed;
  return s;
}

static inline pgz_status sh_cursor_open(uint64_t db, uint64_t snapshot, uint32_t op, int reverse,
                                        int keys_only, const uint8_t* lower, size_t lower_len,
                                        const uint8_t* upper, size_t upper_len, sh_call* c) {
  pgz_cursor_options o;
  memset(&o, 0, sizeof(o));
  o.struct_size = sizeof(o);
  o.reverse = (uint8_t)reverse;
  o.keys_only = (uint8_t)keys_only;
  o.snapshot = snapshot;
  o.op = op;
  pgz_cursor* cursor = NULL;
  pgz_status s = pgz_cursor_open(SH_DB(db), SH_TXN(c->txn), &o, lower, lower_len, upper, upper_len,
                                 &cursor, &c->err);
  c->value = (uint64_t)(uintptr_t)cursor;
  return s;
}

static inline pgz_status sh_cursor_fetch(uint64_t cursor, pgz_row* rows, uint32_t max_rows,
                                         uint8_t* buffer, size_t capacity, sh_call* c) {
  pgz_fetch f;
  memset(&f, 0, sizeof(f));
  f.struct_size = sizeof(f);
  f.rows_out = rows;
  f.max_rows = max_rows;
  f.buffer = buffer;
  f.capacity = capacity;
  pgz_status s = pgz_cursor_fetch(SH_CURSOR(cursor), &f, &c->err);
  c->rows = f.rows;
  c->done = f.done;
  c->used = f.used;
  c->needed = f.needed;
  return s;
}

static inline pgz_status sh_cursor_close(uint64_t cursor) {
  return pgz_cursor_close(SH_CURSOR(cursor), NULL);
}

static inline pgz_wait sh_wait_of(uint64_t tag, uint64_t timeout_us, uint64_t deadlock_us) {
  pgz_wait w;
  memset(&w, 0, sizeof(w));
  w.struct_size = sizeof(w);
  w.try_only = tag == 0;  // a crossing never waits
  w.tag = tag;
  w.timeout_us = timeout_us;
  w.deadlock_timeout_us = deadlock_us;
  return w;
}

static inline pgz_status sh_lock(uint64_t db, uint64_t owner, const uint8_t* batch,
                                 size_t batch_len, const uint8_t* locks, size_t locks_len,
                                 uint64_t tag, uint64_t timeout_us, uint64_t deadlock_us,
                                 sh_call* c) {
  if (c->txn == 0 || batch_len != 0) {
    pgz_status s = sh_write(db, owner, batch, batch_len, c);
    if (s != PGZ_OK) return s;
  }
  pgz_wait w = sh_wait_of(tag, timeout_us, deadlock_us);
  size_t taken = 0;
  return pgz_txn_lock(SH_TXN(c->txn), locks, locks_len, &w, &taken, &c->err);
}

static inline pgz_status sh_unlock(uint64_t db, uint64_t owner, const uint8_t* batch,
                                   size_t batch_len, uint32_t space, uint32_t mode, uint32_t op,
                                   const uint8_t* name, size_t name_len, sh_call* c) {
  if (c->txn == 0 || batch_len != 0) {
    pgz_status s = sh_write(db, owner, batch, batch_len, c);
    if (s != PGZ_OK) return s;
  }
  return pgz_txn_unlock(SH_TXN(c->txn), space, mode, op, name, name_len, &c->err);
}

static inline pgz_status sh_lock_read(uint64_t db, uint64_t owner, const uint8_t* batch,
                                      size_t batch_len, uint32_t mode, uint32_t op,
                                      const uint8_t* key, size_t key_len, uint64_t tag,
                                      uint64_t timeout_us, uint64_t deadlock_us, uint8_t* buffer,
                                      size_t capacity, sh_call* c) {
  if (c->txn == 0 || batch_len != 0) {
    pgz_status s = sh_write(db, owner, batch, batch_len, c);
    if (s != PGZ_OK) return s;
  }
  pgz_wait w = sh_wait_of(tag, timeout_us, deadlock_us);
  return pgz_txn_lock_read(SH_TXN(c->txn), mode, op, &w, key, key_len, buffer, capacity, &c->row,
                           &c->err);
}

// With batch_len > 0 the batch is handed over first. The state is the caller's to free().
static inline pgz_status sh_prepare(uint64_t db, uint64_t owner, const uint8_t* batch,
                                    size_t batch_len, sh_call* c, void** state, size_t* len) {
  if (c->txn == 0 || batch_len != 0) {
    pgz_status s = sh_write(db, owner, batch, batch_len, c);
    if (s != PGZ_OK) return s;
  }
  return pgz_txn_prepare(SH_TXN(c->txn), state, len, &c->err);
}

static inline pgz_status sh_adopt(uint64_t db, const uint8_t* state, size_t len, sh_call* c) {
  pgz_status s = sh_write(db, 0, NULL, 0, c);
  return s != PGZ_OK ? s : pgz_txn_adopt(SH_TXN(c->txn), state, len, &c->err);
}

static inline void sh_free_memory(void* memory) { pgz_free(memory); }

static inline pgz_status sh_cancel(uint64_t txn) { return pgz_txn_cancel(SH_TXN(txn), NULL); }

static inline pgz_status sh_rollback_to(uint64_t db, uint64_t owner, const uint8_t* batch,
                                        size_t batch_len, uint32_t op, sh_call* c) {
  if (batch_len != 0) {
    pgz_status s = sh_write(db, owner, batch, batch_len, c);
    if (s != PGZ_OK) return s;
  }
  return pgz_txn_rollback_to(SH_TXN(c->txn), op, &c->err);
}

// Begins the transaction if it is not yet and makes it serializable; value becomes its snapshot.
static inline pgz_status sh_serialize(uint64_t db, uint64_t owner, uint32_t flags, uint64_t like,
                                      sh_call* c) {
  pgz_status s = sh_write(db, owner, NULL, 0, c);
  if (s != PGZ_OK) return s;
  return pgz_txn_serialize(SH_TXN(c->txn), flags, SH_TXN(like), &c->value, &c->err);
}

static inline pgz_status sh_wait_safe(uint64_t tag, sh_call* c) {
  return pgz_txn_wait_safe(SH_TXN(c->txn), tag, &c->err);
}

static inline pgz_status sh_safe_blocked_by(uint64_t db, uint64_t owner, uint64_t* out,
                                            size_t capacity, size_t* count) {
  return pgz_safe_blocked_by(SH_DB(db), owner, out, capacity, count, NULL);
}

// The transaction is over afterwards, whatever comes back; with keep it lives on when refused.
static inline pgz_status sh_commit(uint64_t db, uint64_t owner, const uint8_t* batch,
                                   size_t batch_len, uint32_t flags, uint64_t tag, int keep,
                                   sh_call* c) {
  if (c->txn == 0) {
    pgz_status s = sh_write(db, owner, NULL, 0, c);
    if (s != PGZ_OK) return s;
  }
  pgz_status s =
      pgz_txn_commit_submit(SH_TXN(c->txn), batch, batch_len, flags, tag, &c->value, &c->err);
  if (keep && s != PGZ_OK && s != PGZ_PENDING && s != PGZ_UNKNOWN) return s;
  pgz_txn_free(SH_TXN(c->txn), NULL);  // a submitted commit goes on
  c->txn = 0;
  return s;
}

static inline pgz_status sh_free(uint64_t txn) { return pgz_txn_free(SH_TXN(txn), NULL); }

static inline pgz_status sh_dump(const char* path, uint32_t flags, char** text, size_t* len,
                                 sh_call* c) {
  return pgz_dump(path, flags, text, len, &c->err);
}

#endif  // PGZ_STORAGE_SHIM_H_
