#include "engine/vlog/slot_set.h"

#include <bit>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/vlog/vlog.h"

namespace pgz {

namespace {

constexpr uint32_t kWordBits = 64;
// First byte of an encoded set.
constexpr char kRuns = 1;
constexpr char kBits = 2;

bool decode_runs(Slice bytes, SlotSet* set) {
  uint64_t at = 0;
  while (!bytes.empty()) {
    uint32_t skip = 0;
    uint32_t run = 0;
    if (!get_varint32(&bytes, &skip) || !get_varint32(&bytes, &run) || run == 0) return false;
    at += skip;
    if (at + run > kSlotsMax) return false;
    for (uint32_t i = 0; i < run; i++) set->add(static_cast<uint32_t>(at + i));
    at += run;
  }
  return true;
}

bool decode_bits(Slice bytes, SlotSet* set) {
  if (bytes.size() > kSlotsMax / 8) return false;
  for (uint32_t i = 0; i < bytes.size(); i++) {
    for (auto byte = static_cast<uint8_t>(bytes[i]); byte != 0; byte &= byte - 1) {
      set->add(i * 8 + static_cast<uint32_t>(std::countr_zero(byte)));
    }
  }
  return true;
}

}  // namespace

void SlotSet::add(uint32_t slot) {
  PGZ_ASSERT(slot < kSlotsMax);
  const uint32_t word = slot / kWordBits;
  if (word >= words_.size()) words_.resize(word + 1);
  const uint64_t bit = uint64_t{1} << slot % kWordBits;
  if ((words_[word] & bit) != 0) return;
  words_[word] |= bit;
  count_++;
  if (slot >= limit_) limit_ = slot + 1;
}

bool SlotSet::contains(uint32_t slot) const {
  const uint32_t word = slot / kWordBits;
  return word < words_.size() && (words_[word] >> slot % kWordBits & 1) != 0;
}

void SlotSet::unite(const SlotSet& other) {
  if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
  count_ = 0;
  for (size_t i = 0; i < words_.size(); i++) {
    if (i < other.words_.size()) words_[i] |= other.words_[i];
    count_ += static_cast<uint32_t>(std::popcount(words_[i]));
  }
  if (other.limit_ > limit_) limit_ = other.limit_;
}

bool SlotSet::intersects(const SlotSet& other) const {
  for (size_t i = 0; i < words_.size() && i < other.words_.size(); i++) {
    if ((words_[i] & other.words_[i]) != 0) return true;
  }
  return false;
}

void SlotSet::encode_runs(std::string* to) const {
  uint32_t end = 0;  // of the run before
  for (uint32_t at = 0; at < limit_;) {
    if (!contains(at)) {
      at++;
      continue;
    }
    uint32_t stop = at;
    while (contains(stop)) stop++;
    put_varint32(to, at - end);
    put_varint32(to, stop - at);
    end = at = stop;
  }
}

void SlotSet::encode(std::string* to) const {
  std::string runs(1, kRuns);
  encode_runs(&runs);
  const size_t bits_bytes = 1 + (limit_ + 7) / 8;
  if (runs.size() <= bits_bytes) {
    put_length_prefixed(to, runs);
    return;
  }
  std::string bits(bits_bytes, '\0');
  bits[0] = kBits;
  for (uint32_t slot = 0; slot < limit_; slot++) {
    if (contains(slot)) bits[1 + slot / 8] = static_cast<char>(bits[1 + slot / 8] | 1 << slot % 8);
  }
  put_length_prefixed(to, bits);
}

bool SlotSet::decode(Slice* from, SlotSet* set) {
  *set = SlotSet();
  Slice bytes;
  if (!get_length_prefixed(from, &bytes) || bytes.empty()) return false;
  const char form = bytes[0];
  bytes.remove_prefix(1);
  if (form == kRuns) return decode_runs(bytes, set);
  return form == kBits && decode_bits(bytes, set);
}

}  // namespace pgz
