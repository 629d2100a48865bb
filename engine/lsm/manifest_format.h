// Bytes of the manifest's files (docs/formats.md): the superblock and the records of a slot.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/slice.h"
#include "engine/base/status.h"

namespace pgz::manifest {

inline constexpr uint64_t kBlockBytes = 4096;
inline constexpr uint32_t kVersion = 1;
inline constexpr size_t kUuidBytes = 16;

// One block; stands twice in the file `super`.
struct Superblock {
  std::string uuid;
  uint64_t sequence = 0;  // grows by one with each switch
  uint32_t slot = 0;      // file edits-<slot>, 0 or 1
  uint64_t slot_bytes = 0;
  uint64_t salt = 0;  // of the slot's records

  std::string encode() const;  // kBlockBytes bytes
  // kCorruption or kNotSupported with a reason, without file and place.
  static Status decode(Slice block, Superblock* superblock);
};

// Whether a file that begins so is a superblock, whole or not.
bool is_superblock(Slice head);

// A record: header, payload, zeros up to a multiple of kBlockBytes.
inline constexpr size_t kRecordHeaderBytes = 40;
uint64_t record_bytes(size_t payload_bytes);  // with header and padding
void encode_record(uint64_t salt, uint64_t sequence, Slice payload, char* to);
// Whether a record with this salt begins there, or one did, whatever became of the rest of it.
bool begins_record(Slice head, uint64_t salt);
// The payload of the record at the front of `bytes`; false when there is none with this salt and a
// good checksum.
bool decode_record(Slice bytes, uint64_t salt, uint64_t* sequence, Slice* payload);
// How long the record at the front of `head`, which is a block or longer, says it is, whether it is
// one or not.
uint64_t claimed_bytes(Slice head);
// Whether a record that decode_record() took has what only a newer version writes.
bool has_unknown_fields(Slice record);

}  // namespace pgz::manifest
