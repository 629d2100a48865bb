// Status and Result: how every function of the engine that can fail says so.
//
// A Status is 16 bytes: a code, the operating system's errno where there was one, and a message
// that is built only on failure. The engine throws nothing across a room's border.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/base/assert.h"

namespace pgz {

// Append only: the C ABI maps these one by one.
enum class Code : int32_t {
  kOk = 0,
  kNotFound,
  kOutOfMemory,
  kInvalidArgument,
  kCorruption,  // stored bytes contradict themselves; the message names file and offset
  kIoError,     // the operating system failed a call; sys_errno() says how
  kNoSpace,     // disk full: nothing was changed, it heals when space returns
  kBusy,        // a lock conflict: the call would have to wait
  kConflict,    // a write conflict under snapshot isolation, a serialization failure
  kDeadlock,
  kTimedOut,
  kCancelled,
  kPending,  // a ticket was issued
  kClosed,
  kFailed,  // the instance has stopped (a log write failed); outcome of open work unknown
  kNotSupported,
  kLocked,  // the directory is in use by another process
  kReadOnly,
  kUnknown,
  kExists,         // a file that had to be new is there already
  kSerialization,  // the outcome might equal no serial one; what is left is to roll back
  kTooManyLocks,   // a bound on memory for locks or marks of reads and writes is reached
};

// The code's name in lower case, for messages and logs ("no space").
const char* code_name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&& other) noexcept
      : code_(std::exchange(other.code_, Code::kOk)),
        sys_errno_(std::exchange(other.sys_errno_, 0)),
        message_(std::move(other.message_)) {}
  Status& operator=(Status&& other) noexcept {
    code_ = std::exchange(other.code_, Code::kOk);
    sys_errno_ = std::exchange(other.sys_errno_, 0);
    message_ = std::move(other.message_);
    return *this;
  }

  static Status ok() { return Status(); }
  // code must not be kOk.
  static Status make(Code code, std::string message, int sys_errno = 0);

  bool is_ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  bool is(Code code) const { return code_ == code; }
  const std::string& message() const;  // empty when ok
  int sys_errno() const { return sys_errno_; }

  // "corruption: log/000001.slot at 4096: ..." or "ok".
  std::string to_string() const;

 private:
  Code code_ = Code::kOk;
  int32_t sys_errno_ = 0;
  std::unique_ptr<std::string> message_;
};

static_assert(sizeof(Status) == 16);

// A value or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit
    PGZ_ASSERT(!status_.is_ok());
  }
  template <class U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Status> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result<T>>) Result(U&& value)
      : value_(std::forward<U>(value)) {}  // NOLINT: implicit

  bool is_ok() const { return value_.has_value(); }
  Code code() const { return status_.code(); }
  const Status& status() const { return status_; }
  Status take_status() { return std::move(status_); }
  T& value() {
    PGZ_ASSERT(value_.has_value());
    return *value_;
  }
  const T& value() const {
    PGZ_ASSERT(value_.has_value());
    return *value_;
  }
  T take() {
    PGZ_ASSERT(value_.has_value());
    return std::move(*value_);
  }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace pgz

#define PGZ_CONCAT_INNER_(a, b) a##b
#define PGZ_CONCAT_(a, b) PGZ_CONCAT_INNER_(a, b)

// Leaves the function with the status of `expr` (a Status) unless that is ok.
#define PGZ_TRY(expr)                                                          \
  do {                                                                         \
    ::pgz::Status pgz_try_status_ = (expr);                                    \
    if (__builtin_expect(!pgz_try_status_.is_ok(), 0)) return pgz_try_status_; \
  } while (0)

// PGZ_ASSIGN(auto file, io->open(...)): takes the value of a Result, or leaves with its status.
#define PGZ_ASSIGN(decl, expr) PGZ_ASSIGN_INNER_(PGZ_CONCAT_(pgz_result_, __LINE__), decl, expr)
#define PGZ_ASSIGN_INNER_(result, decl, expr)                            \
  auto result = (expr);                                                  \
  if (__builtin_expect(!result.is_ok(), 0)) return result.take_status(); \
  decl = result.take()
