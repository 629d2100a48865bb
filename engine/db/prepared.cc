// Prepared transactions: what a transaction holds, as bytes from which it can be made again.
//
// State: fixed32 version | fixed32 flags (bit 0: serializable) | fixed64 bytes of writes | writes |
// locks. A write is u8 kind (Kind) | varint32 key length | varint64 value length | key | value, in
// key order, one per key; a lock is u8 space | u8 mode | varint32 name length | name.
// docs/formats.md has the same.
#include "engine/base/coding.h"
#include "engine/db/transaction.h"

namespace pgz {

namespace {

constexpr uint32_t kStateVersion = 1;
constexpr uint32_t kStateSerializable = 1;
constexpr size_t kStateHeaderBytes = 16;
// A state is one value of the database it protects.
constexpr size_t kStateBytesMax = size_t{512} << 20;

Status damaged() { return Status::make(Code::kCorruption, "a prepared transaction's state"); }

bool take_bytes(Slice* in, uint64_t n, Slice* out) {
  if (n > in->size()) return false;
  *out = in->substr(0, n);
  in->remove_prefix(n);
  return true;
}

}  // namespace

Status Transaction::prepare(std::string* state) {
  state->clear();
  PGZ_TRY(check_open());
  if (own_ != nullptr && own_->has_ranges()) {
    return Status::make(Code::kNotSupported,
                        "a transaction that created or dropped ranges cannot be prepared");
  }
  state->resize(kStateHeaderBytes);
  if (own_ != nullptr) {
    auto writes = own_->new_iterator(kOpAll, false);
    if (!writes.is_ok()) return writes.status();
    OwnIterator& it = *writes.value();
    for (it.seek_to_start(); it.valid(); it.next()) {
      state->push_back(static_cast<char>(it.version().kind));
      put_varint32(state, static_cast<uint32_t>(it.key().size()));
      put_varint64(state, it.version().value.size());
      state->append(it.key().data(), it.key().size());
      state->append(it.version().value.data(), it.version().value.size());
      if (state->size() > kStateBytesMax) {
        return Status::make(Code::kNotSupported, "the transaction is too large to be prepared");
      }
    }
    PGZ_TRY(it.status());
  }
  const uint64_t write_bytes = state->size() - kStateHeaderBytes;
  db_->locks()->for_each_held(owner_, [&](LockSpace space, LockMode mode, Slice name) {
    state->push_back(static_cast<char>(space));
    state->push_back(static_cast<char>(mode));
    put_varint32(state, static_cast<uint32_t>(name.size()));
    state->append(name.data(), name.size());
  });
  put_fixed32(state->data(), kStateVersion);
  put_fixed32(state->data() + 4, serial_ == nullptr ? 0 : kStateSerializable);
  put_fixed64(state->data() + 8, write_bytes);
  if (state->size() > kStateBytesMax) {
    return Status::make(Code::kNotSupported, "the transaction is too large to be prepared");
  }
  // From here on others fail, not this one.
  if (serial_ != nullptr) PGZ_TRY(db_->serializability()->prepare(serial_));
  end_snapshot();
  owner_.detach();
  return Status::ok();
}

Status Transaction::adopt(Slice state) {
  constexpr OpNum kOp = 1;
  PGZ_TRY(check_open());
  if (state.size() < kStateHeaderBytes) return damaged();
  if (get_fixed32(state.data()) != kStateVersion) {
    return Status::make(Code::kNotSupported, "a prepared transaction of a newer version");
  }
  if ((get_fixed32(state.data() + 4) & kStateSerializable) != 0 && serial_ == nullptr) {
    serial_ = db_->serializability()->adopt(options_.session);
    serial_id_ = serial_->id();
  }
  const uint64_t write_bytes = get_fixed64(state.data() + 8);
  state.remove_prefix(kStateHeaderBytes);
  Slice writes;
  if (!take_bytes(&state, write_bytes, &writes)) return damaged();
  LockWait wait;
  wait.try_only = true;
  while (!state.empty()) {
    if (state.size() < 2) return damaged();
    const auto space = static_cast<LockSpace>(state.data()[0]);
    const auto mode = static_cast<LockMode>(state.data()[1]);
    state.remove_prefix(2);
    uint32_t n = 0;
    Slice name;
    if (!get_varint32(&state, &n) || !take_bytes(&state, n, &name)) return damaged();
    PGZ_TRY(lock(space, name, mode, kOp, wait));
  }
  while (!writes.empty()) {
    const auto kind = static_cast<Kind>(writes.data()[0]);
    writes.remove_prefix(1);
    uint32_t key_bytes = 0;
    uint64_t value_bytes = 0;
    Slice key;
    Slice value;
    if (!get_varint32(&writes, &key_bytes) || !get_varint64(&writes, &value_bytes) ||
        !take_bytes(&writes, key_bytes, &key) || !take_bytes(&writes, value_bytes, &value)) {
      return damaged();
    }
    if (kind != Kind::kValue && kind != Kind::kTombstone && kind != Kind::kMovedTombstone) {
      return damaged();
    }
    PGZ_TRY(add(kOp, kind, key, value));
  }
  owner_.detach();
  return Status::ok();
}

}  // namespace pgz
