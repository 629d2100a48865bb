// Random damage to the files of a closed log: it is refused, or nothing is missing.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/log/format.h"
#include "engine/log/log_test_util.h"

namespace pgz {
namespace {

using Strings = std::vector<std::string>;

// A log over several slots and two lives, sealed.
Strings write_log(SimIo* io, uint64_t seed) {
  SplitMixRng rng(seed);
  Strings written;
  auto log = create_log(io);
  for (int life = 0; life < 2; ++life) {
    for (int i = 0; i < 15; ++i) {
      written.push_back(text_of(written.size(), 1 + rng.uniform(rng.uniform(4) == 0 ? 9000 : 300)));
      put(log.get(), written.back());
      if (rng.uniform(2) == 0) {
        EXPECT_TRUE(log->flush(nullptr).is_ok());
      }
    }
    EXPECT_TRUE(log->seal().is_ok());
    if (life == 0) log = reopen(io).log;
  }
  return written;
}

void overwrite(SimIo* io, const std::string& path, uint64_t offset, const std::string& bytes) {
  auto file = io->open(path, OpenMode::kReadWrite, {}).take();
  EXPECT_TRUE(file->write(offset, bytes.data(), bytes.size()).is_ok());
}

std::string block_of(const SimIo& io, const std::string& path, uint64_t block) {
  return io.contents(path).substr(block * log::kBlockBytes, log::kBlockBytes);
}

void damage(SimIo* io, SplitMixRng* rng) {
  const auto files = io->all_files();
  const std::string& path = files[rng->uniform(files.size())];
  const uint64_t bytes = io->contents(path).size();
  const uint64_t blocks = bytes / log::kBlockBytes;
  if (blocks == 0) return;  // cut off by damage before
  const uint64_t a = rng->uniform(blocks);
  const uint64_t b = rng->uniform(blocks);
  switch (rng->uniform(6)) {
    case 0:
      io->flip_bit(path, rng->uniform(bytes * 8));
      break;
    case 1: {  // garbage
      std::string garbage;
      for (uint64_t i = rng->uniform(6000); i > 0; --i) {
        garbage.push_back(static_cast<char>(rng->next64()));
      }
      const uint64_t at = rng->uniform(bytes);
      overwrite(io, path, at, garbage.substr(0, std::min<uint64_t>(garbage.size(), bytes - at)));
      break;
    }
    case 2:  // a write that went to the wrong place
      overwrite(io, path, a * log::kBlockBytes, block_of(*io, path, b));
      break;
    case 3: {
      const std::string first = block_of(*io, path, a);
      overwrite(io, path, a * log::kBlockBytes, block_of(*io, path, b));
      overwrite(io, path, b * log::kBlockBytes, first);
      break;
    }
    case 4:  // a write that never happened
      overwrite(io, path, a * log::kBlockBytes, std::string(log::kBlockBytes, '\0'));
      break;
    case 5:
      io->cut(path, rng->uniform(bytes));
      break;
  }
}

// The last sealing block protects everything before it and is itself protected by nothing; with it
// gone, so may be the group before it. Nothing else may be missing without a word.
TEST(LogDamage, IsRefusedOrNothingIsMissing) {
  int refused = 0;
  int whole = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SimIo io(seed);
    SplitMixRng rng(seed * 77 + 1);
    const Strings written = write_log(&io, seed);
    for (uint64_t i = rng.uniform(3); i < 3; ++i) damage(&io, &rng);
    const Recovered r = reopen(&io);
    if (!r.status.is_ok()) {
      EXPECT_EQ(r.status.code(), Code::kCorruption) << r.status.to_string();
      EXPECT_NE(r.status.message().find("log/"), std::string::npos) << r.status.message();
      ++refused;
      continue;
    }
    ASSERT_LE(r.records.size(), written.size()) << seed;
    EXPECT_TRUE(std::equal(r.records.begin(), r.records.end(), written.begin())) << seed;
    if (r.result.sealed) {
      EXPECT_EQ(r.records.size(), written.size()) << seed;
      ++whole;
    }
  }
  EXPECT_GT(refused, 150);
  EXPECT_GT(whole, 20);
}

// What the blocks cannot say: that another slot followed the one they end in.
TEST(LogDamage, AnEndBeforeTheKnownOneIsCorruptionAndNothingIsWritten) {
  SimIo io(7);
  Lsn end = 0;
  {
    auto log = create_log(&io);
    put_durable(log.get(), "one");
    ASSERT_TRUE(log->seal().is_ok());
    end = log->durable_lsn();
  }
  const auto recover = [&](Lsn durable, int* asked) {
    auto log = Log::open(runtime_on(&io), "log", small_log_options()).take();
    RecoverOptions options;
    options.durable_lsn = durable;
    options.before_writes = [asked] {
      ++*asked;
      return Status::make(Code::kInvalidArgument, "not yet");
    };
    RecoverResult result;
    return log->recover(
        0, [](Lsn, Slice) { return Status::ok(); }, &result, options);
  };
  const auto disk = [&io] {
    std::map<std::string, std::string> files;
    for (const std::string& path : io.all_files()) files[path] = io.contents(path);
    return files;
  };
  const auto before = disk();
  int asked = 0;
  // Up to the end it has: writing would begin.
  EXPECT_EQ(recover(end, &asked).code(), Code::kInvalidArgument);
  EXPECT_EQ(asked, 1);
  const Status refused = recover(end + 1, &asked);
  EXPECT_EQ(refused.code(), Code::kCorruption) << refused.to_string();
  EXPECT_NE(refused.message().find("the manifest says so"), std::string::npos);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(disk(), before);
}

}  // namespace
}  // namespace pgz
