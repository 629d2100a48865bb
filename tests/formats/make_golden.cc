// make_golden DIR: a small database with every kind of file and entry, for tests/formats/v*/. Run
// it when a format gets a new version; directories of older versions stay as they are.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "pgz.h"

namespace {

pgz_error err{};

void must(pgz_status status) {
  if (status == PGZ_OK) return;
  std::fprintf(stderr, "make_golden: %s\n", err.message);
  std::exit(1);
}

void put(pgz_db* db, const std::string& key, const std::string& value) {
  must(pgz_put(db, key.data(), key.size(), value.data(), value.size(), &err));
}

// As golden_test has it.
std::string noise(size_t bytes) {
  uint32_t state = 1;
  std::string value;
  while (value.size() < bytes) {
    state = state * 1664525 + 1013904223;
    value.push_back(static_cast<char>(state >> 24));
  }
  return value;
}

std::string write_entry(uint8_t kind, uint32_t op, const std::string& key,
                        const std::string& value) {
  const uint32_t numbers[3] = {op, static_cast<uint32_t>(key.size()),
                               static_cast<uint32_t>(value.size())};
  std::string entry(1, static_cast<char>(kind));
  entry.append(3, '\0');
  entry.append(reinterpret_cast<const char*>(numbers), sizeof(numbers));
  return entry + key + value;
}

void commit(pgz_db* db, const std::string& batch, uint32_t flags = 0) {
  pgz_txn* txn = nullptr;
  must(pgz_txn_begin(db, nullptr, &txn, &err));
  uint64_t timestamp = 0;
  must(pgz_txn_commit_submit(txn, batch.data(), batch.size(), flags, 0, &timestamp, &err));
  must(pgz_txn_free(txn, &err));
}

// Straight to a value segment, as a commit does it that nobody waits for.
void place(pgz_db* db, const std::string& key, const std::string& value) {
  commit(db, write_entry(PGZ_WRITE_PUT, 1, key, value), PGZ_COMMIT_ASYNC);
}

// Tables replaced by a merge, a drop that is over, segments that are garbage or mostly so: the
// merge and collection of a store that has been idle for a second.
void tidy(pgz_db* db) {
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 30; i += round == 4 ? 2 : 1) {
      put(db, "again/" + std::to_string(100 + i),
          std::string(1000, static_cast<char>('a' + round)));
    }
    must(pgz_flush(db, &err));
  }
  sleep(4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("make_golden DIR\n", stderr);
    return 2;
  }
  pgz_options options;
  pgz_options_init(&options);
  options.memory_budget_bytes = 1 << 20;
  options.log_slot_bytes = 64 << 10;
  options.spill_bytes = 64 << 10;
  pgz_db* db = nullptr;
  must(pgz_open(argv[1], &options, &db, &err));
  for (int i = 0; i < 20; ++i)
    put(db, "table/" + std::to_string(100 + i), "row " + std::to_string(i));
  must(pgz_delete(db, "table/103", 9, &err));
  for (int i = 0; i < 5; ++i) put(db, "drop/" + std::to_string(i), "goes");
  put(db, "large/1", std::string(3000, 'v'));
  for (int i = 0; i < 40; ++i) {
    put(db, "value/" + std::to_string(100 + i), std::string(1500, static_cast<char>('a' + i % 26)));
  }
  put(db, "value/noise", noise(1500));  // among values that compression makes much shorter
  place(db, "value/placed", std::string(5000, 'p'));
  uint64_t first = 0;
  must(pgz_counter_reserve(db, "ids", 3, 7, 0, &first, &err));
  must(pgz_flush(db, &err));
  commit(db, write_entry(PGZ_WRITE_MOVE, 1, "table/104", "table/204") +
                 write_entry(PGZ_WRITE_PUT, 2, "table/204", "row 4, moved"));
  commit(db, write_entry(PGZ_WRITE_DROP_RANGE, 1, "drop/", "drop0"));
  tidy(db);
  std::string spilled;
  for (int i = 0; i < 300; ++i) {
    spilled +=
        write_entry(PGZ_WRITE_PUT, 1, "spill/" + std::to_string(100 + i), std::string(150, 's'));
  }
  commit(db, spilled);
  place(db, "value/open", std::string(6000, 'o'));
  put(db, std::string("binary/\0\xff", 9), std::string("\0\1\2", 3));
  must(pgz_close(db, &err));
  return 0;
}
