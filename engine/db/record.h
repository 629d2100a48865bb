// Log records: what the database writes into the commit log and replays from it.
//
//   commit   u8 1 | u8 zero | u16 zero | u64 commit timestamp | u64 wall micros |
//            varint drops   | drops x (begin, end) |
//            varint runs    | runs x RunFile |
//            varint writes  | writes x (u8 kind, key, value)
//   counter  u8 2 | name | varint next
//
// A write of kind 4 has in its value's place where the value log has it: varint offset in the
// segment's file | ValuePointer. The value is durable before the record is.
//
// Strings have a varint length in front; fixed numbers are little-endian. A run named here is part
// of the commit: the record is its commit point.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/io/aligned_buffer.h"
#include "engine/lsm/lsm.h"

namespace pgz {

enum class RecordType : uint8_t { kCommit = 1, kCounter = 2 };

// Builds a commit record; the timestamp is put in when it is known, under the append mutex.
class CommitRecordBuilder {
 public:
  // How many of each follow must be known, in the order drops, runs, writes.
  explicit CommitRecordBuilder(uint64_t wall_micros);
  CommitRecordBuilder(const CommitRecordBuilder&) = delete;
  CommitRecordBuilder& operator=(const CommitRecordBuilder&) = delete;
  // Room for so many bytes in all; more is made where they do not suffice.
  void reserve(size_t bytes);
  void begin_drops(size_t n);
  void add_drop(Slice begin, Slice end);
  void begin_runs(size_t n);
  void add_run(const RunFile& run);
  void begin_writes(size_t n);
  void add_write(Kind kind, Slice key, Slice value);

  void set_timestamp(uint64_t ts);
  Slice bytes() const { return {data_, size_}; }

 private:
  // Room for n more bytes, which it counts as written up to what trim() is told.
  char* extend(size_t n);
  void trim(const char* end) { size_ = static_cast<size_t>(end - data_); }
  void add_count(size_t n);

  // Records of some kilobytes and more lie in buffers that all threads share: the heap would keep
  // memory for each thread and size.
  std::string small_;
  AlignedBuffer large_;
  char* data_;
  size_t size_ = 0;
  size_t capacity_;
};

std::string make_counter_record(Slice name, uint64_t next);

// Receives what a commit record holds, in the record's order.
class CommitVisitor {
 public:
  virtual ~CommitVisitor() = default;
  virtual Status begin(uint64_t ts, uint64_t wall_micros) = 0;
  virtual Status drop(Slice begin, Slice end) = 0;
  virtual Status runs(std::vector<RunFile> runs) = 0;  // called where there are any
  virtual Status write(Kind kind, Slice key, Slice value) = 0;
  virtual Status end() = 0;
};

// kCorruption when the record is malformed; kNotSupported when it has what a newer version writes.
Status parse_record_type(Slice record, RecordType* type);
Status parse_commit(Slice record, CommitVisitor* visitor);
Status parse_counter(Slice record, Slice* name, uint64_t* next);

}  // namespace pgz
