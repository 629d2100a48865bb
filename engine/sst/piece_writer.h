// PieceWriter: appends to a new file in pieces of kPieceBytes. A direct file is written while the
// next piece fills (nothing else would let the device and the processor work at the same time); a
// buffered one at once, into the page cache, with the device not far behind.
//
// Threads: one at a time. After an error only destruction is allowed.
#pragma once

#include <cstdint>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/io/io.h"
#include "engine/io/write_behind.h"

namespace pgz::sst {

class PieceWriter {
 public:
  static constexpr size_t kPieceBytes = 256 * 1024;

  // `file` must be empty; it stays the caller's and must outlive this.
  explicit PieceWriter(File* file) : file_(file), filling_(kPieceBytes) {}
  ~PieceWriter();
  PieceWriter(const PieceWriter&) = delete;
  PieceWriter& operator=(const PieceWriter&) = delete;

  Status append(Slice bytes);
  // Bytes appended so far.
  uint64_t size() const { return written_ + used_; }
  // Writes what is left; the file then has size() bytes. Does not sync.
  Status finish();

 private:
  Status write_piece(size_t bytes);
  Status wait();

  File* const file_;
  AlignedBuffer filling_;
  AlignedBuffer writing_;  // of direct files, made with the second piece
  size_t used_ = 0;        // of filling_
  uint64_t written_ = 0;   // begun, that is
  IoSlice slice_;
  IoOp op_;
  bool in_flight_ = false;
  WriteBehind behind_;
};

}  // namespace pgz::sst
