// Iterators over several iterators: of one sorted level, and merged.
#pragma once

#include <memory>
#include <vector>

#include "engine/lsm/version.h"
#include "engine/sst/iterator.h"

namespace pgz {

// Over the tables of one level below 0, opened for reading one at a time. The vector and its
// tables must outlive it.
std::unique_ptr<Iterator> new_level_iterator(const std::vector<TableRef>* tables, bool fill_cache);

// The children's entries in order. No internal key may stand in two of them.
std::unique_ptr<Iterator> new_merge_iterator(std::vector<std::unique_ptr<Iterator>> children);

}  // namespace pgz
