// Known anomalies, each in the order of calls that makes it, and the moment at which who fails.
#include "engine/txn/serializable.h"

#include <gtest/gtest.h>

#include <string>

namespace pgz {
namespace {

class SerializableTest : public ::testing::Test {
 protected:
  explicit SerializableTest(uint64_t memory = uint64_t{1} << 30) : serial_(&snapshots_, memory) {}

  SerialTxn* begin(bool read_only = false) { return serial_.begin(read_only, ++session_); }
  bool read(SerialTxn* t, Slice key) { return passed(serial_.read(t, key)); }
  bool scan(SerialTxn* t, Slice from, Slice to) {
    return passed(serial_.read_range(t, from, {to, false, to.empty()}));
  }
  bool write(SerialTxn* t, Slice key, uint32_t op = 1) { return passed(serial_.write(t, op, key)); }
  // Durable at once unless `publish` is false.
  bool commit(SerialTxn* t, bool wrote = true, bool publish = true) {
    const auto submit = [&](uint64_t* ts) {
      *ts = ++ts_;
      return Status::ok();
    };
    const bool ok = passed(wrote ? serial_.commit(t, submit) : serial_.commit(t, nullptr));
    if (!ok) serial_.abort(t);
    if (publish) snapshots_.publish(ts_);
    return ok;
  }
  bool passed(const Status& s) {
    EXPECT_TRUE(s.is_ok() || s.is(Code::kSerialization)) << s.to_string();
    reason_ = s.message();
    return s.is_ok();
  }

  Snapshots snapshots_{100};
  Serializability serial_;
  uint64_t ts_ = 100;
  uint64_t session_ = 0;
  std::string reason_;
};

TEST_F(SerializableTest, WriteSkewFailsTheSecondAtItsCommit) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(read(a, "x") && read(a, "y") && read(b, "x") && read(b, "y"));
  EXPECT_TRUE(write(a, "x"));
  EXPECT_TRUE(write(b, "y"));
  EXPECT_TRUE(commit(a));
  EXPECT_FALSE(commit(b));
  EXPECT_EQ(reason_, "Canceled on identification as a pivot, during commit attempt.");
}

TEST_F(SerializableTest, WriteSkewFailsTheSecondWhileItWrites) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(read(a, "y") && read(b, "x"));
  EXPECT_TRUE(write(a, "x"));
  EXPECT_TRUE(commit(a));
  EXPECT_FALSE(write(b, "y"));
  EXPECT_EQ(reason_, "Canceled on identification as a pivot, during write.");
  EXPECT_FALSE(read(b, "z"));  // for good
  serial_.abort(b);
}

TEST_F(SerializableTest, WriteSkewOverRangesIsSeen) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(scan(a, "c", "f") && scan(b, "c", "f"));
  EXPECT_TRUE(write(a, "d") && write(b, "e"));
  EXPECT_TRUE(commit(a));
  EXPECT_FALSE(commit(b));
}

TEST_F(SerializableTest, RangesThatDoNotMeetAreNoConflict) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(scan(a, "a", "c") && scan(b, "c", "e"));
  EXPECT_TRUE(write(a, "b") && write(b, "d"));
  EXPECT_TRUE(commit(a) && commit(b));
}

TEST_F(SerializableTest, OneEdgeAloneIsFine) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(read(a, "x"));
  EXPECT_TRUE(write(b, "x"));
  EXPECT_TRUE(write(a, "y"));
  EXPECT_TRUE(commit(b) && commit(a));
}

// c replaces b's version, not the one a read: a -> b is an edge, a -> c is none, and c no pivot.
TEST_F(SerializableTest, OnlyTheFirstWriteAfterAReadIsAnEdge) {
  SerialTxn* a = begin();
  EXPECT_TRUE(read(a, "x"));
  SerialTxn* b = begin();
  EXPECT_TRUE(write(b, "x") && commit(b));
  SerialTxn* c = begin();
  EXPECT_TRUE(write(c, "x") && read(c, "y"));
  SerialTxn* d = begin();
  EXPECT_TRUE(write(d, "y") && read(d, "z"));
  EXPECT_TRUE(commit(d) && commit(c));
  EXPECT_FALSE(write(a, "z"));  // d -> a -> b, which committed first
  serial_.abort(a);
}

// As before, but c began before b's commit: its write is not over b's.
TEST_F(SerializableTest, AWriteBesideTheFirstOneIsAnEdgeToo) {
  SerialTxn* a = begin();
  EXPECT_TRUE(read(a, "x"));
  SerialTxn* b = begin();
  SerialTxn* c = begin();
  EXPECT_TRUE(write(b, "x") && commit(b));
  EXPECT_TRUE(write(c, "x") && read(c, "y"));
  SerialTxn* d = begin();
  EXPECT_TRUE(write(d, "y") && commit(d));
  EXPECT_FALSE(commit(c));
  serial_.abort(a);
}

// Deposit, receipts closed, report: the report sees the new batch and not the deposit.
TEST_F(SerializableTest, ReceiptsReport) {
  SerialTxn* deposit = begin();
  EXPECT_TRUE(read(deposit, "batch"));
  SerialTxn* close = begin();
  EXPECT_TRUE(read(close, "batch") && write(close, "batch"));
  EXPECT_TRUE(commit(close));
  SerialTxn* report = begin(true);
  EXPECT_TRUE(read(report, "batch") && scan(report, "receipts/", "receipts0"));
  EXPECT_TRUE(commit(report, false));
  EXPECT_FALSE(write(deposit, "receipts/3"));
  serial_.abort(deposit);
}

// The same three with a report that began before the batch was closed: all is well.
TEST_F(SerializableTest, ReadOnlySnapshotBeforeTheFirstCommitIsHarmless) {
  SerialTxn* deposit = begin();
  EXPECT_TRUE(read(deposit, "batch"));
  SerialTxn* report = begin(true);
  SerialTxn* close = begin();
  EXPECT_TRUE(write(close, "batch"));
  EXPECT_TRUE(commit(close));
  EXPECT_TRUE(scan(report, "receipts/", "receipts0"));
  EXPECT_TRUE(write(deposit, "receipts/3"));
  EXPECT_TRUE(commit(deposit) && commit(report, false));
}

TEST_F(SerializableTest, ReaderFailsWhereThePivotIsCommitted) {
  SerialTxn* pivot = begin();
  EXPECT_TRUE(read(pivot, "x") && write(pivot, "y"));
  SerialTxn* out = begin();
  EXPECT_TRUE(write(out, "x") && commit(out));
  SerialTxn* in = begin();
  EXPECT_TRUE(read(in, "x"));
  EXPECT_TRUE(commit(pivot));
  EXPECT_FALSE(read(in, "y"));
  EXPECT_EQ(reason_, "Canceled on conflict out to pivot, during read.");
  serial_.abort(in);
}

// Commits that are not durable are concurrent with what begins before they are.
TEST_F(SerializableTest, CommitsAboveTheHorizonStayInTheBooks) {
  SerialTxn* a = begin();
  EXPECT_TRUE(read(a, "y") && write(a, "x") && commit(a, true, false));
  SerialTxn* b = begin();  // does not see a
  EXPECT_EQ(b->snapshot(), 100u);
  EXPECT_TRUE(read(b, "x"));
  EXPECT_FALSE(write(b, "y"));
  serial_.abort(b);
  snapshots_.publish(ts_);
  serial_.abort(begin());
  EXPECT_EQ(serial_.stats().kept, 0u);
}

TEST_F(SerializableTest, UndoneWritesAreNotSeen) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(write(a, "k", 2) && write(a, "x", 5));
  serial_.rollback_to(a, 5);
  EXPECT_TRUE(read(b, "x") && read(a, "y") && write(b, "y"));
  EXPECT_TRUE(commit(a) && commit(b));
}

TEST_F(SerializableTest, ReadOnlyAloneIsSafeAtOnce) {
  SerialTxn* reader = begin(true);
  EXPECT_TRUE(reader->is_safe());
  EXPECT_TRUE(scan(reader, "", ""));
  EXPECT_EQ(serial_.stats().marks, 0u);
  EXPECT_TRUE(commit(reader, false));
}

TEST_F(SerializableTest, ReadOnlyBecomesSafeWhenItsWritersEnd) {
  SerialTxn* writer = begin();
  EXPECT_TRUE(write(writer, "x"));
  SerialTxn* reader = begin(true);
  EXPECT_FALSE(reader->is_safe());
  EXPECT_TRUE(scan(reader, "", ""));
  Code known = Code::kPending;
  serial_.when_safe_known(reader, [&](Code code) { known = code; });
  EXPECT_EQ(known, Code::kPending);
  EXPECT_EQ(serial_.safety_blockers(2), std::vector<uint64_t>({1}));
  EXPECT_TRUE(commit(writer));
  EXPECT_EQ(known, Code::kOk);
  EXPECT_TRUE(reader->is_safe());
  EXPECT_TRUE(commit(reader, false));
}

TEST_F(SerializableTest, AWriterWithAnEarlierCommitSpoilsASnapshot) {
  SerialTxn* pivot = begin();
  EXPECT_TRUE(read(pivot, "x"));
  SerialTxn* out = begin();
  EXPECT_TRUE(write(out, "x") && commit(out));
  SerialTxn* reader = begin(true);
  Code known = Code::kPending;
  serial_.when_safe_known(reader, [&](Code code) { known = code; });
  EXPECT_TRUE(write(pivot, "y") && commit(pivot));
  EXPECT_EQ(known, Code::kSerialization);
  EXPECT_FALSE(read(reader, "y"));
  serial_.abort(reader);
}

// The same with a pivot that has committed above the horizon before the reader begins.
TEST_F(SerializableTest, AnUnseenCommitSpoilsASnapshot) {
  SerialTxn* pivot = begin();
  EXPECT_TRUE(read(pivot, "x"));
  SerialTxn* out = begin();
  EXPECT_TRUE(write(out, "x") && commit(out));
  EXPECT_TRUE(write(pivot, "y") && commit(pivot, true, false));
  SerialTxn* reader = begin(true);
  EXPECT_FALSE(reader->is_safe());
  EXPECT_FALSE(read(reader, "y"));
  serial_.abort(reader);
}

TEST_F(SerializableTest, WaitsEndOnce) {
  SerialTxn* writer = begin();
  SerialTxn* reader = begin(true);
  int calls = 0;
  serial_.when_safe_known(reader, [&](Code code) { calls += code == Code::kCancelled ? 1 : 100; });
  EXPECT_TRUE(serial_.cancel_wait(reader->id()));
  EXPECT_FALSE(serial_.cancel_wait(reader->id()));
  serial_.abort(writer);
  EXPECT_EQ(calls, 1);
  serial_.abort(reader);
}

// A wait that begins while the database is being closed would keep it from closing.
TEST_F(SerializableTest, NoWaitBeginsAfterTheirEnd) {
  SerialTxn* writer = begin();
  SerialTxn* early = begin(true);
  SerialTxn* late = begin(true);
  std::vector<Code> ends;
  const auto note = [&](Code code) { ends.push_back(code); };
  serial_.when_safe_known(early, note);
  serial_.end_waits(Code::kClosed);
  EXPECT_EQ(ends, std::vector<Code>({Code::kClosed}));
  serial_.when_safe_known(late, note);
  EXPECT_EQ(ends, std::vector<Code>({Code::kClosed, Code::kClosed}));
  serial_.abort(writer);
  serial_.when_safe_known(late, note);  // known by now
  EXPECT_EQ(ends.back(), Code::kOk);
  EXPECT_EQ(ends.size(), 3u);
  serial_.abort(early);
  serial_.abort(late);
}

TEST_F(SerializableTest, BeginsLikeAnother) {
  SerialTxn* a = begin();
  SerialTxn* other = begin();
  EXPECT_TRUE(write(other, "z") && commit(other));
  SerialTxn* b = serial_.begin_like(a->id(), false);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->snapshot(), a->snapshot());
  SerialTxn* reader = begin(true);
  EXPECT_EQ(serial_.begin_like(reader->id(), false), nullptr);
  EXPECT_TRUE(read(a, "x") && read(b, "y") && write(a, "y") && write(b, "x") && commit(a));
  EXPECT_EQ(serial_.begin_like(a->id() + 100, false), nullptr);
  EXPECT_FALSE(commit(b));
  serial_.abort(reader);
  EXPECT_EQ(snapshots_.count(), 0u);
}

TEST_F(SerializableTest, APreparedTransactionDoesNotFailAndOthersDo) {
  SerialTxn* a = begin();
  SerialTxn* b = begin();
  EXPECT_TRUE(read(a, "x") && read(b, "y") && write(a, "y"));
  EXPECT_TRUE(serial_.prepare(a).is_ok());
  EXPECT_FALSE(write(b, "x"));
  serial_.abort(b);
  EXPECT_TRUE(commit(a));
}

TEST_F(SerializableTest, AnAdoptedTransactionFailsWhoeverReadsItsWrites) {
  SerialTxn* adopted = serial_.adopt(9);
  EXPECT_TRUE(write(adopted, "x"));
  SerialTxn* other = begin();
  EXPECT_TRUE(read(other, "y") && write(other, "y") && commit(other));
  SerialTxn* reader = begin();
  EXPECT_FALSE(read(reader, "x"));
  serial_.abort(reader);
  EXPECT_TRUE(commit(adopted));
  reader = begin();
  EXPECT_TRUE(read(reader, "x") && commit(reader, false));
}

class SmallMemory : public SerializableTest {
 protected:
  SmallMemory() : SerializableTest(64 << 10) {}
};

// One transaction stays open while thousands come and go: memory stays put, and a conflict with the
// oldest of them is still seen.
TEST_F(SmallMemory, OldCommitsAreFolded) {
  SerialTxn* old = begin();
  EXPECT_TRUE(read(old, "first"));
  SerialTxn* t = begin();
  EXPECT_TRUE(read(t, "cycle") && write(t, "first") && commit(t));
  for (int i = 0; i < 5000; i++) {
    const std::string key = "k" + std::to_string(i);
    t = begin();
    ASSERT_TRUE(write(t, key) && commit(t)) << i;
    ASSERT_LE(serial_.stats().memory_bytes, uint64_t{68} << 10);
  }
  EXPECT_GT(serial_.stats().folded, 1000u);
  EXPECT_FALSE(write(old, "cycle"));
  serial_.abort(old);
  EXPECT_EQ(serial_.stats().kept, 0u);
  EXPECT_EQ(serial_.stats().memory_bytes, 0u);
}

TEST_F(SmallMemory, OneThatReadsTooMuchIsCoarsened) {
  SerialTxn* reader = begin();
  for (int i = 0; i < 3000; i++) {
    ASSERT_TRUE(serial_.read(reader, "r" + std::to_string(i)).is_ok());
  }
  EXPECT_LE(serial_.stats().memory_bytes, uint64_t{68} << 10);
  serial_.abort(reader);
}

TEST_F(SmallMemory, TooManyTransactionsAreRefused) {
  std::vector<SerialTxn*> all;
  Status s;
  for (int i = 0; i < 1000 && s.is_ok(); i++) {
    all.push_back(begin());
    s = serial_.read(all.back(), "x");
  }
  EXPECT_TRUE(s.is(Code::kTooManyLocks)) << s.to_string();
  for (SerialTxn* t : all) serial_.abort(t);
  EXPECT_EQ(serial_.stats().memory_bytes, 0u);
}

}  // namespace
}  // namespace pgz
