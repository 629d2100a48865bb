#include "engine/db/record.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/coding.h"

namespace pgz {

namespace {

constexpr size_t kTimestampAt = 4;
constexpr size_t kWallAt = 12;
constexpr size_t kCommitHeaderBytes = 20;
constexpr size_t kSmallBytes = 256;  // of a builder that nobody has told how much will come
constexpr size_t kLargeBytes = 8 << 10;

char* put_prefixed(char* to, Slice bytes) {
  to = put_varint64(to, bytes.size());
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

Status malformed() { return Status::make(Code::kCorruption, "malformed log record"); }

// The block's checksum was good, so this is no damage.
Status newer(const std::string& what) {
  return Status::make(Code::kNotSupported, what + " of a newer version");
}

}  // namespace

CommitRecordBuilder::CommitRecordBuilder(uint64_t wall_micros)
    : small_(kSmallBytes, '\0'), data_(small_.data()), capacity_(kSmallBytes) {
  char* const header = extend(kCommitHeaderBytes);
  header[0] = static_cast<char>(RecordType::kCommit);
  put_fixed64(header + kWallAt, wall_micros);
}

void CommitRecordBuilder::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  if (bytes < kLargeBytes) {
    small_.resize(bytes);
    data_ = small_.data();
  } else {
    AlignedBuffer larger(bytes);
    std::memcpy(larger.data(), data_, size_);
    large_ = std::move(larger);
    data_ = large_.data();
  }
  capacity_ = bytes;
}

char* CommitRecordBuilder::extend(size_t n) {
  if (n > capacity_ - size_) reserve(std::max(size_ + n, 2 * capacity_));
  char* const begin = data_ + size_;
  size_ += n;
  return begin;
}

void CommitRecordBuilder::add_count(size_t n) { trim(put_varint64(extend(kVarint64BytesMax), n)); }

void CommitRecordBuilder::begin_drops(size_t n) { add_count(n); }

void CommitRecordBuilder::add_drop(Slice begin, Slice end) {
  char* to = extend(2 * kVarint64BytesMax + begin.size() + end.size());
  to = put_prefixed(to, begin);
  trim(put_prefixed(to, end));
}

void CommitRecordBuilder::begin_runs(size_t n) { add_count(n); }

void CommitRecordBuilder::add_run(const RunFile& run) {
  std::string encoded;
  run.encode(&encoded);
  std::memcpy(extend(encoded.size()), encoded.data(), encoded.size());
}

void CommitRecordBuilder::begin_writes(size_t n) { add_count(n); }

void CommitRecordBuilder::add_write(Kind kind, Slice key, Slice value) {
  char* to = extend(1 + 2 * kVarint64BytesMax + key.size() + value.size());
  *to++ = static_cast<char>(kind);
  to = put_prefixed(to, key);
  trim(put_prefixed(to, value));
}

void CommitRecordBuilder::set_timestamp(uint64_t ts) { put_fixed64(data_ + kTimestampAt, ts); }

std::string make_counter_record(Slice name, uint64_t next) {
  std::string record(1, static_cast<char>(RecordType::kCounter));
  put_length_prefixed(&record, name);
  put_varint64(&record, next);
  return record;
}

Status parse_record_type(Slice record, RecordType* type) {
  if (record.empty()) return malformed();
  *type = static_cast<RecordType>(record.front());
  if (*type == RecordType::kCommit || *type == RecordType::kCounter) return Status::ok();
  return newer("a log record of type " + std::to_string(static_cast<uint8_t>(record.front())));
}

Status parse_commit(Slice record, CommitVisitor* visitor) {
  if (record.size() < kCommitHeaderBytes) return malformed();
  if (record[1] != 0 || record[2] != 0 || record[3] != 0) return newer("a commit record");
  PGZ_TRY(visitor->begin(get_fixed64(record.data() + kTimestampAt),
                         get_fixed64(record.data() + kWallAt)));
  Slice in = record.substr(kCommitHeaderBytes);
  uint64_t drops = 0;
  if (!get_varint64(&in, &drops)) return malformed();
  for (uint64_t i = 0; i < drops; i++) {
    Slice begin;
    Slice end;
    if (!get_length_prefixed(&in, &begin) || !get_length_prefixed(&in, &end)) return malformed();
    PGZ_TRY(visitor->drop(begin, end));
  }
  uint64_t run_count = 0;
  if (!get_varint64(&in, &run_count) || run_count > in.size()) return malformed();
  std::vector<RunFile> runs;  // grows with what is there, whatever the count says
  for (uint64_t i = 0; i < run_count; i++) {
    if (!RunFile::decode(&in, &runs.emplace_back())) return malformed();
  }
  if (!runs.empty()) PGZ_TRY(visitor->runs(std::move(runs)));
  uint64_t writes = 0;
  if (!get_varint64(&in, &writes)) return malformed();
  for (uint64_t i = 0; i < writes; i++) {
    if (in.empty()) return malformed();
    const Kind kind = static_cast<Kind>(in.front());
    if (kind < Kind::kValue || kind > Kind::kValuePointer) {
      return newer("a write of kind " + std::to_string(static_cast<uint8_t>(kind)));
    }
    in.remove_prefix(1);
    Slice key;
    Slice value;
    if (!get_length_prefixed(&in, &key) || !get_length_prefixed(&in, &value)) return malformed();
    PGZ_TRY(visitor->write(kind, key, value));
  }
  if (!in.empty()) return malformed();
  return visitor->end();
}

Status parse_counter(Slice record, Slice* name, uint64_t* next) {
  record.remove_prefix(1);
  if (!get_length_prefixed(&record, name) || !get_varint64(&record, next) || !record.empty()) {
    return malformed();
  }
  return Status::ok();
}

}  // namespace pgz
