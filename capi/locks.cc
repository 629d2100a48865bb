// What is locked, who waits for whom, and the cycle of a deadlock.
#include <algorithm>
#include <vector>

#include "capi/api.h"
#include "engine/base/coding.h"

using namespace pgz;        // NOLINT: the definitions below are C functions
using namespace pgz::capi;  // NOLINT

namespace {

constexpr uint32_t kListFlags = PGZ_LIST_HELD_ROWS | PGZ_LIST_AWAITED_ROWS | PGZ_LIST_READS;

void append_reads(Db* db, std::vector<LockInfo>* all) {
  for (const ReadInfo& read : db->serializability()->list_reads()) {
    LockInfo info{LockSpace::kRead, PGZ_READ_KEY, true, read.session, {}};
    if (!read.point) info.mode = read.infinite ? PGZ_READ_FROM : PGZ_READ_RANGE;
    put_fixed32(&info.name, static_cast<uint32_t>(read.begin.size()));
    info.name += read.begin;
    info.name += read.end;
    all->push_back(std::move(info));
  }
}

bool has_room(const pgz_lock_info* out, size_t capacity, const void* buffer, size_t buffer_bytes) {
  return (out != nullptr || capacity == 0) && (buffer != nullptr || buffer_bytes == 0);
}

pgz_status copy_locks(const std::vector<LockInfo>& all, pgz_lock_info* out, size_t capacity,
                      size_t* count, void* buffer, size_t buffer_bytes, size_t* used) {
  *count = all.size();
  *used = 0;
  for (const LockInfo& info : all) *used += info.name.size();
  if (*count > capacity || *used > buffer_bytes || *used > UINT32_MAX) return PGZ_BUFFER_TOO_SMALL;
  size_t at = 0;
  for (const LockInfo& info : all) {
    *out++ = {info.session,
              static_cast<uint32_t>(at),
              static_cast<uint32_t>(info.name.size()),
              static_cast<uint8_t>(info.space),
              info.mode,
              info.granted,
              {}};
    info.name.copy(static_cast<char*>(buffer) + at, info.name.size());
    at += info.name.size();
  }
  return PGZ_OK;
}

template <class List>
pgz_status list_owners(pgz_db* db, uint64_t* out, size_t capacity, size_t* count, pgz_error* err,
                       List list) {
  if (count == nullptr || (out == nullptr && capacity != 0)) return invalid("out or count", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    const std::vector<uint64_t> owners = list(call.db);
    std::copy_n(owners.begin(), std::min(capacity, owners.size()), out);
    *count = owners.size();
    return report(PGZ_OK, err);
  });
}

}  // namespace

pgz_status pgz_blocked_by(pgz_db* db, uint64_t owner, uint64_t* out, size_t capacity, size_t* count,
                          pgz_error* err) {
  return list_owners(db, out, capacity, count, err,
                     [=](Db* d) { return d->locks()->blocked_by(owner); });
}

pgz_status pgz_safe_blocked_by(pgz_db* db, uint64_t owner, uint64_t* out, size_t capacity,
                               size_t* count, pgz_error* err) {
  return list_owners(db, out, capacity, count, err,
                     [=](Db* d) { return d->serializability()->safety_blockers(owner); });
}

pgz_status pgz_lock_list(pgz_db* db, uint32_t flags, pgz_lock_info* out, size_t capacity,
                         size_t* count, void* buffer, size_t buffer_bytes, size_t* used,
                         pgz_error* err) {
  if (count == nullptr || used == nullptr || !has_room(out, capacity, buffer, buffer_bytes) ||
      ((flags & ~kListFlags) != 0 && flags != PGZ_LIST_AWAITED)) {
    return invalid("flags, out, buffer, count or used", err);
  }
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    if (flags == PGZ_LIST_AWAITED) {
      return report(copy_locks(call.db->locks()->list_awaited(), out, capacity, count, buffer,
                               buffer_bytes, used),
                    err);
    }
    auto rows = LockTable::HeldRows::kNone;
    if ((flags & PGZ_LIST_AWAITED_ROWS) != 0) rows = LockTable::HeldRows::kAwaited;
    if ((flags & PGZ_LIST_HELD_ROWS) != 0) rows = LockTable::HeldRows::kAll;
    std::vector<LockInfo> all = call.db->locks()->list(rows);
    if ((flags & PGZ_LIST_READS) != 0) append_reads(call.db, &all);
    return report(copy_locks(all, out, capacity, count, buffer, buffer_bytes, used), err);
  });
}

pgz_status pgz_txn_deadlock(pgz_txn* txn, pgz_lock_info* out, size_t capacity, size_t* count,
                            void* buffer, size_t buffer_bytes, size_t* used, pgz_error* err) {
  if (count == nullptr || used == nullptr || !has_room(out, capacity, buffer, buffer_bytes)) {
    return invalid("out, buffer, count or used", err);
  }
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_txn(txn);
    if (s != PGZ_OK) return report(s, err);
    if (call.txn->waiting()) return report(PGZ_MISUSE, err);
    return report(
        copy_locks(call.txn->deadlock(), out, capacity, count, buffer, buffer_bytes, used), err);
  });
}
