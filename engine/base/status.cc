#include "engine/base/status.h"

namespace pgz {

const char* code_name(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kNotFound:
      return "not found";
    case Code::kOutOfMemory:
      return "out of memory";
    case Code::kInvalidArgument:
      return "invalid argument";
    case Code::kCorruption:
      return "corruption";
    case Code::kIoError:
      return "i/o error";
    case Code::kNoSpace:
      return "no space";
    case Code::kBusy:
      return "busy";
    case Code::kConflict:
      return "conflict";
    case Code::kDeadlock:
      return "deadlock";
    case Code::kTimedOut:
      return "timed out";
    case Code::kCancelled:
      return "cancelled";
    case Code::kPending:
      return "pending";
    case Code::kClosed:
      return "closed";
    case Code::kFailed:
      return "failed";
    case Code::kNotSupported:
      return "not supported";
    case Code::kLocked:
      return "locked";
    case Code::kReadOnly:
      return "read only";
    case Code::kUnknown:
      return "unknown";
    case Code::kExists:
      return "exists";
    case Code::kSerialization:
      return "serialization failure";
    case Code::kTooManyLocks:
      return "too many locks";
  }
  return "unknown";
}

Status::Status(const Status& other)
    : code_(other.code_),
      sys_errno_(other.sys_errno_),
      message_(other.message_ ? std::make_unique<std::string>(*other.message_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) *this = Status(other);
  return *this;
}

Status Status::make(Code code, std::string message, int sys_errno) {
  PGZ_ASSERT(code != Code::kOk);
  Status s;
  s.code_ = code;
  s.sys_errno_ = sys_errno;
  if (!message.empty()) s.message_ = std::make_unique<std::string>(std::move(message));
  return s;
}

const std::string& Status::message() const {
  static const std::string empty;
  return message_ ? *message_ : empty;
}

std::string Status::to_string() const {
  if (is_ok()) return "ok";
  std::string out = code_name(code_);
  if (message_) out += ": " + *message_;
  return out;
}

}  // namespace pgz
