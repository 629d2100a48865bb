// Transactions: begin to end, write batches, locks.
#include <cstdlib>
#include <cstring>

#include "capi/api.h"
#include "engine/base/coding.h"

using namespace pgz;        // NOLINT: the definitions below are C functions
using namespace pgz::capi;  // NOLINT

namespace {

struct WriteEntry {
  uint8_t kind;
  OpNum op;
  Slice key;
  Slice value;
};

// Takes the next entry off a write batch; null, or what is wrong.
const char* next_write(Slice* batch, WriteEntry* entry) {
  const char* p = batch->data();
  if (batch->size() < PGZ_WRITE_HEADER_BYTES) return "write batch: cut header";
  if (p[1] != 0 || p[2] != 0 || p[3] != 0) return "write batch: reserved bytes are not zero";
  entry->kind = static_cast<uint8_t>(p[0]);
  entry->op = get_fixed32(p + 4);
  const uint64_t key_len = get_fixed32(p + 8);
  const uint64_t value_len = get_fixed32(p + 12);
  batch->remove_prefix(PGZ_WRITE_HEADER_BYTES);
  if (key_len + value_len > batch->size()) return "write batch: cut entry";
  entry->key = batch->substr(0, key_len);
  entry->value = batch->substr(key_len, value_len);
  batch->remove_prefix(key_len + value_len);
  if (entry->kind < PGZ_WRITE_PUT || entry->kind > PGZ_WRITE_DROP_RANGE) {
    return "write batch: unknown kind";
  }
  if (entry->op == 0 || entry->op == kOpAll) return "write batch: operation number";
  if (entry->kind <= PGZ_WRITE_MOVE) {
    if (key_len == 0 || key_len > PGZ_KEY_MAX) return "a key has 1 to 16384 bytes";
    if (value_len > PGZ_VALUE_MAX) return "a value has less than 1 GiB";
    if (entry->kind == PGZ_WRITE_DELETE && value_len != 0)
      return "write batch: deletion with value";
    if (entry->kind == PGZ_WRITE_MOVE && (value_len == 0 || value_len > PGZ_KEY_MAX)) {
      return "a key has 1 to 16384 bytes";
    }
  }
  return nullptr;
}

Status apply_entry(Transaction* txn, const WriteEntry& entry) {
  switch (entry.kind) {
    case PGZ_WRITE_PUT:
      return txn->put(entry.op, entry.key, entry.value);
    case PGZ_WRITE_DELETE:
      return txn->remove(entry.op, entry.key);
    case PGZ_WRITE_MOVE:
      return txn->move(entry.op, entry.key, entry.value);
    case PGZ_WRITE_OWN_RANGE:
      return txn->own_range(entry.op, entry.key, entry.value);
    default:
      return txn->drop_range(entry.op, entry.key, entry.value);
  }
}

pgz_status write_batch(Transaction* txn, Slice batch, pgz_error* err) {
  WriteEntry entry{};
  OpNum last_op = 0;
  for (Slice rest = batch; !rest.empty();) {
    if (const char* wrong = next_write(&rest, &entry)) return invalid(wrong, err);
    if (entry.op < last_op) return invalid("operation numbers do not decrease", err);
    last_op = entry.op;
  }
  for (Slice rest = batch; !rest.empty();) {
    (void)next_write(&rest, &entry);
    if (Status s = apply_entry(txn, entry); !s.is_ok()) return report(s, err);
  }
  return PGZ_OK;
}

bool wait_of(const pgz_wait* in, LockWait* out) {
  if (in == nullptr) return true;
  pgz_wait wait;
  if (!read_struct(in, &wait)) return false;
  out->try_only = wait.try_only != 0;
  out->tag = wait.tag;
  out->timeout_micros = wait.timeout_us;
  out->deadlock_timeout_micros = wait.deadlock_timeout_us;
  return true;
}

}  // namespace

pgz_status pgz_txn_begin(pgz_db* db, const pgz_txn_options* options, pgz_txn** txn,
                         pgz_error* err) {
  if (txn == nullptr) return invalid("txn is NULL", err);
  *txn = nullptr;
  return guarded(err, [&] {
    pgz_txn_options in{};
    if (options != nullptr && !read_struct(options, &in)) return invalid("options", err);
    if (in.isolation > PGZ_SERIALIZABLE) return invalid("unknown isolation level", err);
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    if (Status check = call.db->check(); !check.is_ok()) return report(check, err);
    TransactionOptions o;
    o.repeatable_read = in.isolation != PGZ_READ_COMMITTED;
    o.serializable = in.isolation == PGZ_SERIALIZABLE;
    o.read_only = in.read_only != 0;
    o.session = in.owner;
    o.lock_timeout_micros = uint64_t{in.lock_timeout_ms} * 1000;
    auto object = std::make_unique<TxnObject>();
    object->db_token = token(db);
    object->db = call.db;
    object->txn = call.db->begin(o);
    uint64_t t = 0;
    const pgz_status added = add_handle(HandleKind::kTxn, token(db), std::move(object), &t, err);
    *txn = handle<pgz_txn>(t);
    return added;
  });
}

pgz_status pgz_txn_serialize(pgz_txn* txn, uint32_t flags, pgz_txn* like, uint64_t* snapshot,
                             pgz_error* err) {
  if (snapshot == nullptr) return invalid("snapshot is NULL", err);
  if ((flags & ~(PGZ_SERIALIZE_READ_ONLY | PGZ_SERIALIZE_ANEW)) != 0)
    return invalid("unknown flag", err);
  return guarded(err, [&] {
    Call call;
    pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    Call source;
    if (like != nullptr) {
      // Beside whatever call its owner is in.
      s = source.pin_txn(like, Handles::Use::kShared);
      if (s != PGZ_OK) return report(s, err);
      if (source.db != call.db) return invalid("like: of another database", err);
    }
    if ((flags & PGZ_SERIALIZE_ANEW) != 0) call.txn->forget_serial();
    if (Status got = call.txn->serialize((flags & PGZ_SERIALIZE_READ_ONLY) != 0, source.txn);
        !got.is_ok()) {
      return report(got, err);
    }
    *snapshot = call.txn->serial_snapshot();
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_txn_wait_safe(pgz_txn* txn, uint64_t tag, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    return s != PGZ_OK ? report(s, err) : report(call.txn->wait_safe(tag), err);
  });
}

pgz_status pgz_txn_abort(pgz_txn* txn, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn_token(token(txn), Handles::Use::kExclusive);
    if (s != PGZ_OK) return report(s, err);
    if (!call.txn->open()) return report(PGZ_TXN_OVER, err);
    call.txn->abort();
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_txn_free(pgz_txn* txn, pgz_error* err) {
  return guarded(err, [&] {
    // The database is held until the transaction has let go of it: pgz_close may be under way.
    Call source;
    pgz_status s = source.pin_db_of(HandleKind::kTxn, token(txn));
    if (s != PGZ_OK) return report(s, err);
    std::unique_ptr<Object> object;
    s = Handles::instance().close(HandleKind::kTxn, token(txn), false, nullptr, &object);
    if (s != PGZ_OK) return report(s, err);
    auto* held = static_cast<TxnObject*>(object.get());
    close_readers(held);
    held->txn->abort();
    object.reset();
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_txn_write(pgz_txn* txn, const void* batch, size_t batch_len, pgz_error* err) {
  if (!readable(batch, batch_len)) return invalid("batch is NULL", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    return write_batch(call.txn, slice(batch, batch_len), err);
  });
}

pgz_status pgz_txn_rollback_to(pgz_txn* txn, uint32_t op, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    return s != PGZ_OK ? report(s, err) : report(call.txn->rollback_to(op), err);
  });
}

pgz_status pgz_txn_commit_submit(pgz_txn* txn, const void* batch, size_t batch_len, uint32_t flags,
                                 uint64_t tag, uint64_t* timestamp, pgz_error* err) {
  if (timestamp == nullptr || !readable(batch, batch_len)) return invalid("NULL argument", err);
  if ((flags & ~PGZ_COMMIT_ASYNC) != 0) return invalid("unknown flag", err);
  *timestamp = 0;
  return guarded(err, [&] {
    Call call;
    pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    s = write_batch(call.txn, slice(batch, batch_len), err);
    if (s != PGZ_OK) return s;
    return report(call.txn->commit((flags & PGZ_COMMIT_ASYNC) != 0, tag, timestamp), err);
  });
}

pgz_status pgz_txn_commit(pgz_txn* txn, pgz_error* err) {
  uint64_t timestamp = 0;
  return pgz_txn_commit_submit(txn, nullptr, 0, 0, 0, &timestamp, err);
}

pgz_status pgz_txn_prepare(pgz_txn* txn, void** state, size_t* state_len, pgz_error* err) {
  if (state == nullptr || state_len == nullptr) return invalid("NULL argument", err);
  *state = nullptr;
  *state_len = 0;
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    std::string bytes;
    if (Status made = call.txn->prepare(&bytes); !made.is_ok()) return report(made, err);
    *state = std::malloc(bytes.size());
    if (*state == nullptr) return report(PGZ_OUT_OF_MEMORY, err);
    std::memcpy(*state, bytes.data(), bytes.size());
    *state_len = bytes.size();
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_txn_adopt(pgz_txn* txn, const void* state, size_t state_len, pgz_error* err) {
  if (!readable(state, state_len)) return invalid("state is NULL", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    return s != PGZ_OK ? report(s, err) : report(call.txn->adopt(slice(state, state_len)), err);
  });
}

pgz_status pgz_txn_lock(pgz_txn* txn, const void* batch, size_t batch_len, const pgz_wait* wait,
                        size_t* taken, pgz_error* err) {
  if (taken == nullptr || !readable(batch, batch_len)) return invalid("NULL argument", err);
  *taken = 0;
  return guarded(err, [&] {
    LockWait how;
    if (!wait_of(wait, &how)) return invalid("wait: struct_size", err);
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    for (Slice rest = slice(batch, batch_len); !rest.empty(); (*taken)++) {
      if (rest.size() < PGZ_LOCK_HEADER_BYTES) return invalid("lock batch: cut header", err);
      const char* p = rest.data();
      const uint64_t name_len = get_fixed32(p + 8);
      if (name_len > rest.size() - PGZ_LOCK_HEADER_BYTES) return invalid("lock batch: cut", err);
      const Slice name = rest.substr(PGZ_LOCK_HEADER_BYTES, name_len);
      const Status got = call.txn->lock(static_cast<LockSpace>(p[0]), name,
                                        static_cast<LockMode>(p[1]), get_fixed32(p + 4), how);
      if (!got.is_ok()) return report(got, err);
      rest.remove_prefix(PGZ_LOCK_HEADER_BYTES + name_len);
    }
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_txn_lock_read(pgz_txn* txn, uint32_t row_mode, uint32_t op, const pgz_wait* wait,
                             const void* key, size_t key_len, void* buffer, size_t capacity,
                             pgz_row* row, pgz_error* err) {
  if (row == nullptr || key == nullptr || !readable(buffer, capacity)) {
    return invalid("NULL argument", err);
  }
  return guarded(err, [&] {
    LockWait how;
    if (!wait_of(wait, &how)) return invalid("wait: struct_size", err);
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    if (row_mode > PGZ_ROW_UNWRITTEN) return invalid("unknown row lock mode", err);
    const Status got = call.txn->lock(LockSpace::kRow, slice(key, key_len),
                                      static_cast<LockMode>(row_mode), op, how);
    if (!got.is_ok()) return report(got, err);
    return read_row(call.db, call.txn, PGZ_SNAPSHOT_NEWEST, PGZ_OP_ALL, slice(key, key_len), buffer,
                    capacity, row, err);
  });
}

pgz_status pgz_txn_unlock(pgz_txn* txn, uint32_t space, uint32_t mode, uint32_t op,
                          const void* name, size_t name_len, pgz_error* err) {
  if (name == nullptr) return invalid("name is NULL", err);
  if (space > PGZ_LOCK_NAME || mode > PGZ_TABLE_ACCESS_EXCLUSIVE) {
    return invalid("no such lock", err);
  }
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    return report(call.txn->unlock(static_cast<LockSpace>(space), slice(name, name_len),
                                   static_cast<LockMode>(mode), op),
                  err);
  });
}

pgz_status pgz_txn_cancel(pgz_txn* txn, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn, Handles::Use::kShared);
    if (s != PGZ_OK) return report(s, err);
    return report(call.txn->cancel_wait() ? PGZ_OK : PGZ_NOT_FOUND, err);
  });
}
