#include "engine/db/record.h"

#include <gtest/gtest.h>

namespace pgz {
namespace {

// Prints a record, so that tests compare text.
class Printer : public CommitVisitor {
 public:
  Status begin(uint64_t ts, uint64_t wall) override {
    text += std::to_string(ts) + "@" + std::to_string(wall);
    return Status::ok();
  }
  Status drop(Slice begin, Slice end) override {
    text += " drop " + std::string(begin) + ".." + std::string(end);
    return Status::ok();
  }
  Status runs(std::vector<RunFile> runs) override {
    for (const RunFile& r : runs) text += " run " + std::to_string(r.number) + r.smallest;
    return Status::ok();
  }
  Status write(Kind kind, Slice key, Slice value) override {
    text +=
        " " + std::to_string(static_cast<int>(kind)) + std::string(key) + "=" + std::string(value);
    return Status::ok();
  }
  Status end() override {
    text += ".";
    return Status::ok();
  }
  std::string text;
};

std::string sample() {
  CommitRecordBuilder record(77);
  record.begin_drops(2);
  record.add_drop("a", "b");
  record.add_drop("x", "");
  record.begin_runs(1);
  RunFile run;
  run.number = 9;
  run.smallest = "r";
  run.largest = "s";
  record.add_run(run);
  record.begin_writes(2);
  record.add_write(Kind::kValue, "k", "v");
  record.add_write(Kind::kTombstone, "gone", "");
  record.set_timestamp(5);
  return std::string(record.bytes());
}

TEST(Record, CommitRoundTrip) {
  Printer printer;
  ASSERT_TRUE(parse_commit(sample(), &printer).is_ok());
  EXPECT_EQ(printer.text, "5@77 drop a..b drop x.. run 9r 1k=v 2gone=.");
}

// Whatever was reserved, and where the bytes lie.
TEST(Record, GrowsBeyondWhatWasReserved) {
  std::string expected = "5@77";
  for (int i = 0; i < 100; i++)
    expected += " 1k" + std::to_string(i) + "=" + std::string(1000, 'v');
  expected += ".";
  for (const size_t reserved : {0, 300, 10'000, 30'000, 300'000}) {
    CommitRecordBuilder record(77);
    record.reserve(reserved);
    record.begin_drops(0);
    record.begin_runs(0);
    record.begin_writes(100);
    for (int i = 0; i < 100; i++) {
      record.add_write(Kind::kValue, "k" + std::to_string(i), std::string(1000, 'v'));
    }
    record.set_timestamp(5);
    Printer printer;
    ASSERT_TRUE(parse_commit(record.bytes(), &printer).is_ok());
    EXPECT_EQ(printer.text, expected) << reserved;
  }
}

TEST(Record, EveryCutIsFound) {
  const std::string whole = sample();
  for (size_t n = 0; n < whole.size(); n++) {
    Printer printer;
    EXPECT_TRUE(parse_commit(Slice(whole).substr(0, n), &printer).is(Code::kCorruption)) << n;
  }
  Printer printer;
  EXPECT_TRUE(parse_commit(whole + "x", &printer).is(Code::kCorruption));
}

TEST(Record, Counter) {
  const std::string record = make_counter_record("seq", 12345);
  RecordType type{};
  ASSERT_TRUE(parse_record_type(record, &type).is_ok());
  EXPECT_EQ(type, RecordType::kCounter);
  Slice name;
  uint64_t next = 0;
  ASSERT_TRUE(parse_counter(record, &name, &next).is_ok());
  EXPECT_EQ(name, "seq");
  EXPECT_EQ(next, 12345u);
  for (size_t n = 1; n < record.size(); n++) {
    EXPECT_FALSE(parse_counter(Slice(record).substr(0, n), &name, &next).is_ok());
  }
  EXPECT_FALSE(parse_record_type("", &type).is_ok());
}

// What a newer version writes is not skipped, nor taken for something else.
TEST(Record, UnknownThingsAreRefused) {
  RecordType type{};
  EXPECT_TRUE(parse_record_type("\x09", &type).is(Code::kNotSupported));
  CommitRecordBuilder builder(1);
  builder.begin_drops(0);
  builder.begin_runs(0);
  builder.begin_writes(1);
  builder.add_write(Kind::kValue, "k", "v");
  const std::string good(builder.bytes());
  Printer printer;
  EXPECT_TRUE(parse_commit(good, &printer).is_ok());
  for (const size_t reserved : {1, 2, 3}) {
    std::string record = good;
    record[reserved] = 1;
    EXPECT_TRUE(parse_commit(record, &printer).is(Code::kNotSupported));
  }
  const size_t kind_at = good.size() - 5;
  ASSERT_EQ(good[kind_at], static_cast<char>(Kind::kValue));
  for (const char kind : {'\0', '\5', '\xff'}) {
    std::string record = good;
    record[kind_at] = kind;
    EXPECT_TRUE(parse_commit(record, &printer).is(Code::kNotSupported));
  }
}

}  // namespace
}  // namespace pgz
