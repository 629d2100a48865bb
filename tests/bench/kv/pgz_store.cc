// pgz through its C interface, as any program would use it.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "pgz.h"
#include "tests/bench/kv/store.h"

namespace kvbench {

namespace {

void check(pgz_status status, const pgz_error& err, const char* call) {
  if (status == PGZ_OK) return;
  fail(std::string(call) + ": " + pgz_strerror(status) + ": " + err.message);
}

void append_u32(std::string* to, size_t n) {
  const uint32_t v = static_cast<uint32_t>(n);
  for (int i = 0; i < 4; i++) to->push_back(static_cast<char>(v >> (8 * i)));
}

void append_put(std::string* batch, std::string_view key, std::string_view value) {
  const char kind[4] = {PGZ_WRITE_PUT, 0, 0, 0};
  batch->append(kind, 4);
  append_u32(batch, 1);
  append_u32(batch, key.size());
  append_u32(batch, value.size());
  batch->append(key);
  batch->append(value);
}

class PgzStore : public Store {
 public:
  explicit PgzStore(const StoreOptions& options) {
    pgz_options o;
    pgz_options_init(&o);
    o.memory_budget_bytes = options.memory_budget_bytes;
    o.table_io = options.direct ? PGZ_TABLES_DIRECT : PGZ_TABLES_BUFFERED;
    pgz_error err{};
    check(pgz_open(options.dir.c_str(), &o, &db_, &err), err, "pgz_open");
  }
  ~PgzStore() override {
    pgz_error err{};
    check(pgz_close(db_, &err), err, "pgz_close");
  }

  void put(std::string_view key, std::string_view value, bool sync) override {
    pgz_error err{};
    if (sync) {
      check(pgz_put(db_, key.data(), key.size(), value.data(), value.size(), &err), err, "pgz_put");
      return;
    }
    static thread_local std::string batch;
    batch.clear();
    append_put(&batch, key, value);
    commit(batch, PGZ_COMMIT_ASYNC);
  }

  void put_batch(const std::vector<Pair>& pairs, bool sync) override {
    static thread_local std::string batch;
    batch.clear();
    for (const Pair& pair : pairs) append_put(&batch, pair.first, pair.second);
    commit(batch, sync ? 0 : PGZ_COMMIT_ASYNC);
  }

  bool get(std::string_view key, std::string* value) override {
    pgz_error err{};
    pgz_row row;
    if (value->capacity() < 512) value->reserve(512);
    for (;;) {
      value->resize(value->capacity());
      const pgz_status status = pgz_read(db_, nullptr, PGZ_SNAPSHOT_NEWEST, PGZ_OP_ALL, key.data(),
                                         key.size(), value->data(), value->size(), &row, &err);
      if (status == PGZ_BUFFER_TOO_SMALL) {
        value->reserve(row.value_len);
        continue;
      }
      if (status == PGZ_NOT_FOUND) return false;
      check(status, err, "pgz_read");
      value->resize(row.value_len);
      return true;
    }
  }

  size_t scan(std::string_view key, size_t rows, uint64_t* bytes) override {
    static thread_local std::vector<pgz_row> out;
    static thread_local std::vector<char> buffer(size_t{256} << 10);
    if (out.size() < rows) out.resize(rows);
    pgz_error err{};
    pgz_cursor_options o{};
    o.struct_size = sizeof(o);
    o.snapshot = PGZ_SNAPSHOT_NEWEST;
    o.op = PGZ_OP_ALL;
    pgz_cursor* cursor = nullptr;
    check(pgz_cursor_open(db_, nullptr, &o, key.data(), key.size(), nullptr, 0, &cursor, &err), err,
          "pgz_cursor_open");
    size_t found = 0;
    for (bool done = false; !done && found < rows;) {
      pgz_fetch fetch{};
      fetch.struct_size = sizeof(fetch);
      fetch.max_rows = static_cast<uint32_t>(rows - found);
      fetch.rows_out = out.data();
      fetch.buffer = buffer.data();
      fetch.capacity = buffer.size();
      check(pgz_cursor_fetch(cursor, &fetch, &err), err, "pgz_cursor_fetch");
      found += fetch.rows;
      *bytes += fetch.used;
      done = fetch.done != 0;
    }
    check(pgz_cursor_close(cursor, &err), err, "pgz_cursor_close");
    return found;
  }

  void flush() override {
    pgz_error err{};
    check(pgz_flush(db_, &err), err, "pgz_flush");
  }

  bool put_pipelined(const std::vector<Pair>& pairs, size_t per_commit) override {
    const size_t in_flight_max = std::max<size_t>(8, 4096 / per_commit);
    pgz_error err{};
    int fd = -1;
    check(pgz_event_fd(db_, &fd, &err), err, "pgz_event_fd");
    std::string batch;
    size_t in_flight = 0;
    for (size_t at = 0; at < pairs.size();) {
      batch.clear();
      const size_t end = std::min(pairs.size(), at + per_commit);
      for (; at < end; at++) append_put(&batch, pairs[at].first, pairs[at].second);
      pgz_txn* txn = nullptr;
      check(pgz_txn_begin(db_, nullptr, &txn, &err), err, "pgz_txn_begin");
      uint64_t timestamp = 0;
      const pgz_status status =
          pgz_txn_commit_submit(txn, batch.data(), batch.size(), 0, 1, &timestamp, &err);
      if (status == PGZ_PENDING) {
        in_flight++;
      } else {
        check(status, err, "pgz_txn_commit_submit");
      }
      check(pgz_txn_free(txn, &err), err, "pgz_txn_free");
      while (in_flight >= in_flight_max) in_flight -= reap(fd);
    }
    while (in_flight > 0) in_flight -= reap(fd);
    return true;
  }

 private:
  void commit(const std::string& batch, uint32_t flags) {
    pgz_error err{};
    pgz_txn* txn = nullptr;
    check(pgz_txn_begin(db_, nullptr, &txn, &err), err, "pgz_txn_begin");
    uint64_t timestamp = 0;
    check(pgz_txn_commit_submit(txn, batch.data(), batch.size(), flags, 0, &timestamp, &err), err,
          "pgz_txn_commit_submit");
    check(pgz_txn_free(txn, &err), err, "pgz_txn_free");
  }

  // Waits for completions and takes them; how many.
  size_t reap(int fd) {
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, 10'000) <= 0) fail("no completion within 10 s");
    uint64_t ignored;
    if (read(fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN) fail("read of the eventfd");
    static pgz_completion out[512];
    size_t total = 0;
    for (size_t count = 512; count == 512; total += count) {
      pgz_error err{};
      check(pgz_reap(db_, out, 512, &count, &err), err, "pgz_reap");
      for (size_t i = 0; i < count; i++) {
        if (out[i].status != PGZ_OK) fail(std::string("commit: ") + pgz_strerror(out[i].status));
      }
    }
    return total;
  }

  pgz_db* db_ = nullptr;
};

}  // namespace

std::unique_ptr<Store> open_store(const StoreOptions& options) {
  return std::make_unique<PgzStore>(options);
}

std::string describe_store(const StoreOptions& options) {
  return std::string("pgz ") + pgz_version() + ", defaults but for the memory budget, tables " +
         (options.direct ? "direct" : "buffered");
}

}  // namespace kvbench
