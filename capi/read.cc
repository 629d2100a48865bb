// Batch-shaped reads: point reads, multi-get, cursors.
#include <cstddef>

#include "capi/api.h"
#include "engine/base/coding.h"

using namespace pgz;        // NOLINT: the definitions below are C functions
using namespace pgz::capi;  // NOLINT

static_assert(sizeof(pgz_row) == sizeof(RowOut) && sizeof(pgz_row) == 32);
static_assert(offsetof(pgz_row, value_len) == offsetof(RowOut, value_len));
static_assert(offsetof(pgz_row, kind) == offsetof(RowOut, kind));
static_assert(offsetof(pgz_row, timestamp) == offsetof(RowOut, timestamp));

namespace pgz::capi {

namespace {

constexpr size_t kScratchKeepBytes = 64 * 1024;

// A read's result with its string's memory kept from call to call.
ReadResult* scratch() {
  thread_local ReadResult result;
  if (result.value.capacity() > kScratchKeepBytes) std::string().swap(result.value);
  return &result;
}

uint8_t version_kind(const ReadResult& result) {
  if (!result.own && result.version_ts == 0) return PGZ_VERSION_NONE;
  switch (result.kind) {
    case Kind::kValue:
      return PGZ_VERSION_VALUE;
    case Kind::kMovedTombstone:
      return PGZ_VERSION_MOVED;
    default:
      return PGZ_VERSION_DELETED;
  }
}

// Describes what was found; its bytes are in result.value.
void describe(const ReadResult& result, pgz_row* row) {
  *row = pgz_row{};
  row->kind = version_kind(result);
  row->own = result.own ? 1 : 0;
  row->timestamp = result.own ? 0 : result.version_ts;
  if (row->kind == PGZ_VERSION_VALUE || row->kind == PGZ_VERSION_MOVED) {
    row->value_len = static_cast<uint32_t>(result.value.size());
  }
}

bool answered(const Status& status) { return status.is_ok() || status.is(Code::kNotFound); }

}  // namespace

pgz_status read_row(Db* db, Transaction* txn, uint64_t snapshot, uint32_t op, Slice key,
                    void* buffer, size_t capacity, pgz_row* row, pgz_error* err) {
  ReadResult* result = scratch();
  const LatencyTimer timer(sampled_read(db));
  db->read(txn, snapshot, op, key, result);
  if (!answered(result->status)) return report(result->status, err);
  describe(*result, row);
  if (row->value_len > capacity) return report(PGZ_BUFFER_TOO_SMALL, err);
  if (row->value_len != 0) std::memcpy(buffer, result->value.data(), row->value_len);
  return row->kind == PGZ_VERSION_VALUE ? PGZ_OK : PGZ_NOT_FOUND;
}

pgz_status close_reader(HandleKind kind, uint64_t token) {
  Call database;
  pgz_status s = database.pin_db_of(kind, token);
  if (s != PGZ_OK) return s;
  uint64_t txn_token = 0;
  {
    Handles::Pin pin;
    s = Handles::instance().pin(kind, token, Handles::Use::kExclusive, &pin);
    if (s != PGZ_OK) return s;
    txn_token = pin.as<ReaderObject>()->txn;
  }
  Call txn;
  if (txn_token != 0) {
    s = txn.pin_txn_token(txn_token, Handles::Use::kExclusive);
    if (s != PGZ_OK) return s;
    std::erase(txn.pin.as<TxnObject>()->readers, token);
  }
  std::unique_ptr<Object> object;
  s = Handles::instance().close(kind, token, false, nullptr, &object);
  object.reset();
  return s;
}

void close_readers(TxnObject* txn) {
  std::unique_ptr<Object> reader;
  for (uint64_t token : txn->readers) {
    for (HandleKind kind : {HandleKind::kCursor, HandleKind::kIter}) {
      if (Handles::instance().close(kind, token, true, nullptr, &reader) == PGZ_OK) reader.reset();
    }
  }
  txn->readers.clear();
}

}  // namespace pgz::capi

namespace {

bool fetch_of(const pgz_fetch* in, pgz_fetch* out) {
  return in != nullptr && read_struct(in, out) && readable(out->buffer, out->capacity) &&
         readable(out->rows_out, out->max_rows);
}

pgz_status multi_get(const Call& call, uint64_t snapshot, uint32_t op, Slice keys, pgz_fetch* f,
                     pgz_error* err) {
  const uint64_t capacity = std::min<uint64_t>(f->capacity, UINT32_MAX);
  // One snapshot for all of them.
  const bool newest = snapshot == PGZ_SNAPSHOT_NEWEST;
  if (newest) snapshot = call.db->acquire_snapshot();
  pgz_status status = PGZ_OK;
  ReadResult* result = scratch();
  while (status == PGZ_OK && !keys.empty() && f->rows < f->max_rows) {
    const uint64_t key_len = keys.size() < 4 ? UINT64_MAX : get_fixed32(keys.data());
    if (key_len > keys.size() - 4) {
      status = invalid("keys: cut entry", err);
      break;
    }
    call.db->read(call.txn, snapshot, op, keys.substr(4, key_len), result);
    if (!answered(result->status)) {
      status = report(result->status, err);
      break;
    }
    pgz_row* row = &f->rows_out[f->rows];
    describe(*result, row);
    const uint64_t bytes = key_len + row->value_len;
    if (f->used + bytes > capacity) {
      f->needed = bytes;
      if (f->rows == 0) status = report(PGZ_BUFFER_TOO_SMALL, err);
      break;
    }
    char* to = static_cast<char*>(f->buffer) + f->used;
    row->key_offset = static_cast<uint32_t>(f->used);
    row->key_len = static_cast<uint32_t>(key_len);
    row->value_offset = static_cast<uint32_t>(f->used + key_len);
    std::memcpy(to, keys.data() + 4, key_len);
    if (row->value_len != 0) std::memcpy(to + key_len, result->value.data(), row->value_len);
    f->used += bytes;
    f->rows++;
    keys.remove_prefix(4 + key_len);
  }
  if (newest) call.db->release_snapshot(snapshot);
  f->done = keys.empty() ? 1 : 0;
  return status;
}

}  // namespace

pgz_status pgz_read(pgz_db* db, pgz_txn* txn, uint64_t snapshot, uint32_t op, const void* key,
                    size_t key_len, void* buffer, size_t capacity, pgz_row* row, pgz_error* err) {
  if (row == nullptr || key == nullptr || !readable(buffer, capacity)) {
    return invalid("NULL argument", err);
  }
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_either(db, txn);
    if (s != PGZ_OK) return report(s, err);
    return read_row(call.db, call.txn, snapshot, op, slice(key, key_len), buffer, capacity, row,
                    err);
  });
}

pgz_status pgz_multi_get(pgz_db* db, pgz_txn* txn, uint64_t snapshot, uint32_t op, const void* keys,
                         size_t keys_len, pgz_fetch* fetch, pgz_error* err) {
  pgz_fetch f;
  if (!fetch_of(fetch, &f) || !readable(keys, keys_len)) return invalid("fetch or keys", err);
  f.rows = f.done = 0;
  f.used = f.needed = 0;
  return guarded(err, [&] {
    Call call;
    pgz_status s = call.pin_either(db, txn);
    if (s != PGZ_OK) return report(s, err);
    s = multi_get(call, snapshot, op, slice(keys, keys_len), &f, err);
    write_struct(f, fetch);
    return s;
  });
}

pgz_status pgz_cursor_open(pgz_db* db, pgz_txn* txn, const pgz_cursor_options* options,
                           const void* lower, size_t lower_len, const void* upper, size_t upper_len,
                           pgz_cursor** cursor, pgz_error* err) {
  if (cursor == nullptr || !readable(lower, lower_len) || !readable(upper, upper_len)) {
    return invalid("NULL argument", err);
  }
  *cursor = nullptr;
  return guarded(err, [&] {
    pgz_cursor_options in{};
    in.snapshot = PGZ_SNAPSHOT_NEWEST;
    in.op = PGZ_OP_ALL;
    if (options != nullptr && !read_struct(options, &in)) return invalid("options", err);
    Call call;
    const pgz_status s = call.pin_either(db, txn);
    if (s != PGZ_OK) return report(s, err);
    auto object = std::make_unique<CursorObject>();
    object->db = token(db);
    object->txn = token(txn);
    const CursorOptions o{in.snapshot, in.op, in.reverse != 0, in.keys_only != 0};
    object->cursor = std::make_unique<Cursor>(call.db, call.txn, o, slice(lower, lower_len),
                                              slice(upper, upper_len));
    uint64_t t = 0;
    const pgz_status added = add_handle(HandleKind::kCursor, token(db), std::move(object), &t, err);
    if (added != PGZ_OK) return added;
    if (txn != nullptr) call.pin.as<TxnObject>()->readers.push_back(t);
    *cursor = handle<pgz_cursor>(t);
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_cursor_fetch(pgz_cursor* cursor, pgz_fetch* fetch, pgz_error* err) {
  pgz_fetch f;
  if (!fetch_of(fetch, &f)) return invalid("fetch", err);
  return guarded(err, [&] {
    Handles::Pin pin;
    pgz_status s =
        Handles::instance().pin(HandleKind::kCursor, token(cursor), Handles::Use::kExclusive, &pin);
    if (s != PGZ_OK) return report(s, err);
    auto* object = pin.as<CursorObject>();
    Call source;
    s = source.pin_source(*object);
    if (s != PGZ_OK) return report(s, err);
    FetchBatch batch;
    batch.rows = reinterpret_cast<RowOut*>(f.rows_out);
    batch.max_rows = f.max_rows;
    batch.buffer = static_cast<char*>(f.buffer);
    batch.capacity = std::min<uint64_t>(f.capacity, UINT32_MAX);
    batch.cancel = f.cancel;
    batch.max_steps = f.max_steps;
    Status got;
    {
      const LatencyTimer timer(&source.db->latencies()->scan);
      got = object->cursor->fetch(&batch);
    }
    f.rows = batch.count;
    f.done = batch.done ? 1 : 0;
    f.used = batch.used;
    f.needed = batch.needed;
    write_struct(f, fetch);
    if (got.is(Code::kOutOfMemory) && batch.needed != 0) return report(PGZ_BUFFER_TOO_SMALL, err);
    return report(got, err);
  });
}

pgz_status pgz_cursor_close(pgz_cursor* cursor, pgz_error* err) {
  return guarded(err,
                 [&] { return report(close_reader(HandleKind::kCursor, token(cursor)), err); });
}

pgz_status pgz_approximate_bytes(pgz_db* db, const void* lower, size_t lower_len, const void* upper,
                                 size_t upper_len, uint64_t* bytes, pgz_error* err) {
  if (bytes == nullptr || !readable(lower, lower_len) || !readable(upper, upper_len)) {
    return invalid("NULL argument", err);
  }
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    *bytes = call.db->approximate_bytes(slice(lower, lower_len), slice(upper, upper_len));
    return report(PGZ_OK, err);
  });
}
