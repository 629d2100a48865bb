// Batched reads: what a scan or a look-up of many keys found, fetched in address order.
#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "engine/vlog/vlog.h"

namespace pgz {

namespace {

constexpr uint64_t kGapBytesMax = 8 << 10;  // bytes between values that are read rather than seeked
constexpr size_t kInFlightMax = 8;

struct Place {
  ValueRead* read;
  uint64_t offset;
};

// One read of neighbouring values, `first` to `last` of the places.
struct Transfer {
  size_t first = 0;
  size_t last = 0;
  uint64_t begin = 0;
  std::shared_ptr<File> file;
  AlignedBuffer buffer;
  IoSlice slice;
  IoOp op;
};

// Memory for what is copied out of the page cache, one run at a time. Not the heap's: that would
// keep some for every size and thread.
class Scratch {
 public:
  char* get(size_t n) {
    if (n > bytes_.size()) bytes_ = AlignedBuffer(std::max(n, kBytesMin));
    return bytes_.data();
  }

 private:
  static constexpr size_t kBytesMin = 32 << 10;
  AlignedBuffer bytes_;
};

uint64_t round_down(uint64_t n) { return n / kIoAlignment * kIoAlignment; }

// The end of the run of places that one transfer from `first` may take.
size_t run_end(const std::vector<Place>& places, size_t first) {
  const uint64_t begin = places[first].offset;
  uint64_t end = begin + places[first].read->pointer.length;
  size_t last = first + 1;
  for (; last < places.size(); last++) {
    const Place& place = places[last];
    const uint64_t place_end = place.offset + place.read->pointer.length;
    if (place.read->segment != places[first].read->segment || place.offset > end + kGapBytesMax ||
        place_end - begin > kWriteBytesMax) {
      break;
    }
    end = std::max(end, place_end);
  }
  return last;
}

// One value that is stored as it is goes where it is wanted, others by way of `scratch`. False
// leaves all to a transfer.
bool take_cached(const std::vector<Place>& places, size_t first, size_t last, Scratch* scratch) {
  std::shared_ptr<File> file;
  if (!places[first].read->segment->use(&file).is_ok() || file->alignment() > 1) return false;
  const uint64_t begin = places[first].offset;
  uint64_t end = begin;
  for (size_t i = first; i < last; i++) {
    end = std::max(end, places[i].offset + places[i].read->pointer.length);
  }
  const bool alone = last - first == 1 && places[first].read->pointer.raw_length == 0;
  char* const bytes = alone ? places[first].read->to : scratch->get(end - begin);
  if (!file->read_cached(begin, bytes, end - begin)) return false;
  for (size_t i = first; i < last; i++) {
    ValueRead& read = *places[i].read;
    const char* const from = bytes + (places[i].offset - begin);
    read.status =
        read.segment->deliver(read.pointer, places[i].offset, {from, read.pointer.length}, read.to);
    read.was_cached = true;
  }
  return true;
}

Status start(Io* io, const std::vector<Place>& places, Transfer* transfer) {
  PGZ_TRY(places[transfer->first].read->segment->use(&transfer->file));
  transfer->begin = round_down(places[transfer->first].offset);
  uint64_t end = transfer->begin;
  for (size_t i = transfer->first; i < transfer->last; i++) {
    end = std::max(end, places[i].offset + places[i].read->pointer.length);
  }
  transfer->buffer = AlignedBuffer(round_down(end + kIoAlignment - 1) - transfer->begin);
  transfer->slice = {transfer->buffer.data(), transfer->buffer.size()};
  transfer->op.kind = IoOp::Kind::kRead;
  transfer->op.file = transfer->file.get();
  transfer->op.offset = transfer->begin;
  transfer->op.slices = {&transfer->slice, 1};
  io->submit(&transfer->op);
  return Status::ok();
}

void finish(const std::vector<Place>& places, Transfer* transfer) {
  transfer->op.wait();
  for (size_t i = transfer->first; i < transfer->last; i++) {
    ValueRead& read = *places[i].read;
    const uint64_t at = places[i].offset - transfer->begin;
    if (!transfer->op.status.is_ok()) {
      // A status has one owner; the error is found again, and reported, value by value.
      read.status = read.segment->read(read.pointer, read.to);
    } else if (at + read.pointer.length > transfer->op.transferred) {
      read.status =
          Status::make(Code::kCorruption, read.segment->path() + " at " +
                                              std::to_string(places[i].offset) + ": file cut off");
    } else {
      const Slice bytes(transfer->buffer.data() + at, read.pointer.length);
      read.status = read.segment->deliver(read.pointer, places[i].offset, bytes, read.to);
    }
  }
}

}  // namespace

void read_values(Io* io, std::span<ValueRead> reads) {
  std::vector<Place> places;
  places.reserve(reads.size());
  for (ValueRead& read : reads) {
    uint64_t offset = 0;
    read.status = read.segment->locate(read.pointer, &offset);
    if (read.status.is_ok()) places.push_back({&read, offset});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    const uint64_t left = a.read->segment->meta().file;
    const uint64_t right = b.read->segment->meta().file;
    return left != right ? left < right : a.offset < b.offset;
  });
  std::deque<Transfer> in_flight;
  Scratch scratch;
  size_t last = 0;
  for (size_t first = 0; first < places.size(); first = last) {
    last = run_end(places, first);
    if (take_cached(places, first, last, &scratch)) continue;
    if (in_flight.size() == kInFlightMax) {
      finish(places, &in_flight.front());
      in_flight.pop_front();
    }
    Transfer& transfer = in_flight.emplace_back();
    transfer.first = first;
    transfer.last = last;
    if (!start(io, places, &transfer).is_ok()) {
      for (size_t i = transfer.first; i < transfer.last; i++) {
        ValueRead& read = *places[i].read;
        read.status = read.segment->read(read.pointer, read.to);
      }
      in_flight.pop_back();
    }
  }
  for (Transfer& transfer : in_flight) finish(places, &transfer);
}

}  // namespace pgz
