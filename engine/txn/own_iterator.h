// OwnIterator: a transaction's own writes in key order, one direction, each key with the write a
// read of a given number sees. Deletions are delivered: they hide committed versions.
//
// It reads a memory buffer and sorted runs; it stays usable while further writes are made, but
// stops seeing all of them once the buffer was spilled or cut (OwnWrites::generation()).
//
// Threads: one at a time, together with the transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/txn/write_buffer.h"

namespace pgz {

// What one source of own writes says about one key.
struct OwnVersion {
  OpNum op = 0;
  Kind kind = Kind::kValue;
  Slice value;
};

// A cursor over one buffer or one row of disjoint runs, moving in the direction it was made for.
class OwnSource {
 public:
  virtual ~OwnSource() = default;
  virtual void seek(Slice key) = 0;  // at or after key in the direction of travel
  virtual void seek_to_start() = 0;  // the very first key in the direction of travel
  virtual void next() = 0;
  virtual bool valid() const = 0;
  virtual Slice key() const = 0;
  virtual const OwnVersion& version() const = 0;
  virtual Status status() const = 0;

  // Of the version at hand: of two writes with one number the higher sequence is the newer.
  uint64_t sequence = 0;
};

std::unique_ptr<OwnSource> make_buffer_source(std::shared_ptr<const WriteBuffer> buffer,
                                              OpNum read_op, bool reverse);

class OwnIterator {
 public:
  OwnIterator(std::vector<std::unique_ptr<OwnSource>> sources, bool reverse);
  OwnIterator(const OwnIterator&) = delete;
  OwnIterator& operator=(const OwnIterator&) = delete;

  void seek(Slice key);
  void seek_to_start();
  void next();
  bool valid() const { return !heap_.empty(); }
  Slice key() const { return heap_.front()->key(); }
  const OwnVersion& version() const { return heap_.front()->version(); }
  Status status() const;

 private:
  bool after(const OwnSource* a, const OwnSource* b) const;
  void rebuild();
  // Moves every source that stands at `key` on.
  void pass(const std::string& key);

  std::vector<std::unique_ptr<OwnSource>> sources_;
  const bool reverse_;
  std::vector<OwnSource*> heap_;  // valid sources; the winner of the next key in front
  std::string passing_;
};

}  // namespace pgz
