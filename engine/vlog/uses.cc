// Which values of which segments a table points at, and which segment to collect next.
#include <algorithm>
#include <cmath>

#include "engine/base/coding.h"
#include "engine/vlog/vlog.h"

namespace pgz {

namespace {

constexpr uint32_t kUsesVersion = 1;

}  // namespace

void SegmentUses::add(const ValuePointer& pointer) {
  SegmentUse& use = uses_[pointer.segment];
  if (use.slots.contains(pointer.slot)) return;
  use.slots.add(pointer.slot);
  use.bytes += pointer.length;
}

uint64_t SegmentUses::bytes() const {
  uint64_t bytes = 0;
  for (const auto& [id, use] : uses_) bytes += use.bytes;
  return bytes;
}

uint64_t SegmentUses::memory_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [id, use] : uses_) bytes += sizeof(use) + use.slots.memory_bytes();
  return bytes;
}

void SegmentUses::encode(std::string* to) const {
  put_varint32(to, kUsesVersion);
  for (const auto& [id, use] : uses_) {
    put_varint64(to, id);
    put_varint64(to, use.bytes);
    use.slots.encode(to);
  }
}

bool SegmentUses::decode(Slice from, SegmentUses* uses) {
  uses->uses_.clear();
  uint32_t version = 0;
  if (!get_varint32(&from, &version) || version != kUsesVersion) return false;
  while (!from.empty()) {
    uint64_t id = 0;
    uint64_t bytes = 0;
    SlotSet slots;
    if (!get_varint64(&from, &id) || !get_varint64(&from, &bytes) ||
        !SlotSet::decode(&from, &slots) || slots.empty() || bytes < slots.count() ||
        bytes > UINT32_MAX) {  // no value is empty, and a segment's end is a u32
      return false;
    }
    const bool is_new = uses->uses_.emplace(id, SegmentUse{std::move(slots), bytes}).second;
    if (!is_new) return false;
  }
  return true;
}

size_t pick_segment(std::span<const SegmentLoad> loads, uint64_t newest_file,
                    const CollectLimits& limits) {
  uint64_t total = limits.other_bytes;
  uint64_t live = 0;
  size_t best = loads.size();
  double best_score = 0;
  for (size_t i = 0; i < loads.size(); i++) {
    const SegmentLoad& load = loads[i];
    if (load.live_bytes == 0 && !load.is_held) return i;
    total += load.value_bytes;
    live += load.live_bytes;
    if (load.is_held || load.live_bytes >= load.value_bytes) continue;
    const auto garbage = static_cast<double>(load.value_bytes - load.live_bytes);
    if (garbage < limits.garbage_share_min * static_cast<double>(load.value_bytes)) continue;
    const auto age = static_cast<double>(newest_file - load.file + 1);
    const double score = garbage / static_cast<double>(load.live_bytes) * std::sqrt(age);
    if (score > best_score) {
      best = i;
      best_score = score;
    }
  }
  const uint64_t surely_live = live - std::min(limits.hidden_bytes, live / 2);
  const bool is_over = total > surely_live / 100 * limits.space_percent_max;
  return is_over ? best : loads.size();
}

}  // namespace pgz
