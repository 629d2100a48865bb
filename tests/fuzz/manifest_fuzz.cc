// Target manifest: superblocks, edits, whole manifest directories, and IDENTITY.
#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/db/identity.h"
#include "engine/lsm/manifest.h"
#include "engine/lsm/manifest_format.h"
#include "tests/fuzz/fuzz.h"

namespace pgz::fuzz {

const char* const kTarget = "manifest";

namespace {

constexpr uint64_t kSalt = 77;
constexpr size_t kEditsMax = 64;

// What one side decodes and encodes again must come out as it went in.
void read_edit(Slice bytes) {
  VersionEdit edit;
  if (!VersionEdit::decode(bytes, &edit).is_ok()) return;
  std::string again;
  edit.encode(&again);
  VersionEdit second;
  PGZ_ASSERT(VersionEdit::decode(again, &second).is_ok());
  ManifestState state;
  if (!state.apply(edit).is_ok()) return;
  ManifestState copy;
  PGZ_ASSERT(copy.apply(state.snapshot()).is_ok());
}

void read_directory(Input* input, bool raw) {
  const std::string uuid(manifest::kUuidBytes, 'u');
  std::string edits;
  if (raw) {
    edits.assign(input->rest());
  } else {
    for (uint64_t sequence = 0; !input->empty() && sequence < kEditsMax; ++sequence) {
      const Slice payload = input->piece();
      const size_t at = edits.size();
      edits.resize(at + manifest::record_bytes(payload.size()));
      manifest::encode_record(kSalt, sequence, payload, edits.data() + at);
    }
  }
  manifest::Superblock super;
  super.uuid = uuid;
  super.sequence = 1;
  super.slot_bytes = std::max<uint64_t>(edits.size() / 4096 + 1, 4) * 4096;
  super.salt = kSalt;
  edits.resize(super.slot_bytes, '\0');
  Disk disk;
  disk.make_dir("/m");
  disk.put("/m/super", super.encode() + super.encode());
  disk.put("/m/edits-0", edits);
  disk.put("/m/edits-1", std::string(4096, '\0'));
  ManifestOptions options;
  options.uuid = uuid;
  (void)Manifest::open(disk.runtime(), "/m", options).is_ok();
}

void read_super(std::string block, bool put_checksum) {
  block.resize(manifest::kBlockBytes, '\0');
  manifest::Superblock super;
  if (put_checksum) {
    constexpr size_t kCrcAt = 12;
    const uint32_t crc = crc32c(0, block.data(), kCrcAt);
    put_fixed32(block.data() + kCrcAt,
                crc32c(crc, block.data() + kCrcAt + 4, block.size() - kCrcAt - 4));
  }
  (void)manifest::Superblock::decode(block, &super).is_ok();
}

void read_identity_file(std::string bytes) {
  constexpr size_t kIdentityBytes = 48;
  if (bytes.size() >= kIdentityBytes) {
    put_fixed32(bytes.data() + kIdentityBytes - 4, crc32c(0, bytes.data(), kIdentityBytes - 4));
  }
  Disk disk;
  disk.make_dir("/d");
  disk.put("/d/IDENTITY", bytes);
  (void)read_identity(disk.runtime(), "/d").is_ok();
}

}  // namespace
}  // namespace pgz::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgz;
  fuzz::Input input(data, size);
  switch (input.byte() % 6) {
    case 0:
      fuzz::read_edit(input.rest());
      break;
    case 1:
      fuzz::read_directory(&input, false);
      break;
    case 2:
      fuzz::read_directory(&input, true);
      break;
    case 3:
      fuzz::read_super(std::string(input.rest()), true);
      break;
    case 4:
      fuzz::read_super(std::string(input.rest()), false);
      break;
    default:
      fuzz::read_identity_file(std::string(input.rest()));
  }
  return 0;
}
