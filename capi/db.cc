// Opening, closing, figures, completions, snapshots, counters.
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "capi/api.h"

using namespace pgz;        // NOLINT: the definitions below are C functions
using namespace pgz::capi;  // NOLINT

void pgz_free(void* memory) { std::free(memory); }

void pgz_options_init(pgz_options* options) {
  if (options == nullptr) return;
  *options = pgz_options{};
  options->struct_size = sizeof(*options);
  options->create_if_missing = 1;
}

namespace {

DbOptions options_of(const pgz_options& in) {
  DbOptions o;
  o.create_if_missing = in.create_if_missing != 0;
  o.error_if_exists = in.error_if_exists != 0;
  o.memory_budget_bytes = in.memory_budget_bytes;
  o.memtable_bytes = in.memtable_bytes;
  o.log_slot_bytes = in.log_slot_bytes;
  o.spill_bytes = in.spill_bytes;
  o.lock_memory_bytes = in.lock_memory_bytes;
  o.deadlock_timeout_micros = uint64_t{in.deadlock_timeout_ms} * 1000;
  return o;
}

// False when a value is none of the header's.
bool io_options_of(const pgz_options& in, IoOptions* io) {
  if (in.io_backend > PGZ_IO_URING || in.durable_writes > PGZ_DURABLE_LINKED) return false;
  constexpr IoBackend kBackends[] = {IoBackend::kAuto, IoBackend::kPosix, IoBackend::kUring};
  constexpr DurableMethod kMethods[] = {DurableMethod::kDsyncFlag, DurableMethod::kWriteThenSync,
                                        DurableMethod::kLinkedRing};
  if (in.table_io > PGZ_TABLES_DIRECT) return false;
  io->backend = kBackends[in.io_backend];
  io->direct_tables = in.table_io == PGZ_TABLES_DIRECT;
  if (in.durable_writes != PGZ_DURABLE_AUTO) io->durable_method = kMethods[in.durable_writes - 1];
  return true;
}

// Which number makes no sense, and what would; empty for none. Zero is the default everywhere.
std::string out_of_range(const pgz_options& in) {
  constexpr uint64_t kMax = uint64_t{1} << 48;
  constexpr uint64_t kSlotStep = 4096;
  const struct {
    const char* name;
    uint64_t value;
    uint64_t min;
    uint64_t max;
  } numbers[] = {
      {"memory_budget_bytes", in.memory_budget_bytes, 1 << 20, kMax},
      {"memtable_bytes", in.memtable_bytes, 4 << 10, uint64_t{16} << 30},
      {"log_slot_bytes", in.log_slot_bytes, 32 << 10, uint64_t{16} << 30},
      {"spill_bytes", in.spill_bytes, 1 << 10, kMax},
      {"lock_memory_bytes", in.lock_memory_bytes, 64 << 10, kMax},
  };
  for (const auto& n : numbers) {
    if (n.value == 0 || (n.value >= n.min && n.value <= n.max)) continue;
    return std::string(n.name) + " is " + std::to_string(n.value) + ", not 0 or " +
           std::to_string(n.min) + " to " + std::to_string(n.max);
  }
  if (in.log_slot_bytes % kSlotStep == 0) return {};
  return "log_slot_bytes is no multiple of " + std::to_string(kSlotStep);
}

pgz_status open_db(const char* path, const pgz_options* options, pgz_db** db, pgz_error* err) {
  pgz_options in;
  pgz_options_init(&in);
  if (options != nullptr && !read_struct(options, &in)) return invalid("options: struct_size", err);
  IoOptions io;
  if (!io_options_of(in, &io))
    return invalid("options: io_backend, durable_writes or table_io", err);
  if (const std::string what = out_of_range(in); !what.empty()) {
    return invalid(("options: " + what).c_str(), err);
  }
  auto object = std::make_unique<DbObject>(io);
  object->event_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (object->event_fd < 0) return report(PGZ_IO_ERROR, errno, "eventfd", err);
  const int fd = object->event_fd;
  Result<std::unique_ptr<Db>> opened = Db::open(object->runtime.get(), path, options_of(in), [fd] {
    const uint64_t one = 1;
    // Fails only when the count is full, and then the descriptor is readable already.
    [[maybe_unused]] const ssize_t n = ::write(fd, &one, sizeof(one));
  });
  if (!opened.is_ok()) {
    const Status& s = opened.status();
    if (s.is(Code::kNotSupported)) {
      return report(PGZ_NEWER_FORMAT, 0, s.message().c_str(), err);
    }
    return report(s, err);
  }
  object->db = opened.take();
  uint64_t t = 0;
  const pgz_status added = add_handle(HandleKind::kDb, 0, std::move(object), &t, err);
  *db = handle<pgz_db>(t);
  return added;
}

}  // namespace

pgz_status pgz_open(const char* path, const pgz_options* options, pgz_db** db, pgz_error* err) {
  if (db == nullptr) return invalid("db is NULL", err);
  *db = nullptr;
  if (path == nullptr || path[0] == '\0') return invalid("path is empty", err);
  return guarded(err, [&] { return open_db(path, options, db, err); });
}

pgz_status pgz_close(pgz_db* db, pgz_error* err) {
  return guarded(err, [&] {
    std::unique_ptr<Object> object;
    const pgz_status s = Handles::instance().close(
        HandleKind::kDb, token(db), true,
        [](Object* o) { static_cast<DbObject*>(o)->db->begin_close(); }, &object);
    if (s != PGZ_OK) return report(s, err);
    // No call can add to these any more. Cursors go before the transactions they read through.
    std::vector<std::unique_ptr<Object>> owned;
    for (HandleKind kind : {HandleKind::kTxn, HandleKind::kCursor, HandleKind::kIter}) {
      Handles::instance().close_owned(kind, token(db), &owned);
    }
    while (!owned.empty()) owned.pop_back();
    return report(static_cast<DbObject*>(object.get())->db->close(), err);
  });
}

pgz_status pgz_flush(pgz_db* db, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    return s != PGZ_OK ? report(s, err) : report(call.db->flush(), err);
  });
}

pgz_status pgz_event_fd(pgz_db* db, int* fd, pgz_error* err) {
  if (fd == nullptr) return invalid("fd is NULL", err);
  Call call;
  const pgz_status s = call.pin_db(db);
  if (s == PGZ_OK) *fd = call.pin.as<DbObject>()->event_fd;
  return report(s, err);
}

pgz_status pgz_reap(pgz_db* db, pgz_completion* out, size_t capacity, size_t* count,
                    pgz_error* err) {
  if (out == nullptr || count == nullptr) return invalid("out or count is NULL", err);
  *count = 0;
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    Completion batch[64];
    while (*count < capacity) {
      const size_t want = std::min<size_t>(capacity - *count, std::size(batch));
      const size_t n = call.db->completions()->drain(std::span(batch, want));
      for (size_t i = 0; i < n; i++) {
        out[(*count)++] = {batch[i].tag, batch[i].value, to_pgz(batch[i].code), batch[i].sys_errno};
      }
      if (n < want) break;
    }
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_snapshot_acquire(pgz_db* db, uint64_t* snapshot, pgz_error* err) {
  if (snapshot == nullptr) return invalid("snapshot is NULL", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    if (Status check = call.db->check(); !check.is_ok()) return report(check, err);
    *snapshot = call.db->acquire_snapshot();
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_snapshot_share(pgz_db* db, uint64_t snapshot, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    return call.db->snapshots()->share(snapshot) ? report(PGZ_OK, err)
                                                 : invalid("no such snapshot is registered", err);
  });
}

pgz_status pgz_snapshot_release(pgz_db* db, uint64_t snapshot, pgz_error* err) {
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    return call.db->release_snapshot(snapshot) ? report(PGZ_OK, err)
                                               : invalid("no such snapshot is registered", err);
  });
}

pgz_status pgz_counter_reserve(pgz_db* db, const void* name, size_t name_len, uint64_t n,
                               uint64_t tag, uint64_t* first, pgz_error* err) {
  if (first == nullptr) return invalid("first is NULL", err);
  if (name == nullptr || name_len == 0 || name_len > PGZ_KEY_MAX) return invalid("name", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    return report(call.db->counters()->reserve(slice(name, name_len), n, tag, first), err);
  });
}

pgz_status pgz_counter_get(pgz_db* db, const void* name, size_t name_len, uint64_t* next,
                           pgz_error* err) {
  if (next == nullptr) return invalid("next is NULL", err);
  if (name == nullptr || name_len == 0 || name_len > PGZ_KEY_MAX) return invalid("name", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    *next = call.db->counters()->next(slice(name, name_len));
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_io_describe(pgz_db* db, char* buffer, size_t capacity, pgz_error* err) {
  return guarded(err, [&] {
    if (buffer == nullptr || capacity == 0) return invalid("buffer", err);
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    const std::string text = call.db->describe_io();
    const size_t n = std::min(text.size(), capacity - 1);
    std::memcpy(buffer, text.data(), n);
    buffer[n] = '\0';
    return report(PGZ_OK, err);
  });
}
