// UserIterator: the newest visible version of each user key at one read timestamp, over memtables,
// ingested runs and tables, with tombstones and range drops applied, forward and backward.
//
// A value in the value log is read when it is asked for. Who wants many takes them instead: those
// of several rows are then read together, in address order, after it is known which rows count.
//
// It pins the memtables, tables and range drops it was made over; hold it no longer than needed.
// Threads: one user at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/lsm/keys.h"
#include "engine/sst/iterator.h"

namespace pgz {

class UserIterator {
 public:
  virtual ~UserIterator() = default;

  virtual bool valid() const = 0;
  // Bounds given to new_iterator always hold: a seek outside them lands on the nearest bound.
  virtual void seek_to_first() = 0;
  virtual void seek_to_last() = 0;
  virtual void seek(Slice user_key) = 0;           // first key >= user_key
  virtual void seek_for_prev(Slice user_key) = 0;  // last key <= user_key
  virtual void next() = 0;
  virtual void prev() = 0;
  virtual Slice key() const = 0;  // user key; valid until the next move
  virtual uint64_t value_bytes() const = 0;
  // *value is valid until the next move.
  virtual Status value(Slice* value) = 0;
  // The value is at `to` when read_taken() has returned; value_bytes() of room.
  virtual Status take_value(char* to) = 0;
  virtual size_t taken() const = 0;  // and not read yet
  // After an error none of them is sure to be there.
  virtual Status read_taken() = 0;
  virtual uint64_t version_ts() const = 0;
  virtual Status status() const = 0;

  // Entries looked at so far, hidden versions and tombstones included.
  virtual uint64_t steps() const = 0;
  // When a move has looked at `limit` entries without finding a visible key it pauses: !valid(),
  // paused(), and resume_key() is the user key to seek (seek_for_prev when going backward) to
  // carry on. 0 (the default) means no limit.
  virtual void set_step_limit(uint64_t limit) = 0;
  virtual bool paused() const = 0;
  virtual Slice resume_key() const = 0;
};

}  // namespace pgz
