#include "engine/txn/mark_index.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/base/assert.h"

namespace pgz {

bool MarkBound::touches(Slice k) const {
  if (infinite || key >= k) return true;
  return inclusive && k.size() == key.size() + 1 && k.starts_with(key) && k.back() == '\0';
}

void MarkFree::operator()(Mark* mark) const { ::operator delete(mark); }

MarkPtr make_mark(void* owner, uint32_t op, Slice begin, const MarkBound& bound) {
  const bool point = bound.inclusive && !bound.infinite && bound.key == begin;
  size_t end_len = point || bound.infinite ? 0 : bound.key.size() + (bound.inclusive ? 1 : 0);
  PGZ_ASSERT(begin.size() <= UINT16_MAX && end_len <= UINT16_MAX);
  void* memory = ::operator new(sizeof(Mark) + begin.size() + end_len);
  MarkPtr mark(new (memory) Mark);
  mark->owner = owner;
  mark->op = op;
  mark->begin_len = static_cast<uint16_t>(begin.size());
  mark->end_len = static_cast<uint16_t>(end_len);
  mark->point = point;
  mark->infinite = bound.infinite;
  char* to = reinterpret_cast<char*>(mark.get() + 1);
  if (!begin.empty()) std::memcpy(to, begin.data(), begin.size());
  if (end_len != 0) {
    std::memset(to + begin.size(), 0, end_len);
    if (!bound.key.empty()) std::memcpy(to + begin.size(), bound.key.data(), bound.key.size());
  }
  return mark;
}

void MarkIndex::update(Mark* t) {
  t->furthest = t;
  for (const Mark* child : {t->left, t->right}) {
    if (child != nullptr && t->furthest->bound().less(child->furthest->bound())) {
      t->furthest = child->furthest;
    }
  }
}

// Nodes before `at` go below, the others above.
void MarkIndex::split(Mark* t, const Mark* at, Mark** below, Mark** above) {
  if (t == nullptr) {
    *below = *above = nullptr;
  } else if (before(t, at)) {
    split(t->right, at, &t->right, above);
    update(t);
    *below = t;
  } else {
    split(t->left, at, below, &t->left);
    update(t);
    *above = t;
  }
}

Mark* MarkIndex::merge(Mark* a, Mark* b) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  Mark* top = a->priority > b->priority ? a : b;
  if (top == a) {
    a->right = merge(a->right, b);
  } else {
    b->left = merge(a, b->left);
  }
  update(top);
  return top;
}

Mark* MarkIndex::insert(Mark* t, Mark* mark) {
  if (t == nullptr || mark->priority > t->priority) {
    split(t, mark, &mark->left, &mark->right);
    update(mark);
    return mark;
  }
  Mark** side = before(mark, t) ? &t->left : &t->right;
  *side = insert(*side, mark);
  update(t);
  return t;
}

Mark* MarkIndex::erase(Mark* t, const Mark* mark) {
  PGZ_ASSERT(t != nullptr);
  if (t == mark) return merge(t->left, t->right);
  Mark** side = before(mark, t) ? &t->left : &t->right;
  *side = erase(*side, mark);
  update(t);
  return t;
}

void MarkIndex::add(Mark* mark) {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  mark->priority = static_cast<uint32_t>(random_ >> 32);
  mark->serial = ++serial_;
  mark->left = mark->right = nullptr;
  root_ = insert(root_, mark);
  size_++;
}

void MarkIndex::remove(Mark* mark) {
  root_ = erase(root_, mark);
  mark->left = mark->right = nullptr;
  size_--;
}

}  // namespace pgz
