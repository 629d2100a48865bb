// Indexes over one block in memory, made when it enters the cache, and the point look-ups that use
// them. They are no part of the file: old tables have them too, and there is nothing in them to
// verify.
//
//   hash index (data blocks):    open addressing, two bytes a bucket: a tag of the key's hash and
//   the
//                                restart point from which the key is found
//   prefix index (index blocks): the eight bytes after what all keys share as a number, for each
//                                entry, then their block handles, 44 bits of offset and 20 of size:
//                                a binary search touches a few lines of these and seldom an entry
//
// A block without an index (many restart points, bytes that make no sense) is searched over its
// restart points. Look-ups give the same answers with and without.
#pragma once

#include <cstdint>

#include "engine/base/slice.h"
#include "engine/sst/block_cache.h"
#include "engine/sst/format.h"

namespace pgz::sst {

// May put the block into other memory.
void add_hash_index(OwnedBlock* block);
void add_prefix_index(OwnedBlock* block);

enum class BlockFind : uint8_t { kFound, kAbsent, kCorrupt };

// The first entry of the user key whose trailer is not below `seek_trailer`. Keys of a table with a
// global timestamp (0: none) carry that in place of their own. `key_hash`: hash_key(user_key).
BlockFind find_version(const BlockContents& block, uint64_t global_ts, Slice user_key,
                       uint64_t key_hash, uint64_t seek_trailer, uint64_t* trailer, Slice* value);

// What the first entry at or above (user_key, trailer) stands for in an index block, each of whose
// entries is a restart point.
struct Child {
  uint32_t ordinal = 0;
  BlockHandle handle;
};
BlockFind find_child(const BlockContents& block, Slice user_key, uint64_t trailer, Child* child);

}  // namespace pgz::sst
