// Slice: a borrowed run of bytes. It never owns; whoever hands one out says how long it lives.
#pragma once

#include <string_view>

namespace pgz {

using Slice = std::string_view;

// Bytewise, unsigned: negative, zero or positive as a sorts before, with or after b.
inline int compare(Slice a, Slice b) { return a.compare(b); }

}  // namespace pgz
