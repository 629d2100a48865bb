#include "engine/lsm/manifest.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/lsm/manifest_format.h"

namespace pgz {
namespace {

const std::string kUuid = "0123456789abcdef";

FileMeta file(uint64_t number, const std::string& smallest, const std::string& largest) {
  FileMeta meta;
  meta.number = number;
  meta.file_bytes = 1000 + number;
  meta.entries = 10;
  meta.tombstones = 1;
  meta.min_ts = 5;
  meta.max_ts = 500000;
  meta.global_ts = number % 2;
  meta.smallest = smallest;
  meta.largest = largest;
  return meta;
}

VersionEdit full_edit() {
  VersionEdit edit;
  edit.added = {{0, file(7, "a", "z")}, {1, file(8, "a", "f")}, {1, file(9, "g", "z")}};
  edit.drops_added = {{"d", "e", 77}, {"x", "", 78}};
  edit.counters = {{"oid", 16384}, {std::string("s\0q", 3), 5}};
  edit.flushed_lsn = uint64_t{1} << 40;
  edit.last_ts = 99;
  edit.next_file_number = 10;
  edit.log_end = uint64_t{1} << 41;
  return edit;
}

bool same(const ManifestState& a, const ManifestState& b) {
  for (int level = 0; level < kLevels; level++) {
    if (a.levels[level] != b.levels[level]) return false;
  }
  return a.drops == b.drops && a.counters == b.counters && a.flushed_lsn == b.flushed_lsn &&
         a.last_ts == b.last_ts && a.next_file_number == b.next_file_number &&
         a.log_end == b.log_end;
}

TEST(VersionEdit, RoundTrip) {
  ManifestState state;
  ASSERT_TRUE(state.apply(full_edit()).is_ok());
  VersionEdit second;
  second.added = {{0, file(11, "b", "c")}};
  second.removed = {{1, 8}};
  second.drops_removed = {{"d", "e", 77}};
  second.counters_erased = {"oid"};
  for (const VersionEdit& edit : {second}) {
    std::string bytes;
    edit.encode(&bytes);
    VersionEdit decoded;
    ASSERT_TRUE(VersionEdit::decode(bytes, &decoded).is_ok());
    ASSERT_TRUE(state.apply(decoded).is_ok());
  }
  EXPECT_EQ(state.levels[0].front().number, 11u);  // newest first
  EXPECT_EQ(state.levels[1].size(), 1u);
  EXPECT_EQ(state.drops.size(), 1u);
  EXPECT_EQ(state.counters.size(), 1u);

  std::string bytes;
  state.snapshot().encode(&bytes);
  VersionEdit decoded;
  ASSERT_TRUE(VersionEdit::decode(bytes, &decoded).is_ok());
  ManifestState copy;
  ASSERT_TRUE(copy.apply(decoded).is_ok());
  EXPECT_TRUE(same(state, copy));
}

TEST(VersionEdit, EditsThatDoNotFitAreRefused) {
  ManifestState state;
  ASSERT_TRUE(state.apply(full_edit()).is_ok());
  VersionEdit edit;
  edit.removed = {{1, 7}};
  EXPECT_TRUE(state.apply(edit).is(Code::kCorruption));
  edit = VersionEdit();
  edit.added = {{1, file(20, "f", "f")}};
  EXPECT_TRUE(state.apply(edit).is(Code::kCorruption));
}

// One file is one table: removed from one place, it would be gone from the other.
TEST(VersionEdit, ATableIsInOnePlace) {
  ManifestState state;
  ASSERT_TRUE(state.apply(full_edit()).is_ok());
  VersionEdit again;
  again.added = {{5, file(7, "a", "z")}};
  const Status twice = state.apply(again);
  EXPECT_TRUE(twice.is(Code::kCorruption));
  EXPECT_NE(twice.message().find("table 7"), std::string::npos) << twice.message();
  VersionEdit both;
  both.added = {{5, file(30, "a", "z")}, {6, file(30, "a", "z")}};
  EXPECT_TRUE(state.apply(both).is(Code::kCorruption));
  ManifestState fresh;
  ASSERT_TRUE(fresh.apply(full_edit()).is_ok());
  VersionEdit move;
  move.removed = {{0, 7}};
  move.added = {{5, file(7, "a", "z")}};
  EXPECT_TRUE(fresh.apply(move).is_ok());
  move.removed = {{5, 7}};
  move.added = {{6, file(7, "a", "z")}};
  EXPECT_TRUE(fresh.apply(move).is_ok());
}

Status decoded(const VersionEdit& edit) {
  std::string bytes;
  edit.encode(&bytes);
  VersionEdit out;
  return VersionEdit::decode(bytes, &out);
}

// Timestamps of 56 bits are "no upper bound", and all numbers are counted on from.
TEST(VersionEdit, NumbersThatLeaveNoRoomAreRefused) {
  EXPECT_TRUE(decoded(full_edit()).is_ok());
  const std::vector<std::function<void(VersionEdit*)>> changes = {
      [](VersionEdit* e) { e->last_ts = kStoredTimestampEnd; },
      [](VersionEdit* e) { e->last_ts = kMaxTimestamp; },
      [](VersionEdit* e) { e->last_ts = UINT64_MAX; },
      [](VersionEdit* e) { e->added[0].second.max_ts = kMaxTimestamp; },
      [](VersionEdit* e) { e->added[0].second.min_ts = 500001; },
      [](VersionEdit* e) { e->added[0].second.global_ts = kMaxTimestamp; },
      [](VersionEdit* e) { e->drops_added[0].ts = kMaxTimestamp; },
      [](VersionEdit* e) {
        e->drops_removed = {{"a", "b", kMaxTimestamp}};
      },
      [](VersionEdit* e) { e->next_file_number = 0; },
      [](VersionEdit* e) { e->next_file_number = uint64_t{1} << 62; },
      [](VersionEdit* e) { e->added[0].second.number = 0; },
      [](VersionEdit* e) { e->added[0].second.number = uint64_t{1} << 62; },
      [](VersionEdit* e) {
        e->segments_added = {{uint64_t{1} << 62, 3, 8192, 10, 1, 1}};
      },
      [](VersionEdit* e) {
        e->segments_added = {{3, uint64_t{1} << 62, 8192, 10, 1, 1}};
      },
  };
  for (size_t i = 0; i < changes.size(); i++) {
    VersionEdit edit = full_edit();
    changes[i](&edit);
    EXPECT_TRUE(decoded(edit).is(Code::kCorruption)) << i;
  }
}

TEST(VersionEdit, AnyBytesAreRefusedOrRead) {
  std::string sound;
  full_edit().encode(&sound);
  std::mt19937 rng(1);
  for (int round = 0; round < 5000; round++) {
    std::string bytes = sound;
    bytes[rng() % bytes.size()] = static_cast<char>(rng());
    if (round % 3 == 0) bytes.resize(rng() % bytes.size());
    VersionEdit edit;
    const Status status = VersionEdit::decode(bytes, &edit);
    EXPECT_TRUE(status.is_ok() || status.is(Code::kCorruption) || status.is(Code::kNotSupported));
  }
  std::string newer;
  put_varint32(&newer, 50);
  put_length_prefixed(&newer, "x");
  VersionEdit edit;
  EXPECT_TRUE(VersionEdit::decode(newer, &edit).is(Code::kNotSupported));
}

class ManifestTest : public ::testing::Test {
 public:
  ManifestTest() : io_(5), rng_(9) {
    runtime_.io = &io_;
    runtime_.rng = &rng_;
  }

  std::unique_ptr<Manifest> create(uint64_t slot_bytes = 64 * 1024) {
    auto made = Manifest::create(runtime_, "m", {kUuid, slot_bytes});
    EXPECT_TRUE(made.is_ok()) << made.status().to_string();
    return made.take();
  }
  Result<std::unique_ptr<Manifest>> open(uint64_t slot_bytes = 64 * 1024) {
    auto manifest = Manifest::open(runtime_, "m", {kUuid, slot_bytes});
    if (!manifest.is_ok()) return manifest;
    if (Status s = manifest.value()->settle(); !s.is_ok()) return s;
    return manifest;
  }
  // Adds one table and counts it, as flushes do.
  static Status append_numbered(Manifest* manifest, uint64_t number) {
    VersionEdit edit;
    std::string key(8, '\0');
    put_big64(key.data(), number);
    edit.added = {{1, file(number, key, key)}};
    edit.counters = {{"count", number}};
    edit.flushed_lsn = number * 100;
    return manifest->append(edit);
  }
  uint64_t count(const Manifest& manifest) {
    const auto at = manifest.state().counters.find("count");
    const uint64_t count = at == manifest.state().counters.end() ? 0 : at->second;
    EXPECT_EQ(manifest.state().levels[1].size(), count);
    EXPECT_EQ(manifest.state().flushed_lsn, count * 100);
    return count;
  }
  // The slot the newest superblock names.
  std::string current_slot() {
    const std::string super = io_.contents("m/super");
    manifest::Superblock superblock;
    EXPECT_TRUE(manifest::Superblock::decode(Slice(super).substr(0, 4096), &superblock).is_ok());
    return superblock.slot == 0 ? "m/edits-0" : "m/edits-1";
  }

  SimIo io_;
  SplitMixRng rng_;
  Runtime runtime_;
};

TEST_F(ManifestTest, SurvivesReopeningManyTimes) {
  create();
  uint64_t done = 0;
  for (int round = 0; round < 20; round++) {
    auto manifest = open().take();
    EXPECT_EQ(count(*manifest), done);
    for (int i = 0; i < 17; i++) ASSERT_TRUE(append_numbered(manifest.get(), ++done).is_ok());
    EXPECT_EQ(count(*manifest), done);
  }
}

TEST_F(ManifestTest, GrowsItsSlots) {
  {
    const auto manifest = create(8192);
    for (uint64_t i = 1; i <= 500; i++) ASSERT_TRUE(append_numbered(manifest.get(), i).is_ok());
  }
  EXPECT_EQ(count(*open(8192).take()), 500u);
}

// The appends of one run, cut off at call number `cut`; false when the run ended before it.
bool run_cut_off(SimIo* io, const Runtime& runtime, uint64_t cut, SimFault fault,
                 uint64_t* acknowledged) {
  io->set_plan({{io->calls() + cut, fault}});
  auto manifest = Manifest::open(runtime, "m", {kUuid, 8192});
  if (!manifest.is_ok() || !manifest.value()->settle().is_ok()) return true;
  bool failed = false;
  while (!failed && *acknowledged < 40) {
    failed = !ManifestTest::append_numbered(manifest.value().get(), *acknowledged + 1).is_ok();
    if (!failed) ++*acknowledged;
  }
  if (failed) {  // unusable from then on
    EXPECT_FALSE(ManifestTest::append_numbered(manifest.value().get(), 1000).is_ok());
  }
  return failed;
}

TEST_F(ManifestTest, WhatWasAppendedSurvivesACrashAtEveryCall) {
  for (const SimFault fault :
       {SimFault::kCrashPower, SimFault::kCrashKill, SimFault::kSyncFailed, SimFault::kEio}) {
    bool cut_off = true;
    for (uint64_t cut = 0; cut_off; cut++) {
      ASSERT_LT(cut, 1000u) << "the run has more calls than are tried";
      SimIo io(cut);
      runtime_.io = &io;
      ASSERT_TRUE(Manifest::create(runtime_, "m", {kUuid, 8192}).is_ok());
      ASSERT_TRUE(io.sync_dir("").is_ok());
      uint64_t acknowledged = 0;
      cut_off = run_cut_off(&io, runtime_, cut, fault, &acknowledged);
      const uint64_t possible = acknowledged + (cut_off ? 1 : 0);
      for (const bool power : {fault == SimFault::kCrashPower, true, true}) {
        // After a killed process: recovery, power failure, recovery.
        if (power) {
          io.crash_power();
        } else {
          io.crash_kill();
        }
        io.restart();
        auto manifest = open(8192);
        ASSERT_TRUE(manifest.is_ok()) << cut << ": " << manifest.status().to_string();
        const uint64_t seen = count(*manifest.value());
        ASSERT_GE(seen, acknowledged) << "cut " << cut;
        ASSERT_LE(seen, possible) << "cut " << cut;
        acknowledged = seen;  // what a recovery has shown stays
      }
    }
  }
  runtime_.io = &io_;
}

TEST_F(ManifestTest, OneBadSuperblockIsRepairedTwoAreRefused) {
  ASSERT_TRUE(append_numbered(create().get(), 1).is_ok());
  for (const uint64_t copy : {0, 1}) {
    ASSERT_TRUE(io_.flip_bit("m/super", copy * 4096 * 8 + 300));
    EXPECT_EQ(count(*open().take()), 1u);
  }
  for (const uint64_t copy : {0, 1}) {
    ASSERT_TRUE(io_.flip_bit("m/super", copy * 4096 * 8 + 300));
  }
  const auto refused = open();
  EXPECT_EQ(refused.code(), Code::kCorruption);
  EXPECT_NE(refused.status().message().find("m/super at 0"), std::string::npos)
      << refused.status().to_string();
}

TEST_F(ManifestTest, ABadEditBeforeAGoodOneIsRefused) {
  {
    const auto manifest = create();
    for (uint64_t i = 1; i <= 3; i++) ASSERT_TRUE(append_numbered(manifest.get(), i).is_ok());
  }
  ASSERT_TRUE(io_.flip_bit(current_slot(), 4096 * 8 + 400));  // the first edit
  const auto refused = open();
  EXPECT_EQ(refused.code(), Code::kCorruption);
  EXPECT_NE(refused.status().message().find("at 4096"), std::string::npos)
      << refused.status().to_string();
}

TEST_F(ManifestTest, BadEditsThatEachClaimTheRestAreRefused) {
  constexpr uint64_t kSlotBytes = 64 * 1024;
  create();
  const std::string slot = current_slot();
  const std::string checkpoint = io_.contents(slot);
  auto file = io_.open(slot, OpenMode::kReadWrite, {}).take();
  for (uint64_t at = 4096; at < kSlotBytes; at += 4096) {
    std::string header = checkpoint.substr(0, manifest::kRecordHeaderBytes);  // and its salt
    put_fixed32(header.data() + 24, static_cast<uint32_t>(kSlotBytes - at - header.size()));
    ASSERT_TRUE(file->write(at, header.data(), header.size()).is_ok());
  }
  const auto refused = open();
  EXPECT_EQ(refused.code(), Code::kCorruption);
  EXPECT_NE(refused.status().message().find(slot + " at 4096"), std::string::npos)
      << refused.status().to_string();
}

TEST_F(ManifestTest, TheLogsEndOnlyGrowsAndIsKept) {
  {
    const auto manifest = create();
    EXPECT_EQ(manifest->state().log_end, 0u);
    for (const uint64_t end : {4096, 12288, 8192}) {
      VersionEdit edit;
      edit.log_end = end;
      ASSERT_TRUE(manifest->append(edit).is_ok());
    }
    EXPECT_EQ(manifest->state().log_end, 12288u);
  }
  EXPECT_EQ(open().take()->state().log_end, 12288u);
  EXPECT_EQ(open().take()->state().log_end, 12288u) << "not in the checkpoint";
}

// Whoever is refused later, for the log, has changed nothing by looking at the manifest.
TEST_F(ManifestTest, OpeningWritesNothingUntilItIsSettled) {
  create();
  std::map<std::string, std::string> before;
  for (const std::string& path : io_.all_files()) before[path] = io_.contents(path);
  const auto manifest = Manifest::open(runtime_, "m", {kUuid, 65536}).take();
  for (const auto& [path, bytes] : before) EXPECT_EQ(io_.contents(path), bytes) << path;
  ASSERT_TRUE(manifest->settle().is_ok());
  int changed = 0;
  for (const auto& [path, bytes] : before) changed += io_.contents(path) == bytes ? 0 : 1;
  EXPECT_EQ(changed, 2) << "a checkpoint in the other slot, and the superblock";
}

// A length is believed only as far as there is a file for it.
TEST_F(ManifestTest, ASlotShorterThanTheSuperblockSaysIsRefused) {
  create();
  const std::string slot = current_slot();
  std::string super = io_.contents("m/super");
  manifest::Superblock superblock;
  ASSERT_TRUE(manifest::Superblock::decode(Slice(super).substr(0, 4096), &superblock).is_ok());
  superblock.slot_bytes = uint64_t{1} << 30;
  const std::string block = superblock.encode();
  auto file = io_.open("m/super", OpenMode::kReadWrite, {}).take();
  for (const uint64_t at : {0, 4096}) {
    ASSERT_TRUE(file->write(at, block.data(), block.size()).is_ok());
  }
  const auto refused = open();
  EXPECT_EQ(refused.code(), Code::kCorruption);
  EXPECT_NE(refused.status().message().find(slot + " at 65536"), std::string::npos)
      << refused.status().to_string();
}

TEST_F(ManifestTest, ABadCheckpointIsRefused) {
  create();
  ASSERT_TRUE(io_.flip_bit(current_slot(), 100));
  EXPECT_EQ(open().code(), Code::kCorruption);
}

TEST_F(ManifestTest, ATornLastEditIsCutOff) {
  {
    const auto manifest = create();
    for (uint64_t i = 1; i <= 3; i++) ASSERT_TRUE(append_numbered(manifest.get(), i).is_ok());
  }
  ASSERT_TRUE(io_.flip_bit(current_slot(), 3 * 4096 * 8 + 400));
  EXPECT_EQ(count(*open().take()), 2u);
}

TEST_F(ManifestTest, MissingFilesAndForeignDirectories) {
  create();
  EXPECT_EQ(Manifest::open(runtime_, "m", {"another database", 65536}).code(), Code::kCorruption);
  ASSERT_TRUE(io_.remove(current_slot()).is_ok());
  EXPECT_EQ(open().code(), Code::kNotFound);
  EXPECT_EQ(Manifest::open(runtime_, "nowhere", {kUuid, 65536}).code(), Code::kNotFound);
}

TEST_F(ManifestTest, NewerVersionIsRefusedEvenInOneCopy) {
  create();
  auto super = io_.open("m/super", OpenMode::kReadWrite, {}).take();
  char version[4];
  put_fixed32(version, manifest::kVersion + 1);
  ASSERT_TRUE(super->write(4096 + 8, version, sizeof(version)).is_ok());
  EXPECT_EQ(open().code(), Code::kNotSupported);
}

TEST_F(ManifestTest, AnEditWithUnknownFieldsIsRefused) {
  for (const size_t at : {28, 32}) {  // flags, encryption key id
    SCOPED_TRACE(at);
    ASSERT_TRUE(append_numbered(create().get(), 1).is_ok());
    auto slot = io_.open(current_slot(), OpenMode::kReadWrite, {}).take();
    std::string record(4096, '\0');
    ASSERT_TRUE(slot->read(4096, record.data(), record.size()).is_ok());
    record[at] = 1;
    const size_t checked = 32 + get_fixed32(record.data() + 24);
    put_fixed32(record.data() + 4, crc32c(0, record.data() + 8, checked));
    ASSERT_TRUE(slot->write(4096, record.data(), record.size()).is_ok());
    EXPECT_EQ(open().code(), Code::kNotSupported);
  }
}

TEST_F(ManifestTest, AFullDiskLeavesItUsable) {
  const auto manifest = create(8192);
  io_.set_capacity(8192 * 3);
  uint64_t done = 0;
  Status status;
  while (status.is_ok() && done < 1000) {
    status = append_numbered(manifest.get(), done + 1);
    if (status.is_ok()) done++;
  }
  EXPECT_TRUE(status.is(Code::kNoSpace)) << status.to_string();
  io_.set_capacity(1 << 30);
  ASSERT_TRUE(append_numbered(manifest.get(), done + 1).is_ok());
  EXPECT_EQ(count(*manifest), done + 1);
}

}  // namespace
}  // namespace pgz
