// Slots that recovery does not read to their ends, and why nothing hides in them.
#include <gtest/gtest.h>

#include <map>

#include "engine/log/format.h"
#include "engine/log/log_test_util.h"

namespace pgz {
namespace {

using log::kBlockBytes;

constexpr uint64_t kSlotBlocks = 32;

LogOptions long_slots() {
  LogOptions options = small_log_options();
  options.first_slot_bytes = options.slot_bytes = kSlotBlocks * kBlockBytes;
  return options;
}

// A record that fills so many blocks of its own.
std::string blocks_of(size_t number, size_t blocks) {
  constexpr size_t kRoom = log::kPayloadMax - log::kFragmentHeaderBytes;
  return text_of(number, blocks * kRoom);
}

uint64_t calls_to_reopen(SimIo* io, Lsn from) {
  const uint64_t before = io->calls();
  const Recovered r = reopen(io, from, long_slots());
  EXPECT_TRUE(r.status.is_ok()) << r.status.to_string();
  return io->calls() - before;
}

TEST(LogHead, WhatTablesHoldIsNotReadAgain) {
  uint64_t calls[2];
  for (int i = 0; i < 2; ++i) {
    SimIo io(1);
    Lsn end = 0;
    {
      auto log = create_log(&io, long_slots());
      for (size_t n = 0; n < 15; ++n) end = put_durable(log.get(), blocks_of(n, 10)).lsn_end;
    }
    calls[i] = calls_to_reopen(&io, i == 0 ? 0 : end);
  }
  EXPECT_LT(calls[1], calls[0]) << "four slots lie below";
}

// A log that has filled its slots more than once, and is about to begin another one: the position
// it begins at is that of group(0)'s first block.
struct NewSlot {
  explicit NewSlot(uint64_t seed) : io(seed), log(create_log(&io, long_slots())) {
    EXPECT_TRUE(log->prepare_slots().is_ok());
    for (size_t n = 0; n < 8; ++n) fill(n);
    for (const std::string& path : io.all_files()) before[path] = io.contents(path);
  }

  // Whatever is left of the slot; tables hold it then.
  void fill(size_t number) {
    const Lsn end = log->end_lsn();
    const uint64_t used = end / kBlockBytes % kSlotBlocks;  // slots are of one size, from 0 on
    size_t blocks = kSlotBlocks - used;
    if (used == 0) --blocks;  // the header comes first
    from = put_durable(log.get(), blocks_of(number, blocks)).lsn_end;
    EXPECT_EQ(log->end_lsn() / kBlockBytes % kSlotBlocks, 0u);
    EXPECT_TRUE(log->recycle(from).is_ok());
    EXPECT_TRUE(log->prepare_slots().is_ok());
  }

  // The slot file that was begun since.
  std::string slot() const {
    for (const auto& [path, bytes] : before) {
      if (io.contents(path) != bytes) return path;
    }
    return "";
  }

  // The write that began the slot never reached the device.
  void lose_first_write(size_t blocks) {
    const std::string path = slot();
    ASSERT_NE(path, "");
    ASSERT_TRUE(io.overwrite(path, 0, before[path].substr(0, blocks * kBlockBytes)));
  }

  SimIo io;
  std::unique_ptr<Log> log;
  std::map<std::string, std::string> before;
  Lsn from = 0;
};

// The header and what was written with it are gone, what came behind it was acknowledged: the slot
// has an older header, or none, and is no old slot.
TEST(LogHead, ALostHeaderIsNoticedByWhatFollows) {
  for (size_t first_group : {1u, 2u, 3u, 4u, 5u, 20u, 26u}) {
    SCOPED_TRACE(first_group);
    NewSlot s(first_group);
    put_durable(s.log.get(), blocks_of(100, first_group));
    put_durable(s.log.get(), blocks_of(101, 2));
    put_durable(s.log.get(), blocks_of(102, 2));
    s.log.reset();
    s.lose_first_write(std::min<size_t>(first_group + 1, log::kFirstWriteBlocks));
    const Recovered r = reopen(&s.io, s.from, long_slots());
    EXPECT_EQ(r.status.code(), Code::kCorruption) << r.status.to_string();
  }
}

// Power fails in the write that begins the slot: whatever of it landed, the log goes on behind it,
// and no position means two things.
TEST(LogHead, ATornFirstWriteIsSeen) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    NewSlot s(seed);
    put(s.log.get(), blocks_of(100, 20));
    s.io.set_plan({{s.io.calls() + seed % 2, SimFault::kCrashPower}});
    (void)s.log->flush(nullptr).is_ok();
    if (!s.io.crashed()) s.io.crash_power();
    s.io.restart();
    uint64_t epoch = 0;
    Lsn position = 0;
    for (const std::string& path : s.io.all_files()) {
      const std::string bytes = s.io.contents(path);
      const auto head = log::parse_block(bytes.data(), long_slots().uuid);
      for (size_t at = 0; at + kBlockBytes <= bytes.size(); at += kBlockBytes) {
        const auto h = log::parse_block(bytes.data() + at, long_slots().uuid);
        if (!h) continue;
        EXPECT_TRUE(at < log::kFirstWriteBlocks * kBlockBytes || head->epoch >= h->epoch)
            << "what is written later waits for the header";
        epoch = std::max(epoch, h->epoch);
        position = std::max(position, h->position);
      }
    }
    Recovered r = reopen(&s.io, s.from, long_slots());
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    EXPECT_LE(r.records.size(), 1u);
    const Appended after = put_durable(r.log.get(), "after");
    EXPECT_GT(after.lsn_begin, position);
    r.records.push_back("after");
    r.log.reset();
    EXPECT_EQ(reopen(&s.io, s.from, long_slots()).records, r.records);
    uint64_t newest = 0;
    for (const std::string& path : s.io.all_files()) {
      const auto h = log::parse_block(s.io.contents(path).data(), long_slots().uuid);
      if (h) newest = std::max(newest, h->epoch);
    }
    EXPECT_GT(newest, epoch);
  }
}

// A build before decision 0024 began a slot with one write of any size, and power failed in it: of
// a group nobody was told of, blocks behind the head are all that landed. They are not looked at,
// so that their epoch and positions are given out again, in the same slot here; whatever is written
// there, even the same records, does not go on with them.
TEST(LogHead, TheTornFirstWriteOfAnOlderBuildIsNotTheLogs) {
  for (size_t again = 1; again < 24; ++again) {
    SCOPED_TRACE(again);
    NewSlot s(again);
    put_durable(s.log.get(), blocks_of(100, 20));
    s.log.reset();
    const std::string slot = s.slot();
    s.lose_first_write(2 * log::kFirstWriteBlocks);
    const auto stale = log::parse_block(
        s.io.contents(slot).data() + 2 * log::kFirstWriteBlocks * kBlockBytes, long_slots().uuid);
    const Lsn from = s.from - 2 * kSlotBlocks * kBlockBytes;  // no other slot is free
    Recovered r = reopen(&s.io, from, long_slots());
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    std::vector<std::string> written = r.records;
    EXPECT_EQ(written.size(), 2u);
    for (const size_t blocks : {again, size_t{20}}) {
      written.push_back(blocks_of(100, blocks));
      put_durable(r.log.get(), written.back());
      r.log.reset();
      const auto header = log::parse_block(s.io.contents(slot).data(), long_slots().uuid);
      ASSERT_TRUE(header && stale);
      EXPECT_EQ(header->epoch, stale->epoch);
      EXPECT_EQ(header->position + 2 * log::kFirstWriteBlocks * kBlockBytes, stale->position);
      r = reopen(&s.io, from, long_slots());
      ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
      EXPECT_EQ(r.records, written);
    }
  }
}

// Damage to a header, of any kind, has the slot read to its end.
TEST(LogHead, ADamagedHeaderHidesNothing) {
  for (const char* how : {"bit", "zeros", "another"}) {
    SCOPED_TRACE(how);
    NewSlot s(3);
    for (size_t n = 0; n < 4; ++n) put_durable(s.log.get(), blocks_of(100 + n, 5));
    const std::string path = s.slot();
    ASSERT_NE(path, "");
    bool is_done = false;
    if (*how == 'b') is_done = s.io.flip_bit(path, 777);
    if (*how == 'z') is_done = s.io.overwrite(path, 0, std::string(kBlockBytes, '\0'));
    if (*how == 'a') is_done = s.io.overwrite(path, 0, s.before[path].substr(0, kBlockBytes));
    ASSERT_TRUE(is_done);
    EXPECT_EQ(reopen(&s.io, s.from, long_slots()).status.code(), Code::kCorruption);
  }
}

// Slots that recovery gives up are written to when their records are certain to be kept elsewhere,
// and not before, although the log makes itself durable meanwhile.
TEST(LogHead, GivenUpSlotsStayAsTheyAreUntilTheirRecordsAreKeptElsewhere) {
  NewSlot s(1);
  put_durable(s.log.get(), blocks_of(100, 2));
  s.log.reset();
  std::map<std::string, std::string> before;
  for (const std::string& path : s.io.all_files()) before[path] = s.io.contents(path);
  const auto as_before = [&] {
    bool same = s.io.all_files().size() == before.size();
    for (const auto& [path, bytes] : before) same = same && s.io.contents(path) == bytes;
    return same;
  };
  const auto recover = [&](bool is_kept) {
    auto log = Log::open(runtime_on(&s.io), "log", long_slots()).take();
    EXPECT_TRUE(log->read_ahead([&] { return std::optional<Lsn>(s.from); }).is_ok());
    RecoverOptions options;
    options.before_reuse = [&] {
      EXPECT_TRUE(as_before());
      return is_kept ? Status::ok() : Status::make(Code::kIoError, "not kept");
    };
    RecoverResult result;
    const Status status = log->recover(
        s.from, [](Lsn, Slice) { return Status::ok(); }, &result, options);
    EXPECT_EQ(result.records, 1u);
    return status.code();
  };
  EXPECT_EQ(recover(false), Code::kIoError);
  EXPECT_TRUE(as_before());
  EXPECT_EQ(recover(true), Code::kOk);
  EXPECT_FALSE(as_before()) << "a slot was begun, in the place of one that was given up";
}

}  // namespace
}  // namespace pgz
