#include "engine/sst/block.h"

#include <algorithm>

#include "engine/base/coding.h"
#include "engine/sst/block_entry.h"

namespace pgz {

using sst::EntryHeader;
using sst::read_header;

namespace {

char* put_length(char* to, size_t length) {
  if (length >= 128) return put_varint32(to, static_cast<uint32_t>(length));
  *to = static_cast<char>(length);
  return to + 1;
}

}  // namespace

void BlockBuilder::add(Slice internal_key, Slice value) {
  size_t shared = 0;
  if (bytes_.empty() || since_restart_ == restart_interval_ ||
      bytes_.size() - restarts_.back() >= kRestartBytes) {
    restarts_.push_back(static_cast<uint32_t>(bytes_.size()));
    since_restart_ = 0;
  } else {
    const size_t limit = std::min(last_key_.size(), internal_key.size()) - kTrailerBytes;
    while (shared < limit && last_key_[shared] == internal_key[shared]) shared++;
  }
  since_restart_++;
  const Slice rest = internal_key.substr(shared);
  char header[3 * kVarint32BytesMax];
  char* end = put_length(header, shared);
  end = put_length(end, rest.size());
  end = put_length(end, value.size());
  bytes_.append(header, static_cast<size_t>(end - header));
  bytes_.append(rest);
  bytes_.append(value);
  last_key_.resize(shared);
  last_key_.append(rest);
}

Slice BlockBuilder::finish() {
  for (const uint32_t restart : restarts_) put_fixed32(&bytes_, restart);
  put_fixed32(&bytes_, static_cast<uint32_t>(restarts_.size()));
  return bytes_;
}

void BlockBuilder::reset() {
  bytes_.clear();
  restarts_.clear();
  last_key_.clear();
  since_restart_ = 0;
}

void KeyBuffer::grow(size_t keep, size_t need) {
  const size_t capacity = std::max(need, capacity_ * 2);
  auto bigger = std::make_unique<char[]>(capacity);
  std::memcpy(bigger.get(), data_, keep);
  heap_ = std::move(bigger);
  data_ = heap_.get();
  capacity_ = capacity;
}

void BlockIterator::init(Slice block, uint64_t global_ts) {
  clear();
  global_ts_ = global_ts;
  if (block.size() < 8) {
    fail();
    return;
  }
  restart_count_ = get_fixed32(block.data() + block.size() - 4);
  if (restart_count_ == 0 || restart_count_ > (block.size() - 4) / 4) {
    fail();
    return;
  }
  const size_t end = block.size() - 4 - size_t{restart_count_} * 4;
  entries_ = block.substr(0, end);
  restarts_ = block.data() + end;
}

void BlockIterator::clear() {
  entries_ = Slice();
  restarts_ = nullptr;
  restart_count_ = 0;
  valid_ = false;
  corrupt_ = false;
  at_ = next_ = 0;
}

bool BlockIterator::fail() {
  valid_ = false;
  corrupt_ = true;
  restart_count_ = 0;
  return false;
}

uint32_t BlockIterator::restart_offset(uint32_t index) const {
  return get_fixed32(restarts_ + size_t{index} * 4);
}

bool BlockIterator::restart_key(uint32_t index, Slice* key) const {
  const uint32_t offset = restart_offset(index);
  if (offset >= entries_.size()) return false;
  EntryHeader header;
  const char* from =
      read_header(entries_.data() + offset, entries_.data() + entries_.size(), &header);
  if (from == nullptr || header.shared != 0 || header.rest < kTrailerBytes) return false;
  *key = Slice(from, header.rest);
  return true;
}

int BlockIterator::compare_raw(Slice raw_key, Slice target) const {
  const int order = user_key_of(raw_key).compare(user_key_of(target));
  if (order != 0) return order;
  uint64_t own = load_trailer(raw_key);
  if (global_ts_ != 0) own = make_trailer(global_ts_, static_cast<uint8_t>(trailer_kind(own)));
  const uint64_t other = load_trailer(target);
  return own < other ? -1 : (own > other ? 1 : 0);
}

bool BlockIterator::step() {
  if (next_ >= entries_.size()) {
    valid_ = false;
    return false;
  }
  EntryHeader header;
  const char* from =
      read_header(entries_.data() + next_, entries_.data() + entries_.size(), &header);
  if (from == nullptr || header.rest < kTrailerBytes ||
      (header.shared != 0 && header.shared + kTrailerBytes > key_.size()) ||
      uint64_t{header.shared} + header.rest > kMaxUserKeyBytes + kTrailerBytes) {
    return fail();
  }
  key_.splice(header.shared, Slice(from, header.rest));
  if (global_ts_ != 0) {
    const auto kind = static_cast<uint8_t>(trailer_kind(load_trailer(key_.slice())));
    store_trailer(key_.data() + key_.size() - kTrailerBytes, make_trailer(global_ts_, kind));
  }
  value_ = Slice(from + header.rest, header.value);
  at_ = next_;
  next_ = static_cast<size_t>(from - entries_.data()) + header.rest + header.value;
  valid_ = true;
  return true;
}

void BlockIterator::start_at(uint32_t restart_index) {
  const uint32_t offset = restart_offset(restart_index);
  if (offset > entries_.size()) {
    fail();
    return;
  }
  key_.splice(0, Slice());
  next_ = offset;
  at_ = offset;
}

void BlockIterator::seek_to_first() {
  valid_ = false;
  if (restart_count_ == 0) return;
  start_at(0);
  if (!corrupt_) step();
}

void BlockIterator::seek_to_last() {
  valid_ = false;
  if (restart_count_ == 0) return;
  start_at(restart_count_ - 1);
  if (corrupt_) return;
  while (step() && next_ < entries_.size()) {
  }
}

void BlockIterator::seek(Slice target) {
  valid_ = false;
  if (restart_count_ == 0) return;
  // The last restart point whose key is below the target.
  uint32_t low = 0;
  uint32_t high = restart_count_ - 1;
  while (low < high) {
    const uint32_t middle = low + (high - low + 1) / 2;
    Slice key;
    if (!restart_key(middle, &key)) {
      fail();
      return;
    }
    if (compare_raw(key, target) < 0) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  start_at(low);
  if (corrupt_) return;
  while (step() && compare_internal(key_.slice(), target) < 0) {
  }
}

void BlockIterator::seek_to_restart(uint32_t index) {
  valid_ = false;
  if (index >= restart_count_) return;
  start_at(index);
  if (!corrupt_) step();
}

void BlockIterator::prev() {
  const size_t end = at_;
  if (end == 0) {
    valid_ = false;
    return;
  }
  uint32_t low = 0;
  uint32_t high = restart_count_ - 1;
  while (low < high) {  // the last restart point before the current entry
    const uint32_t middle = low + (high - low + 1) / 2;
    if (restart_offset(middle) < end) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  start_at(low);
  if (corrupt_) return;
  while (step() && next_ < end) {
  }
  if (valid_ && next_ != end) fail();
}

}  // namespace pgz
