// The tail rules: every schedule the design names, with the disk's part played sector by sector.
#include <gtest/gtest.h>

#include <set>

#include "engine/log/format.h"
#include "engine/log/log_test_util.h"

namespace pgz {
namespace {

constexpr uint64_t kSectorsPerBlock = 8;
constexpr size_t kTwoBlocks = 6000;

using Strings = std::vector<std::string>;

// Survival of a power failure: only blocks of the slot file for which keep(block index) holds.
auto keep_blocks(std::function<bool(uint64_t)> keep) {
  return [keep = std::move(keep)](const std::string&, uint64_t sector) {
    return keep(sector / kSectorsPerBlock);
  };
}

// Appends and lets the power fail while the group is being written.
void crash_in_flush(SimIo* io, Log* log, const std::string& record,
                    const std::function<bool(uint64_t)>& keep) {
  put(log, record);
  io->set_plan({{io->calls(), SimFault::kCrashKill}});
  // A kill before the write leaves nothing, one after it everything: try until it was after.
  (void)log->flush(nullptr).is_ok();
  io->crash_power(keep_blocks(keep));
  io->restart();
}

// The slot file that holds LSN `lsn`'s block, found by content; "" when none does.
std::string file_with(const SimIo& io, const std::string& text) {
  for (const std::string& path : io.all_files()) {
    if (io.contents(path).find(text) != std::string::npos) return path;
  }
  return "";
}

TEST(LogTail, SecondBlockLandsAndTheFirstDoesNotTwiceInARow) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimIo io(seed);
    auto log = create_log(&io);
    put_durable(log.get(), "one");
    Strings expected = {"one"};
    Lsn dead_end = 0;
    for (int round = 0; round < 2; ++round) {
      const size_t before = expected.size();
      // The group's first block is block 1 (of a slot recovery began) or 2 (of the first slot).
      const uint64_t first = round == 0 ? 2 : 1;
      crash_in_flush(&io, log.get(), text_of(100 + static_cast<size_t>(round), kTwoBlocks),
                     [&](uint64_t block) { return block != first; });
      dead_end = log->end_lsn();
      Recovered r = reopen(&io);
      ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
      EXPECT_EQ(r.records, expected) << "seed " << seed;
      EXPECT_EQ(r.records.size(), before);
      log = std::move(r.log);
    }
    // A third life whose own group is whole must not be joined with what the dead blocks hold.
    expected.push_back("after");
    EXPECT_GE(put_durable(log.get(), "after").lsn_begin, dead_end)
        << "no position means two things";
    EXPECT_EQ(reopen(&io).records, expected);
  }
}

TEST(LogTail, KillBetweenWriteAndFlushThenRestartThenPowerLoss) {
  int accepted = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SimIo io(seed);
    auto log = create_log(&io);
    put_durable(log.get(), "one");
    put(log.get(), text_of(5, kTwoBlocks));
    io.set_plan({{io.calls(), SimFault::kCrashKill}});
    EXPECT_FALSE(log->flush(nullptr).is_ok());
    io.restart();
    Recovered first = reopen(&io);
    ASSERT_TRUE(first.status.is_ok());
    accepted += first.records.size() == 2 ? 1 : 0;
    // Whatever recovery showed must survive, whatever the disk did not get by itself.
    io.crash_power(keep_blocks([](uint64_t) { return false; }));
    io.restart();
    EXPECT_EQ(reopen(&io).records, first.records);
  }
  EXPECT_GT(accepted, 5);
  EXPECT_LT(accepted, 35);
}

TEST(LogTail, FailedSyncThenRestartThenPowerLoss) {
  int accepted = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SimIo io(seed);
    auto log = create_log(&io);
    put_durable(log.get(), "one");
    put(log.get(), "two");
    io.set_plan({{io.calls(), SimFault::kSyncFailed}});
    EXPECT_FALSE(log->flush(nullptr).is_ok());
    io.crash_kill();
    io.restart();
    Recovered first = reopen(&io);
    ASSERT_TRUE(first.status.is_ok());
    accepted += first.records.size() == 2 ? 1 : 0;
    io.crash_power(keep_blocks([](uint64_t) { return false; }));
    io.restart();
    EXPECT_EQ(reopen(&io).records, first.records) << "seed " << seed;
  }
  EXPECT_EQ(accepted, 40) << "the cache still had it each time";
}

// A log whose first slot has room for one more block, and a record that needs the second slot too.
struct SlotSwitch {
  explicit SlotSwitch(uint64_t seed) : io(seed), log(create_log(&io)) {
    EXPECT_TRUE(log->prepare_slots().is_ok());
    for (size_t i = 0; i < 6; ++i) {  // blocks 1 to 6 of the eight
      acknowledged.push_back(text_of(i, 100));
      put_durable(log.get(), acknowledged.back());
    }
    last = text_of(50, 4 * 4000);
    put(log.get(), last);
  }
  SimIo io;
  std::unique_ptr<Log> log;
  Strings acknowledged;
  std::string last;
};

void expect_goes_on(SimIo* io, Recovered r, Strings expected) {
  ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
  EXPECT_EQ(r.records, expected);
  expected.push_back("after");
  put_durable(r.log.get(), "after");
  r.log.reset();
  EXPECT_EQ(reopen(io).records, expected);
}

TEST(LogTail, SlotSwitchAtTheCrash) {
  for (uint64_t write = 0; write < 2; ++write) {  // the group's write to the first slot, the second
    for (bool second_lands : {false, true}) {
      for (uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE(std::to_string(write) + (second_lands ? " lands " : " is lost ") +
                     std::to_string(seed));
        SlotSwitch s(seed);
        s.io.set_plan({{s.io.calls() + write, SimFault::kCrashKill}});
        EXPECT_FALSE(s.log->flush(nullptr).is_ok());
        const bool written = !file_with(s.io, s.last.substr(15000)).empty();
        s.io.crash_power([&](const std::string& path, uint64_t) {
          return (path == "log/000002.slot") == second_lands;
        });
        s.io.restart();
        Strings expected = s.acknowledged;
        if (second_lands && written) expected.push_back(s.last);
        expect_goes_on(&s.io, reopen(&s.io), expected);
      }
    }
  }
}

TEST(LogTail, SecondSlotLandsAndTheEndOfTheFirstDoesNot) {
  SlotSwitch s(1);
  ASSERT_TRUE(s.log->flush(nullptr).is_ok());
  ASSERT_TRUE(s.io.flip_bit("log/000001.slot", (7 * 4096 + 99) * 8));
  expect_goes_on(&s.io, reopen(&s.io), s.acknowledged);
}

TEST(LogTail, SecondSlotsHeaderDoesNotLandAndItsBlocksDo) {
  SlotSwitch s(1);
  ASSERT_TRUE(s.log->flush(nullptr).is_ok());
  ASSERT_TRUE(s.io.flip_bit("log/000002.slot", 99 * 8));
  expect_goes_on(&s.io, reopen(&s.io), s.acknowledged);
}

TEST(LogTail, StaleBlocksInARecycledSlotAreNotTheLog) {
  SimIo io(1);
  LogOptions options = small_log_options();
  options.slot_bytes = options.first_slot_bytes;  // every slot serves again
  auto log = create_log(&io, options);
  Lsn from = 0;
  // Every record fills a block of its own, so old and new blocks stand at the same offsets.
  for (size_t i = 0; i < 60; ++i) {
    from = put_durable(log.get(), text_of(i, 3000)).lsn_end;
    ASSERT_TRUE(log->recycle(from).is_ok());
  }
  const Strings last = {text_of(1000, 3000)};
  put_durable(log.get(), last[0]);
  log.reset();
  size_t stale = 0;
  for (const std::string& path : io.all_files()) {
    const std::string bytes = io.contents(path);
    std::set<uint64_t> epochs;
    for (size_t at = 0; at + log::kBlockBytes <= bytes.size(); at += log::kBlockBytes) {
      const auto h = log::parse_block(bytes.data() + at, options.uuid);
      if (h) epochs.insert(h->epoch);
    }
    stale += epochs.size() > 1 ? 1 : 0;
  }
  EXPECT_GT(stale, 0u) << "the scene is set: a slot holds blocks of two epochs";
  Recovered r = reopen(&io, from, options);
  ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
  EXPECT_EQ(r.records, last);
}

TEST(LogTail, AWholeBlockThatDoesNotBelongEndsTheLog) {
  // The last block is replaced by one that is whole but wrong in its epoch (1), position (2) or
  // predecessor (3).
  for (int field = 0; field < 4; ++field) {
    SimIo io(1);
    {
      auto log = create_log(&io);
      for (size_t i = 0; i < 3; ++i) put_durable(log.get(), text_of(i, 100));
    }
    auto file = io.open("log/000001.slot", OpenMode::kReadWrite, {}).take();
    std::string block(log::kBlockBytes, '\0');
    ASSERT_TRUE(file->read(3 * 4096, block.data(), block.size()).is_ok());
    const auto h = log::parse_block(block.data(), small_log_options().uuid);
    ASSERT_TRUE(h.has_value());
    log::seal_block(block.data(), small_log_options().uuid, h->epoch + (field == 1 ? 1 : 0),
                    h->position + (field == 2 ? 4096 : 0), h->durable_lsn,
                    h->prev ^ (field == 3 ? 1 : 0));
    ASSERT_TRUE(file->write(3 * 4096, block.data(), block.size()).is_ok());
    const Recovered r = reopen(&io);
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    EXPECT_EQ(r.records.size(), field == 0 ? 3u : 2u) << field;
    EXPECT_NE(r.result.end_reason.find("log/000001.slot at offset"), std::string::npos);
  }
}

// A header that is whole and names its own slot, or a younger one, as the one before it.
TEST(LogTail, ASlotIsNotItsOwnSuccessor) {
  for (const uint64_t own_epoch : {0, 1, 2}) {
    for (const uint64_t prev_epoch : {0, 1, 2, 3}) {
      SimIo io(1);
      {
        auto log = create_log(&io);
        for (size_t i = 0; i < 3; ++i) put_durable(log.get(), text_of(i, 100));
      }
      auto file = io.open("log/000001.slot", OpenMode::kReadWrite, {}).take();
      std::string block(log::kBlockBytes, '\0');
      ASSERT_TRUE(file->read(0, block.data(), block.size()).is_ok());
      const auto h = log::parse_block(block.data(), small_log_options().uuid);
      ASSERT_TRUE(h.has_value());
      auto header = log::parse_slot_header(Slice(block.data() + log::kBlockHeaderBytes, h->length));
      ASSERT_TRUE(header.has_value());
      header->prev_epoch = prev_epoch;
      (void)log::encode_slot_header(*header, block.data() + log::kBlockHeaderBytes);
      log::seal_block(block.data(), small_log_options().uuid, own_epoch, h->position,
                      h->durable_lsn, h->prev);
      ASSERT_TRUE(file->write(0, block.data(), block.size()).is_ok());
      const Recovered r = reopen(&io);
      // The slot's other blocks are of epoch 1, and continue the chain of the header that was.
      const bool is_as_it_was = own_epoch == 1 && prev_epoch == 0;
      EXPECT_EQ(r.status.is_ok(), is_as_it_was) << own_epoch << " after " << prev_epoch;
      if (is_as_it_was) {
        EXPECT_EQ(r.records.size(), 3u);
      }
    }
  }
}

// Blocks of a log that has begun far up: what is written next must be found again, or nothing is
// written.
TEST(LogTail, ALogThatHasNoRoomToGoOnIsRefused) {
  for (const bool far_epoch : {true, false}) {
    for (const uint64_t far : {uint64_t{1} << 61, uint64_t{1} << 62, 0 - uint64_t{8192}}) {
      SimIo io(1);
      {
        auto log = create_log(&io);
        for (size_t i = 0; i < 3; ++i) put_durable(log.get(), text_of(i, 100));
      }
      auto file = io.open("log/000001.slot", OpenMode::kReadWrite, {}).take();
      const uint64_t size = file->size().take();
      std::string block(log::kBlockBytes, '\0');
      uint32_t prev = 0;
      for (uint64_t at = 0; at < size; at += log::kBlockBytes) {
        ASSERT_TRUE(file->read(at, block.data(), block.size()).is_ok());
        const auto h = log::parse_block(block.data(), small_log_options().uuid);
        if (!h) break;
        prev =
            log::seal_block(block.data(), small_log_options().uuid, far_epoch ? far + 1 : h->epoch,
                            far_epoch ? h->position : far + h->position, 0, prev);
        ASSERT_TRUE(file->write(at, block.data(), block.size()).is_ok());
      }
      const Recovered r = reopen(&io, far_epoch ? 0 : far);
      EXPECT_TRUE(r.status.is(Code::kCorruption)) << far_epoch << far << r.status.to_string();
      EXPECT_NE(r.status.message().find("log/"), std::string::npos) << r.status.message();
    }
  }
}

TEST(LogTail, PartOfAGroupIsAPrefixOfIt) {
  // Records of one block each in one group of five; every subset of the blocks lands.
  for (uint64_t mask = 0; mask < 32; ++mask) {
    SimIo io(mask);
    auto log = create_log(&io);
    Strings group;
    for (size_t i = 0; i < 5; ++i) {
      group.push_back(text_of(i, 4040));
      put(log.get(), group.back());
    }
    for (uint64_t life = 0;; ++life) {  // a kill after the write
      ASSERT_LT(life, 50u);
      SimIo attempt(mask * 100 + life);
      auto again = create_log(&attempt);
      for (const std::string& record : group) put(again.get(), record);
      attempt.set_plan({{attempt.calls(), SimFault::kCrashKill}});
      EXPECT_FALSE(again->flush(nullptr).is_ok());
      if (file_with(attempt, "0:").empty()) continue;
      attempt.crash_power(keep_blocks(
          [&](uint64_t block) { return block >= 1 && (mask >> (block - 1) & 1) != 0; }));
      attempt.restart();
      Recovered r = reopen(&attempt);
      ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
      size_t prefix = 0;
      while ((mask >> prefix & 1) != 0) ++prefix;
      EXPECT_EQ(r.records, Strings(group.begin(), group.begin() + static_cast<long>(prefix)));
      break;
    }
  }
}

TEST(LogTail, TornSectorsInsideABlockCutIt) {
  for (uint64_t lost = 0; lost < kSectorsPerBlock; ++lost) {
    for (uint64_t life = 0;; ++life) {
      ASSERT_LT(life, 50u);
      SimIo io(life * 8 + lost);
      auto log = create_log(&io);
      put_durable(log.get(), "one");
      put(log.get(), text_of(9, 4040));
      io.set_plan({{io.calls(), SimFault::kCrashKill}});
      EXPECT_FALSE(log->flush(nullptr).is_ok());
      if (file_with(io, "9:").empty()) continue;
      io.crash_power(
          [&](const std::string&, uint64_t sector) { return sector % kSectorsPerBlock != lost; });
      io.restart();
      EXPECT_EQ(reopen(&io).records, Strings{"one"}) << lost;
      break;
    }
  }
}

TEST(LogTail, DamageBelowADurablePositionIsRefusedWithItsPlace) {
  // Block 0 heads the slot, 1..4 hold a group each, 5 seals: damage each in turn.
  for (uint64_t block = 0; block <= 5; ++block) {
    for (uint64_t byte : {0u, 20u, 50u, 4095u}) {
      SimIo io(1);
      {
        auto log = create_log(&io);
        for (size_t i = 0; i < 4; ++i) put_durable(log.get(), text_of(i, 100));
        ASSERT_TRUE(log->seal().is_ok());
      }
      ASSERT_TRUE(io.flip_bit("log/000001.slot", (block * 4096 + byte) * 8));
      const auto files = io.all_files();
      const std::string before = io.contents("log/000001.slot");
      const Recovered r = reopen(&io);
      if (block == 5) {
        EXPECT_TRUE(r.status.is_ok()) << "the seal itself protects, nothing protects it";
        EXPECT_EQ(r.records.size(), 4u);
        EXPECT_FALSE(r.result.sealed);
        continue;
      }
      EXPECT_EQ(r.status.code(), Code::kCorruption) << block;
      EXPECT_NE(r.status.message().find("log/000001.slot"), std::string::npos);
      if (block > 0) {
        EXPECT_NE(r.status.message().find("offset " + std::to_string(block * 4096)),
                  std::string::npos)
            << r.status.message();
      }
      EXPECT_EQ(io.all_files(), files) << "nothing is changed";
      EXPECT_EQ(io.contents("log/000001.slot"), before);
    }
  }
}

TEST(LogTail, DamageIsSeenAcrossSlots) {
  // The evidence stands in a later slot than the damage, and in the slot recovery began.
  SimIo io(2);
  {
    auto log = create_log(&io);
    for (size_t i = 0; i < 12; ++i) put_durable(log.get(), text_of(i, 4000));
  }
  {
    SimIo other(2);  // the same history, reopened before the damage
    auto log = create_log(&other);
    for (size_t i = 0; i < 3; ++i) put_durable(log.get(), text_of(i, 4000));
    log.reset();
    ASSERT_TRUE(reopen(&other).status.is_ok());
    ASSERT_TRUE(other.flip_bit("log/000001.slot", (3 * 4096 + 100) * 8));
    EXPECT_EQ(reopen(&other).status.code(), Code::kCorruption)
        << "the accepted end is known to be durable, the last group included";
  }
  ASSERT_TRUE(io.flip_bit("log/000001.slot", (7 * 4096 + 100) * 8));
  EXPECT_EQ(reopen(&io).status.code(), Code::kCorruption);
}

// More than recovery keeps in memory of its first pass: what is beyond that it reads again.
TEST(LogTail, LargeLogsComeBackAndDamageIsSeenAnywhere) {
  constexpr size_t kRecordBytes = 700'000;
  LogOptions options = small_log_options();
  options.first_slot_bytes = options.slot_bytes = 4 << 20;
  SimIo io(1);
  Strings written;
  {
    auto log = create_log(&io, options);
    for (size_t i = 0; i < 35; ++i) {
      written.push_back(text_of(i, kRecordBytes));
      put_durable(log.get(), written.back());
    }
    ASSERT_TRUE(log->seal().is_ok());
  }
  for (size_t i : {0u, 20u, 30u, 34u}) {
    const std::string middle = written[i].substr(kRecordBytes / 2, 40);
    const std::string file = file_with(io, middle);
    const uint64_t bit = io.contents(file).find(middle) * 8;
    ASSERT_TRUE(io.flip_bit(file, bit));
    const Recovered r = reopen(&io, 0, options);
    EXPECT_EQ(r.status.code(), Code::kCorruption) << i;
    EXPECT_NE(r.status.message().find(file + " at offset"), std::string::npos);
    ASSERT_TRUE(io.flip_bit(file, bit));
  }
  const Recovered whole = reopen(&io, 0, options);
  ASSERT_TRUE(whole.status.is_ok()) << whole.status.to_string();
  EXPECT_EQ(whole.records, written);
}

TEST(LogTail, DamagedLastGroupOfAnUnsealedLogLooksLikeATornTail) {
  SimIo io(3);
  {
    auto log = create_log(&io);
    for (size_t i = 0; i < 3; ++i) put_durable(log.get(), text_of(i, 100));
  }
  ASSERT_TRUE(io.flip_bit("log/000001.slot", (3 * 4096 + 60) * 8));
  const Recovered r = reopen(&io);
  EXPECT_TRUE(r.status.is_ok()) << "the one documented ambiguity";
  EXPECT_EQ(r.records, (Strings{text_of(0, 100), text_of(1, 100)}));
}

TEST(LogTail, CutAndMissingSlotsAreRefused) {
  for (int variant = 0; variant < 3; ++variant) {
    SimIo io(4);
    {
      auto log = create_log(&io);
      for (size_t i = 0; i < 20; ++i) put_durable(log.get(), text_of(i, 4000));
      ASSERT_TRUE(log->seal().is_ok());
    }
    const std::string victim = variant == 1 ? "log/000002.slot" : "log/000001.slot";
    if (variant == 2) {
      auto file = io.open(victim, OpenMode::kReadWrite, {}).take();
      ASSERT_TRUE(file->truncate(3 * 4096).is_ok());
    } else {
      ASSERT_TRUE(io.remove(victim).is_ok());
    }
    EXPECT_EQ(reopen(&io).status.code(), Code::kCorruption) << variant;
  }
}

TEST(LogTail, ALogThatEndsBeforeWhatTablesHoldIsRefused) {
  SimIo io(6);
  Lsn last = 0;
  {
    auto log = create_log(&io);
    for (size_t i = 0; i < 3; ++i) last = put_durable(log.get(), text_of(i, 100)).lsn_end;
  }
  EXPECT_TRUE(reopen(&io, last).status.is_ok());
  SimIo other(6);
  {
    auto log = create_log(&other);
    for (size_t i = 0; i < 3; ++i) put_durable(log.get(), text_of(i, 100));
  }
  ASSERT_TRUE(other.flip_bit("log/000001.slot", (3 * 4096 + 60) * 8));
  EXPECT_EQ(reopen(&other, last).status.code(), Code::kCorruption);
}

TEST(LogTail, UnreadableSlotIsAnErrorNotAnEnd) {
  SimIo io(5);
  put_durable(create_log(&io).get(), "x");
  io.set_plan({{io.calls() + 3, SimFault::kEio}});
  EXPECT_EQ(reopen(&io).status.code(), Code::kIoError);
}

TEST(LogTail, UnfinishedLargeRecordStaysUnfinished) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimIo io(seed);
    auto log = create_log(&io);
    put_durable(log.get(), "one");
    crash_in_flush(&io, log.get(), text_of(77, 20000), [](uint64_t block) { return block < 5; });
    Recovered r = reopen(&io);
    ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
    ASSERT_EQ(r.records, Strings{"one"});
    const std::string whole = text_of(78, 20000);
    put_durable(r.log.get(), whole);
    r.log.reset();
    EXPECT_EQ(reopen(&io).records, (Strings{"one", whole}));
  }
}

}  // namespace
}  // namespace pgz
