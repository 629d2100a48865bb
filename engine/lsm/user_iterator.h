// The implementation of iterator.h over a merge of internal keys.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/lsm/iterator.h"
#include "engine/lsm/values.h"
#include "engine/lsm/view.h"

namespace pgz {

struct UserIteratorOptions {
  uint64_t read_ts = 0;
  std::string lower;
  std::string upper;  // empty: none
  std::vector<RangeDrop> drops;
  const Values* values = nullptr;  // outlives the iterator
};

// `pinned` is kept alive as long as the iterator.
std::unique_ptr<UserIterator> new_user_iterator(std::unique_ptr<Iterator> merged,
                                                std::shared_ptr<const View> pinned,
                                                UserIteratorOptions options);

}  // namespace pgz
