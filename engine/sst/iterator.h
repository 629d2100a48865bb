// The one iterator shape below transactions: a cursor over internal keys (lsm/keys.h) in their
// order. Blocks, tables, memtables and merges of them all implement it.
//
// Threads: one user at a time. Whatever the iterator reads from must outlive it.
// Errors: an iterator that meets one is !valid() and keeps it in status(); end of data is
// !valid() with an ok status.
#pragma once

#include "engine/base/slice.h"
#include "engine/base/status.h"

namespace pgz {

class Iterator {
 public:
  Iterator() = default;
  Iterator(const Iterator&) = delete;
  Iterator& operator=(const Iterator&) = delete;
  virtual ~Iterator() = default;

  virtual bool valid() const = 0;
  virtual void seek_to_first() = 0;
  virtual void seek_to_last() = 0;
  // First entry at or after `target`.
  virtual void seek(Slice target) = 0;
  // Last entry at or before `target`.
  virtual void seek_for_prev(Slice target) = 0;
  // Requires valid().
  virtual void next() = 0;
  virtual void prev() = 0;
  // next(), valid() and key() in one: false, and *to unchanged, when it is not valid afterwards.
  virtual bool advance(Slice* to) {
    next();
    if (!valid()) return false;
    *to = key();
    return true;
  }
  // Valid until the next move. Require valid().
  virtual Slice key() const = 0;
  virtual Slice value() const = 0;
  virtual Status status() const = 0;
};

}  // namespace pgz
