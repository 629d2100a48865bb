#include "engine/vlog/slot_set.h"

#include <algorithm>
#include <bit>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/vlog/vlog.h"

namespace pgz {

namespace {

constexpr uint64_t kWordBits = 64;
// First byte of an encoded set.
constexpr char kRuns = 1;
constexpr char kBits = 2;

}  // namespace

void SlotSet::add_word(size_t word, uint64_t bits) {
  if (bits == 0) return;
  if (word >= words_.size()) words_.resize(word + 1);
  count_ += static_cast<uint32_t>(std::popcount(bits & ~words_[word]));
  words_[word] |= bits;
  limit_ = std::max(limit_, static_cast<uint32_t>(word * kWordBits + std::bit_width(bits)));
}

void SlotSet::add(uint32_t slot) {
  PGZ_ASSERT(slot < kSlotsMax);
  add_word(slot / kWordBits, uint64_t{1} << slot % kWordBits);
}

bool SlotSet::contains(uint32_t slot) const {
  const size_t word = slot / kWordBits;
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

// Sets are read when a store is opened, each of up to some hundred thousand slots: a word at a
// time.
bool SlotSet::decode_runs(Slice bytes) {
  uint64_t at = 0;
  while (!bytes.empty()) {
    uint32_t skip = 0;
    uint32_t run = 0;
    if (!get_varint32(&bytes, &skip) || !get_varint32(&bytes, &run) || run == 0) return false;
    at += skip;
    const uint64_t end = at + run;
    if (end > kSlotsMax) return false;
    while (at < end) {
      const uint64_t first = at % kWordBits;
      const uint64_t n = std::min(kWordBits - first, end - at);
      add_word(at / kWordBits, ~uint64_t{0} >> (kWordBits - n) << first);
      at += n;
    }
  }
  return true;
}

bool SlotSet::decode_bits(Slice bytes) {
  constexpr size_t kWordBytes = kWordBits / 8;
  if (bytes.size() > kSlotsMax / 8) return false;
  for (size_t word = 0; !bytes.empty(); word++) {
    uint64_t bits = 0;
    const size_t n = std::min(bytes.size(), kWordBytes);
    for (size_t i = 0; i < n; i++) bits |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
    add_word(word, bits);
    bytes.remove_prefix(n);
  }
  return true;
}

bool SlotSet::decode(Slice* from, SlotSet* set) {
  *set = SlotSet();
  Slice bytes;
  if (!get_length_prefixed(from, &bytes) || bytes.empty()) return false;
  const char form = bytes[0];
  bytes.remove_prefix(1);
  if (form == kRuns) return set->decode_runs(bytes);
  return form == kBits && set->decode_bits(bytes);
}

}  // namespace pgz
