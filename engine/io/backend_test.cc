// Which back end and which durable write method are chosen.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "engine/io/durable_probe.h"
#include "engine/io/uring.h"

namespace pgz {
namespace {

class BackendTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "pgz-backend-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string read(const std::string& name) {
    std::ifstream in(path_join(dir_, name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path_join(dir_, name)) << text;
  }
  Status durable_write(Io* io) {
    auto file = io->open(path_join(dir_, "f"), OpenMode::kCreate, {.direct = true});
    if (!file.is_ok()) return file.take_status();
    AlignedBuffer block(4096);
    block.zero();
    const IoSlice slice{block.data(), block.size()};
    return file.value()->write_durable(0, {&slice, 1});
  }

  std::string dir_;
};

// From now on this thread's system call `number` fails with EPERM.
bool refuse_call(uint32_t number) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(BackendTest, RefusedRingFallsBackLoudly) {
  for (const uint32_t call : {SYS_io_uring_setup, SYS_io_uring_enter}) {
    bool filtered = false;
    std::string description;
    Status written;
    // The filter lasts as long as its thread.
    std::thread([&] {
      filtered = refuse_call(call);
      if (!filtered) return;
      const std::unique_ptr<Io> io = make_io();
      io->tune(dir_);
      description = io->describe();
      written = durable_write(io.get());
    }).join();
    if (!filtered) GTEST_SKIP() << "no seccomp filters here";
    EXPECT_TRUE(description.starts_with("posix, ")) << description;
    EXPECT_NE(description.find("; no io_uring: io_uring_"), std::string::npos) << description;
    EXPECT_NE(description.find("Operation not permitted"), std::string::npos) << description;
    EXPECT_EQ(description.find("linked"), std::string::npos) << description;
    EXPECT_TRUE(written.is_ok()) << written.to_string();
  }
}

TEST_F(BackendTest, PosixIsUsedWhenAskedFor) {
  const std::unique_ptr<Io> io = make_io({.backend = IoBackend::kPosix});
  EXPECT_TRUE(io->describe().starts_with("posix, ")) << io->describe();
  EXPECT_EQ(io->describe().find("no io_uring"), std::string::npos);
}

TEST_F(BackendTest, ProbeIsRememberedUntilThingsChange) {
  // A busy machine may have no answer at first.
  const auto tuned = [this] {
    std::string description = "not measured";
    for (int i = 0; i < 50 && description.find("not measured") != std::string::npos; ++i) {
      const std::unique_ptr<Io> io = make_io();
      io->tune(dir_);
      io->tune(dir_);
      EXPECT_TRUE(durable_write(io.get()).is_ok());
      description = io->describe();
    }
    return description;
  };
  if (tuned().find("not measured") != std::string::npos) GTEST_SKIP() << "too slow a device";
  std::filesystem::remove(path_join(dir_, kFlushMethodFile));
  EXPECT_NE(tuned().find("measured now"), std::string::npos);
  const std::string text = read(kFlushMethodFile);
  const auto found = FlushMethod::decode(text);
  ASSERT_TRUE(found) << text;
  EXPECT_GT(found->micros[1], 0u);
  EXPECT_FALSE(std::filesystem::exists(path_join(dir_, kFlushMethodTemp)));

  EXPECT_NE(tuned().find("measured before"), std::string::npos);
  FlushMethod other = *found;
  other.key = "another-device";
  write(kFlushMethodFile, other.encode());
  EXPECT_NE(tuned().find("measured now"), std::string::npos);
  EXPECT_EQ(FlushMethod::decode(read(kFlushMethodFile))->key, found->key);
  for (const std::string& damaged : {std::string(), std::string(100, '\0'), text.substr(0, 30)}) {
    write(kFlushMethodFile, damaged);
    EXPECT_NE(tuned().find("measured now"), std::string::npos);
  }
}

// A device on which an opening's time is enough for a round or two is measured by a few openings.
TEST_F(BackendTest, ProbesAddUp) {
  {
    const std::unique_ptr<Io> io = make_io();
    io->tune(dir_);
  }
  auto known = FlushMethod::decode(read(kFlushMethodFile));
  ASSERT_TRUE(known);
  EXPECT_GT(known->rounds, 0u);
  known->rounds = FlushMethod::kRoundsMin - 1;
  known->micros = {1, 1, 1};  // nothing is quicker
  write(kFlushMethodFile, known->encode());
  const std::string text = read(kFlushMethodFile);
  const std::unique_ptr<Io> io = make_io();
  io->tune(dir_);
  EXPECT_NE(io->describe().find("not measured"), std::string::npos) << "a start waits for it";
  EXPECT_EQ(read(kFlushMethodFile), text);
  io->tune(dir_);
  EXPECT_NE(io->describe().find("measured now"), std::string::npos) << io->describe();
  const auto found = FlushMethod::decode(read(kFlushMethodFile));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_settled());
  EXPECT_GE(found->rounds, FlushMethod::kRoundsMin);
  EXPECT_EQ(found->micros[1], 1u) << "what was known counts";
}

TEST_F(BackendTest, ForcedMethodIsNotMeasured) {
  for (const DurableMethod method : kDurableMethods) {
    const std::unique_ptr<Io> io = make_io({.durable_method = method});
    io->tune(dir_);
    EXPECT_FALSE(std::filesystem::exists(path_join(dir_, kFlushMethodFile)));
    EXPECT_TRUE(durable_write(io.get()).is_ok());
    EXPECT_NE(io->describe().find("as asked for"), std::string::npos) << io->describe();
  }
  const std::unique_ptr<Io> plain =
      make_io({.backend = IoBackend::kPosix, .durable_method = DurableMethod::kLinkedRing});
  EXPECT_NE(plain->describe().find("by write and sync"), std::string::npos) << plain->describe();
}

TEST_F(BackendTest, DirectoryThatCannotBeWrittenLeavesTheDefault) {
  const std::unique_ptr<Io> io = make_io();
  io->tune(path_join(dir_, "missing"));
  EXPECT_NE(io->describe().find("by RWF_DSYNC"), std::string::npos) << io->describe();
}

TEST(FlushMethodTest, EncodesAndChoosesTheFastest) {
  const FlushMethod m{"fd00/1/linux", DurableMethod::kWriteThenSync, 5, {100, 80, 0}};
  const auto back = FlushMethod::decode(m.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->key, m.key);
  EXPECT_EQ(back->method, m.method);
  EXPECT_EQ(back->rounds, m.rounds);
  EXPECT_EQ(back->micros, m.micros);
  std::string text = m.encode();
  text[20] ^= 1;
  EXPECT_FALSE(FlushMethod::decode(text));

  EXPECT_EQ(fastest({100, 80, 0}), DurableMethod::kWriteThenSync);
  EXPECT_EQ(fastest({100, 95, 91}), DurableMethod::kDsyncFlag);
  EXPECT_EQ(fastest({100, 80, 60}), DurableMethod::kLinkedRing);
  EXPECT_EQ(fastest({0, 80, 60}), DurableMethod::kLinkedRing);
  EXPECT_EQ(fastest({0, 80, 0}), DurableMethod::kWriteThenSync);
  EXPECT_EQ(fastest({100, 0, 60}), DurableMethod::kLinkedRing);
  EXPECT_EQ(fastest({0, 0, 0}), DurableMethod::kDsyncFlag);
}

// An operation holds the descriptor: its number goes to no other file while the kernel may use it.
TEST_F(BackendTest, DescriptorOutlivesItsFile) {
  auto made = make_uring_io({});
  if (!made.is_ok()) GTEST_SKIP() << made.status().to_string();
  const std::unique_ptr<Io> io = made.take();
  for (int i = 0; i < 200; ++i) {
    IoOp op;
    std::string text(4096, 'a');
    const IoSlice slice{text.data(), text.size()};
    auto file = io->open(path_join(dir_, "mine"), OpenMode::kCreate).take();
    op.kind = IoOp::Kind::kWrite;
    op.file = file.get();
    op.slices = {&slice, 1};
    io->submit(&op);
    file.reset();
    auto other = io->open(path_join(dir_, "other"), OpenMode::kCreate).take();
    op.wait();
    EXPECT_TRUE(op.status.is_ok()) << op.status.to_string();
    EXPECT_EQ(other->size().take(), 0u);
  }
}

}  // namespace
}  // namespace pgz
