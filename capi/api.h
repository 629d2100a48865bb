// What the files of capi/ share: objects behind handles, error mapping, the one catch.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "capi/handles.h"
#include "engine/base/status.h"
#include "engine/db/cursor.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/posix.h"
#include "pgz.h"

namespace pgz::capi {

struct DbObject final : Object {
  uint64_t database() const override { return 0; }
  explicit DbObject(const IoOptions& io) : runtime(io) {}
  ~DbObject() override;

  PosixRuntime runtime;
  int event_fd = -1;
  std::unique_ptr<Db> db;
};

// Something that reads through a database or a transaction.
struct ReaderObject : Object {
  uint64_t database() const override { return db; }

  uint64_t db = 0;
  uint64_t txn = 0;  // 0: none
  std::unique_ptr<Cursor> cursor;
};

struct CursorObject final : ReaderObject {};

// A cursor and the batch it is read in.
struct IterObject final : ReaderObject {
  std::vector<RowOut> rows;
  std::string buffer;
  uint32_t at = 0;
  uint32_t count = 0;
  bool done = false;
};

struct TxnObject final : Object {
  uint64_t database() const override { return db_token; }

  uint64_t db_token = 0;
  Db* db = nullptr;
  std::shared_ptr<Transaction> txn;
  std::vector<uint64_t> readers;  // tokens of its cursors and iterators; changed by exclusive calls
};

template <class T>
uint64_t token(const T* handle) {
  return reinterpret_cast<uintptr_t>(handle);
}
template <class T>
T* handle(uint64_t token) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(token));
}

pgz_status to_pgz(Code code);
// Fills *err (may be null) unless the status is an answer.
pgz_status report(pgz_status status, int sys_errno, const char* message, pgz_error* err);
pgz_status report(const Status& status, pgz_error* err);
pgz_status report(pgz_status status, pgz_error* err);
// Handles::add, reported.
pgz_status add_handle(HandleKind kind, uint64_t owner, std::unique_ptr<Object> object,
                      uint64_t* token, pgz_error* err);
pgz_status invalid(const char* what, pgz_error* err);
// Called inside a catch block.
pgz_status report_exception(pgz_error* err);

// Runs a call's body. The only place where exceptions are caught.
template <class Body>
pgz_status guarded(pgz_error* err, Body body) {
  try {
    return body();
  } catch (...) {
    return report_exception(err);
  }
}

// A database, or a transaction and its database, for the time of a call.
struct Call {
  Handles::Pin pin;
  Db* db = nullptr;
  Transaction* txn = nullptr;

  pgz_status pin_db(const pgz_db* handle);
  pgz_status pin_db_token(uint64_t token);
  pgz_status pin_txn(const pgz_txn* handle, Handles::Use use = Handles::Use::kExclusive);
  pgz_status pin_txn_token(uint64_t token, Handles::Use use);
  // The transaction where there is one, else the database.
  pgz_status pin_either(const pgz_db* db, const pgz_txn* txn);
  // The database that a handle of another kind belongs to.
  pgz_status pin_db_of(HandleKind kind, uint64_t token);
  // What a reader reads through.
  pgz_status pin_source(const ReaderObject& reader);
};

// Copies as much of the caller's struct as both sides know. False when its size is not plausible.
template <class T>
bool read_struct(const T* from, T* to) {
  *to = T{};
  if (from->struct_size < 2 * sizeof(uint32_t)) return false;
  std::memcpy(to, from, std::min<size_t>(from->struct_size, sizeof(T)));
  return true;
}
template <class T>
void write_struct(const T& from, T* to) {
  const uint32_t size = to->struct_size;
  std::memcpy(to, &from, std::min<size_t>(size, sizeof(T)));
  to->struct_size = size;
}

// Records the time until its end. Not through the engine's clock: that has microseconds, and a read
// from memory takes less.
class LatencyTimer {
 public:
  // null: records nothing
  explicit LatencyTimer(SharedHistogram* to) : to_(to) {
    if (to_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~LatencyTimer() {
    if (to_ == nullptr) return;
    const auto taken = std::chrono::steady_clock::now() - start_;
    to_->record(static_cast<uint64_t>(std::chrono::nanoseconds(taken).count()));
  }
  LatencyTimer(const LatencyTimer&) = delete;
  LatencyTimer& operator=(const LatencyTimer&) = delete;

 private:
  SharedHistogram* const to_;
  std::chrono::steady_clock::time_point start_;
};

// Where this thread's point read is to be recorded: one in kReadSample, since two looks at the
// clock and the shared counters cost a tenth of a read from memory.
inline SharedHistogram* sampled_read(Db* db) {
  static thread_local uint32_t reads = 0;
  return ++reads % DbLatencies::kReadSample == 0 ? &db->latencies()->read : nullptr;
}

// Reads one row into the caller's buffer, as pgz_read says.
pgz_status read_row(Db* db, Transaction* txn, uint64_t snapshot, uint32_t op, Slice key,
                    void* buffer, size_t capacity, pgz_row* row, pgz_error* err);
// Closes one cursor or iterator, or all of a transaction.
pgz_status close_reader(HandleKind kind, uint64_t token);
void close_readers(TxnObject* txn);

inline Slice slice(const void* data, size_t size) {
  return Slice(static_cast<const char*>(data), size);
}
// Whether (data, size) may be read.
inline bool readable(const void* data, size_t size) { return data != nullptr || size == 0; }

}  // namespace pgz::capi
