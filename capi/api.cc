#include "capi/api.h"

#include <unistd.h>

#include <cstdio>

namespace pgz::capi {

DbObject::~DbObject() {
  db.reset();
  if (event_fd >= 0) ::close(event_fd);
}

pgz_status to_pgz(Code code) {
  switch (code) {
    case Code::kOk:
      return PGZ_OK;
    case Code::kNotFound:
      return PGZ_NOT_FOUND;
    case Code::kOutOfMemory:
      return PGZ_OUT_OF_MEMORY;
    case Code::kInvalidArgument:
      return PGZ_INVALID_ARG;
    case Code::kCorruption:
      return PGZ_CORRUPTION;
    case Code::kIoError:
      return PGZ_IO_ERROR;
    case Code::kNoSpace:
      return PGZ_NO_SPACE;
    case Code::kBusy:
      return PGZ_BUSY;
    case Code::kConflict:
      return PGZ_CONFLICT;
    case Code::kDeadlock:
      return PGZ_DEADLOCK;
    case Code::kTimedOut:
      return PGZ_TIMED_OUT;
    case Code::kCancelled:
      return PGZ_CANCELLED;
    case Code::kPending:
      return PGZ_PENDING;
    case Code::kClosed:
      return PGZ_CLOSED;
    case Code::kFailed:
      return PGZ_FAILED;
    case Code::kNotSupported:
      return PGZ_NOT_SUPPORTED;
    case Code::kLocked:
      return PGZ_LOCKED;
    case Code::kReadOnly:
      return PGZ_READ_ONLY;
    case Code::kUnknown:
      return PGZ_UNKNOWN;
    case Code::kExists:
      return PGZ_IO_ERROR;
    case Code::kSerialization:
      return PGZ_SERIALIZATION;
    case Code::kTooManyLocks:
      return PGZ_TOO_MANY_LOCKS;
  }
  return PGZ_UNKNOWN;
}

pgz_status report(pgz_status status, int sys_errno, const char* message, pgz_error* err) {
  const bool answer =
      status == PGZ_OK || status == PGZ_PENDING || (status == PGZ_NOT_FOUND && message[0] == '\0');
  if (err == nullptr || answer) return status;
  err->code = status;
  err->sys_errno = sys_errno;
  std::snprintf(err->message, sizeof(err->message), "%s",
                message[0] != '\0' ? message : pgz_strerror(status));
  return status;
}

pgz_status report(const Status& status, pgz_error* err) {
  if (status.is_ok()) return PGZ_OK;
  return report(to_pgz(status.code()), status.sys_errno(), status.message().c_str(), err);
}

pgz_status report(pgz_status status, pgz_error* err) { return report(status, 0, "", err); }

pgz_status add_handle(HandleKind kind, uint64_t owner, std::unique_ptr<Object> object,
                      uint64_t* token, pgz_error* err) {
  const pgz_status s = Handles::instance().add(kind, owner, std::move(object), token);
  return report(s, 0, s == PGZ_OK ? "" : "too many handles are open", err);
}

pgz_status invalid(const char* what, pgz_error* err) {
  return report(PGZ_INVALID_ARG, 0, what, err);
}

pgz_status report_exception(pgz_error* err) {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return report(PGZ_OUT_OF_MEMORY, err);
  } catch (const std::exception& e) {
    return report(PGZ_UNKNOWN, 0, e.what(), err);
  } catch (...) {
    return report(PGZ_UNKNOWN, err);
  }
}

pgz_status Call::pin_db_token(uint64_t token) {
  const pgz_status s = Handles::instance().pin(HandleKind::kDb, token, Handles::Use::kShared, &pin);
  if (s == PGZ_OK) db = pin.as<DbObject>()->db.get();
  return s;
}

pgz_status Call::pin_db(const pgz_db* handle) { return pin_db_token(token(handle)); }

pgz_status Call::pin_txn_token(uint64_t token, Handles::Use use) {
  const pgz_status s = Handles::instance().pin(HandleKind::kTxn, token, use, &pin);
  if (s != PGZ_OK) return s;
  db = pin.as<TxnObject>()->db;
  txn = pin.as<TxnObject>()->txn.get();
  return PGZ_OK;
}

// Calls that may come at any time cope with a transaction that is over; the rest need it open.
pgz_status Call::pin_txn(const pgz_txn* handle, Handles::Use use) {
  const pgz_status s = pin_txn_token(token(handle), use);
  if (s != PGZ_OK || use == Handles::Use::kShared) return s;
  if (!txn->open()) return PGZ_TXN_OVER;
  return txn->waiting() ? PGZ_MISUSE : PGZ_OK;
}

pgz_status Call::pin_either(const pgz_db* db_handle, const pgz_txn* txn_handle) {
  if (txn_handle == nullptr) return pin_db(db_handle);
  const pgz_status s = pin_txn(txn_handle);
  if (s != PGZ_OK) return s;
  return pin.as<TxnObject>()->db_token == token(db_handle) ? PGZ_OK : PGZ_INVALID_ARG;
}

pgz_status Call::pin_db_of(HandleKind kind, uint64_t token) {
  uint64_t database = 0;
  {
    Handles::Pin other;
    const pgz_status s = Handles::instance().pin(kind, token, Handles::Use::kShared, &other);
    if (s != PGZ_OK) return s;
    database = other.as<Object>()->database();
  }
  return pin_db_token(database);
}

pgz_status Call::pin_source(const ReaderObject& reader) {
  return reader.txn == 0 ? pin_db_token(reader.db) : pin_txn(handle<pgz_txn>(reader.txn));
}

}  // namespace pgz::capi

using namespace pgz::capi;

const char* pgz_strerror(pgz_status status) {
  switch (status) {
    case PGZ_OK:
      return "ok";
    case PGZ_NOT_FOUND:
      return "not found";
    case PGZ_OUT_OF_MEMORY:
      return "out of memory";
    case PGZ_INVALID_ARG:
      return "invalid argument";
    case PGZ_PENDING:
      return "pending";
    case PGZ_BUSY:
      return "lock not available";
    case PGZ_CONFLICT:
      return "write conflict";
    case PGZ_DEADLOCK:
      return "deadlock detected";
    case PGZ_TIMED_OUT:
      return "timed out";
    case PGZ_CANCELLED:
      return "cancelled";
    case PGZ_CORRUPTION:
      return "data corruption";
    case PGZ_IO_ERROR:
      return "input/output error";
    case PGZ_NO_SPACE:
      return "no space left on device";
    case PGZ_LOCKED:
      return "directory is in use by another process";
    case PGZ_NEWER_FORMAT:
      return "directory was written by a newer version";
    case PGZ_CLOSED:
      return "handle is closed";
    case PGZ_FAILED:
      return "instance has stopped after a failure";
    case PGZ_READ_ONLY:
      return "transaction is read-only";
    case PGZ_NOT_SUPPORTED:
      return "not supported";
    case PGZ_BUFFER_TOO_SMALL:
      return "buffer too small";
    case PGZ_TOO_MANY_LOCKS:
      return "out of lock memory";
    case PGZ_TXN_OVER:
      return "transaction has ended";
    case PGZ_MISUSE:
      return "handle is in use by another call";
    case PGZ_SERIALIZATION:
      return "serialization failure";
    default:
      return "unknown error";
  }
}

const char* pgz_version(void) { return "0.1.0"; }

uint32_t pgz_abi_version(void) { return PGZ_ABI_VERSION; }
