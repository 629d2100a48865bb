#include "engine/txn/mark_set.h"

#include <algorithm>

namespace pgz {

MarkSet::Marks::const_iterator MarkSet::behind(Slice key) const {
  return std::upper_bound(marks_.begin(), marks_.end(), key,
                          [](Slice k, const MarkPtr& m) { return k < m->begin(); });
}

const Mark* MarkSet::container(Slice begin, const MarkBound& bound) const {
  const auto it = behind(begin);
  if (it == marks_.begin() || (*(it - 1))->bound().less(bound)) return nullptr;
  return (it - 1)->get();
}

bool MarkSet::covers(Slice begin, const MarkBound& bound) const {
  const Mark* mark = container(begin, bound);
  return mark != nullptr && !mark->coarse;
}

void MarkSet::insert(size_t at, MarkPtr mark) {
  index_->add(mark.get());
  *memory_ += mark->memory_bytes();
  marks_.insert(marks_.begin() + static_cast<ptrdiff_t>(at), std::move(mark));
}

void MarkSet::erase(size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    index_->remove(marks_[i].get());
    *memory_ -= marks_[i]->memory_bytes();
  }
  marks_.erase(marks_.begin() + static_cast<ptrdiff_t>(from),
               marks_.begin() + static_cast<ptrdiff_t>(to));
}

void MarkSet::clear() { erase(0, marks_.size()); }

void MarkSet::join(size_t from, size_t to, bool coarse) {
  if (from == to) return;
  uint32_t op = marks_[from]->op;
  MarkBound last = marks_[from]->bound();
  for (size_t i = from; i <= to; i++) {
    op = std::min(op, marks_[i]->op);
    coarse = coarse || marks_[i]->coarse;
    if (last.less(marks_[i]->bound())) last = marks_[i]->bound();
  }
  MarkPtr mark = make_mark(marks_[from]->owner, op, marks_[from]->begin(), last);
  mark->coarse = coarse;
  erase(from, to + 1);
  insert(from, std::move(mark));
}

void MarkSet::add(void* owner, uint32_t op, Slice begin, const MarkBound& bound) {
  if (container(begin, bound) != nullptr) return;
  const auto it = behind(begin);
  size_t at = static_cast<size_t>(it - marks_.begin());
  insert(at, make_mark(owner, op, begin, bound));
  // What it meets, or a range that ends where it begins, becomes one with it. Points that merely
  // follow each other stay as they are.
  size_t from = at;
  while (from > 0 && (marks_[from - 1]->bound().reaches(begin) ||
                      (!bound.inclusive && marks_[from - 1]->bound().touches(begin)))) {
    begin = marks_[--from]->begin();
  }
  size_t to = at;
  while (to + 1 < marks_.size() && bound.reaches(marks_[to + 1]->begin())) to++;
  join(from, to, false);
  if (marks_.size() > kMarksMax) coarsen(kMarksMax / 2);
}

void MarkSet::cut(uint32_t op) {
  for (size_t i = marks_.size(); i-- > 0;) {
    if (marks_[i]->op >= op) erase(i, i + 1);
  }
}

void MarkSet::absorb(void* owner, MarkSet* other, size_t limit) {
  for (const MarkPtr& mark : other->marks_) add(owner, mark->op, mark->begin(), mark->bound());
  other->clear();
  if (marks_.size() > limit) coarsen(std::max<size_t>(limit / 2, 1));
}

void MarkSet::coarsen(size_t limit) {
  const size_t n = marks_.size();
  if (n <= limit) return;
  struct Gap {
    size_t shared;
    size_t at;  // between marks_[at] and the next
  };
  std::vector<Gap> gaps;
  for (size_t i = 0; i + 1 < n; i++) {
    const Slice a = marks_[i]->bound().key;
    const Slice b = marks_[i + 1]->begin();
    const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    gaps.push_back({static_cast<size_t>(end.first - a.begin()), i});
  }
  std::sort(gaps.begin(), gaps.end(), [](const Gap& x, const Gap& y) {
    return x.shared > y.shared || (x.shared == y.shared && x.at < y.at);
  });
  std::vector<bool> closed(n, false);
  for (size_t i = 0; i < n - limit; i++) closed[gaps[i].at] = true;
  for (size_t end = n; end-- > 0;) {
    size_t from = end;
    while (from > 0 && closed[from - 1]) from--;
    join(from, end, true);
    end = from;
  }
}

}  // namespace pgz
