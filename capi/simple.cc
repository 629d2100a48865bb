// The calls for people: whole values, transactions that number and lock by themselves.
#include <cstdlib>

#include "capi/api.h"

using namespace pgz;        // NOLINT: the definitions below are C functions
using namespace pgz::capi;  // NOLINT

namespace {

constexpr size_t kIterBufferBytes = 64 * 1024;
constexpr size_t kIterRows = 256;

const char* wrong_key(const void* key, size_t key_len) {
  if (key == nullptr || key_len == 0) return "the key is empty";
  return key_len > PGZ_KEY_MAX ? "a key has at most 16384 bytes" : nullptr;
}

const char* wrong_pair(const void* key, size_t key_len, const void* value, size_t value_len) {
  if (const char* wrong = wrong_key(key, key_len)) return wrong;
  if (!readable(value, value_len)) return "the value is NULL";
  return value_len > PGZ_VALUE_MAX ? "a value has less than 1 GiB" : nullptr;
}

// One write in a transaction of its own.
pgz_status write_once(pgz_db* db, Kind kind, Slice key, Slice value, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    TransactionOptions options;
    options.repeatable_read = false;
    const std::shared_ptr<Transaction> txn = call.db->begin(options);
    Status done = txn->simple_write(kind, key, value);
    uint64_t timestamp = 0;
    if (done.is_ok()) done = txn->commit(false, 0, &timestamp);
    return report(done, err);
  });
}

pgz_status write_in(pgz_txn* txn, Kind kind, Slice key, Slice value, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    return report(call.txn->simple_write(kind, key, value), err);
  });
}

pgz_status get_copy(const Call& call, Slice key, void** value, size_t* value_len, pgz_error* err) {
  ReadResult result;
  const uint64_t snapshot = call.txn == nullptr ? kNewest : call.txn->simple_snapshot();
  {
    const LatencyTimer timer(sampled_read(call.db));
    call.db->read(call.txn, snapshot, kOpAll, key, &result);
  }
  if (!result.status.is_ok()) return report(result.status, err);
  *value = std::malloc(std::max<size_t>(result.value.size(), 1));
  if (*value == nullptr) return report(PGZ_OUT_OF_MEMORY, err);
  std::memcpy(*value, result.value.data(), result.value.size());
  *value_len = result.value.size();
  return PGZ_OK;
}

pgz_status scan(pgz_db* db, pgz_txn* txn, Slice lower, Slice upper, pgz_iter** iter,
                pgz_error* err) {
  *iter = nullptr;
  return guarded(err, [&] {
    Call call;
    const pgz_status s = txn != nullptr ? call.pin_txn(txn) : call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    if (Status check = call.db->check(); !check.is_ok()) return report(check, err);
    auto object = std::make_unique<IterObject>();
    object->txn = token(txn);
    object->db = txn != nullptr ? call.pin.as<TxnObject>()->db_token : token(db);
    CursorOptions o;
    if (call.txn != nullptr) o.snapshot = call.txn->simple_snapshot();
    object->cursor = std::make_unique<Cursor>(call.db, call.txn, o, lower, upper);
    const uint64_t owner = object->db;
    uint64_t t = 0;
    const pgz_status added = add_handle(HandleKind::kIter, owner, std::move(object), &t, err);
    if (added != PGZ_OK) return added;
    if (txn != nullptr) call.pin.as<TxnObject>()->readers.push_back(t);
    *iter = handle<pgz_iter>(t);
    return report(PGZ_OK, err);
  });
}

// Fetches the next batch; kNotFound at the end.
Status refill(IterObject* iter) {
  if (iter->rows.empty()) {
    iter->rows.resize(kIterRows);
    iter->buffer.resize(kIterBufferBytes);
  }
  iter->at = iter->count = 0;
  while (iter->count == 0) {
    if (iter->done) return Status::make(Code::kNotFound, "");
    FetchBatch batch;
    batch.rows = iter->rows.data();
    batch.max_rows = static_cast<uint32_t>(iter->rows.size());
    batch.buffer = iter->buffer.data();
    batch.capacity = iter->buffer.size();
    Status s = iter->cursor->fetch(&batch);
    if (s.is(Code::kOutOfMemory) && batch.needed > iter->buffer.size()) {
      iter->buffer.resize(batch.needed);
      continue;
    }
    PGZ_TRY(std::move(s));
    iter->count = batch.count;
    iter->done = batch.done;
  }
  return Status::ok();
}

}  // namespace

pgz_status pgz_put(pgz_db* db, const void* key, size_t key_len, const void* value, size_t value_len,
                   pgz_error* err) {
  if (const char* wrong = wrong_pair(key, key_len, value, value_len)) return invalid(wrong, err);
  return write_once(db, Kind::kValue, slice(key, key_len), slice(value, value_len), err);
}

pgz_status pgz_delete(pgz_db* db, const void* key, size_t key_len, pgz_error* err) {
  if (const char* wrong = wrong_key(key, key_len)) return invalid(wrong, err);
  return write_once(db, Kind::kTombstone, slice(key, key_len), {}, err);
}

pgz_status pgz_get(pgz_db* db, const void* key, size_t key_len, void** value, size_t* value_len,
                   pgz_error* err) {
  if (const char* wrong = wrong_key(key, key_len)) return invalid(wrong, err);
  if (value == nullptr || value_len == nullptr) return invalid("value or value_len is NULL", err);
  *value = nullptr;
  *value_len = 0;
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    return get_copy(call, slice(key, key_len), value, value_len, err);
  });
}

pgz_status pgz_txn_put(pgz_txn* txn, const void* key, size_t key_len, const void* value,
                       size_t value_len, pgz_error* err) {
  if (const char* wrong = wrong_pair(key, key_len, value, value_len)) return invalid(wrong, err);
  return write_in(txn, Kind::kValue, slice(key, key_len), slice(value, value_len), err);
}

pgz_status pgz_txn_delete(pgz_txn* txn, const void* key, size_t key_len, pgz_error* err) {
  if (const char* wrong = wrong_key(key, key_len)) return invalid(wrong, err);
  return write_in(txn, Kind::kTombstone, slice(key, key_len), {}, err);
}

pgz_status pgz_txn_get(pgz_txn* txn, const void* key, size_t key_len, void** value,
                       size_t* value_len, pgz_error* err) {
  if (const char* wrong = wrong_key(key, key_len)) return invalid(wrong, err);
  if (value == nullptr || value_len == nullptr) return invalid("value or value_len is NULL", err);
  *value = nullptr;
  *value_len = 0;
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    return get_copy(call, slice(key, key_len), value, value_len, err);
  });
}

pgz_status pgz_scan(pgz_db* db, const void* lower, size_t lower_len, const void* upper,
                    size_t upper_len, pgz_iter** iter, pgz_error* err) {
  if (iter == nullptr || !readable(lower, lower_len) || !readable(upper, upper_len)) {
    return invalid("NULL argument", err);
  }
  return scan(db, nullptr, slice(lower, lower_len), slice(upper, upper_len), iter, err);
}

pgz_status pgz_txn_scan(pgz_txn* txn, const void* lower, size_t lower_len, const void* upper,
                        size_t upper_len, pgz_iter** iter, pgz_error* err) {
  if (txn == nullptr || iter == nullptr || !readable(lower, lower_len) ||
      !readable(upper, upper_len)) {
    return invalid("NULL argument", err);
  }
  return scan(nullptr, txn, slice(lower, lower_len), slice(upper, upper_len), iter, err);
}

pgz_status pgz_iter_next(pgz_iter* iter, const void** key, size_t* key_len, const void** value,
                         size_t* value_len, pgz_error* err) {
  if (key == nullptr || key_len == nullptr || value == nullptr || value_len == nullptr) {
    return invalid("NULL argument", err);
  }
  return guarded(err, [&] {
    Handles::Pin pin;
    pgz_status s =
        Handles::instance().pin(HandleKind::kIter, token(iter), Handles::Use::kExclusive, &pin);
    if (s != PGZ_OK) return report(s, err);
    auto* object = pin.as<IterObject>();
    Call source;
    s = source.pin_source(*object);
    if (s != PGZ_OK) return report(s, err);
    if (object->at == object->count) {
      if (Status got = refill(object); !got.is_ok()) return report(got, err);
    }
    const RowOut& row = object->rows[object->at++];
    *key = object->buffer.data() + row.key_offset;
    *key_len = row.key_len;
    *value = object->buffer.data() + row.value_offset;
    *value_len = row.value_len;
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_iter_close(pgz_iter* iter, pgz_error* err) {
  return guarded(err, [&] { return report(close_reader(HandleKind::kIter, token(iter)), err); });
}
