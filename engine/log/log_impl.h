// The log behind log.h. writer.cc appends and flushes, recovery.cc reads. Private to log/.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/sync.h"
#include "engine/log/format.h"
#include "engine/log/group.h"
#include "engine/log/log.h"
#include "engine/log/slots.h"

namespace pgz::log {

// Where the log stands when writing (re)starts with a new slot.
struct Restart {
  uint64_t epoch = 1;  // of the new slot
  Lsn first_lsn = 0;
  uint64_t prev_epoch = 0;
  Lsn accepted_end = 0;
  uint32_t prev_checksum = 0;
  bool after_recovery = false;
};

class Recovery;

class LogImpl final : public Log {
 public:
  LogImpl(const Runtime& runtime, const std::string& dir, const LogOptions& options);
  ~LogImpl() override;

  // Begins writing in a slot no one has read from: a spare or a new one.
  Status start(const Restart& restart);
  Status load();

  Status read_ahead(const std::function<std::optional<Lsn>()>& from_lsn) override;
  Status recover(Lsn from_lsn, const std::function<Status(Lsn, Slice)>& deliver,
                 RecoverResult* result, const RecoverOptions& options) override;
  Result<Appended> append(std::span<const Slice> pieces) override;
  Status flush(Lsn* durable_lsn) override;
  Status seal() override;
  bool has_pending() const override { return pending_bytes() > 0; }
  uint64_t pending_bytes() const override {
    const Lsn durable = durable_lsn_.load(std::memory_order_acquire);
    const Lsn end = group_end_.load(std::memory_order_acquire);
    return end > durable ? end - durable : 0;
  }
  Lsn durable_lsn() const override { return durable_lsn_.load(std::memory_order_acquire); }
  Lsn end_lsn() const override { return group_end_.load(std::memory_order_acquire); }
  Status recycle(Lsn below) override;
  Status prepare_slots() override;
  bool wants_slots() const override { return slots_.wants_spares(); }
  uint64_t disk_bytes() const override { return slots_.disk_bytes(); }

 private:
  // A slot the log is written to: epoch, and the LSNs it covers.
  struct Assigned {
    SlotRef slot;
    uint64_t epoch = 0;
    Lsn begin = 0;
    Lsn end = 0;
  };
  // A slot recovery has read; released once everything below the LSN is kept elsewhere.
  struct Retired {
    SlotRef slot;
    Lsn release_at = 0;
  };

  Status usable() const PGZ_REQUIRES(mu_);
  Status fail(Status why);
  Status assign_slot() PGZ_REQUIRES(mu_);
  Status ensure_room(uint64_t record_bytes) PGZ_REQUIRES(mu_);
  void open_block() PGZ_REQUIRES(mu_);
  void close_block() PGZ_REQUIRES(mu_);
  void begin_slot(const SlotHeader& header) PGZ_REQUIRES(mu_);
  size_t block_room() const PGZ_REQUIRES(mu_);
  Lsn cursor() const PGZ_REQUIRES(mu_);
  Status flush_locked_out() PGZ_REQUIRES(flush_mu_);
  static Status write_blocks(const Assigned& assigned, Group* group, size_t from, size_t to);
  Status write_group(Group* group, const std::vector<Assigned>& chain) PGZ_REQUIRES(flush_mu_);

  const Runtime runtime_;
  const std::string dir_;
  const LogOptions options_;
  SlotSet slots_;
  std::vector<SlotRef> loaded_;         // between load() and read_ahead()
  std::unique_ptr<Recovery> recovery_;  // between read_ahead() and recover()

  std::atomic<Lsn> durable_lsn_{0};
  std::atomic<Lsn> group_end_{0};

  // One flush at a time; taken before mu_.
  Mutex flush_mu_;
  uint32_t last_checksum_ PGZ_GUARDED_BY(flush_mu_) = 0;

  mutable Mutex mu_;
  bool started_ PGZ_GUARDED_BY(mu_) = false;
  Status failed_ PGZ_GUARDED_BY(mu_);
  Group group_ PGZ_GUARDED_BY(mu_);
  ChunkPool pool_ PGZ_GUARDED_BY(mu_);
  char* block_ PGZ_GUARDED_BY(mu_) = nullptr;  // the open block of the group
  size_t used_ PGZ_GUARDED_BY(mu_) = 0;        // payload bytes in it
  bool sealed_ PGZ_GUARDED_BY(mu_) = true;     // nothing came since the last sealing block
  std::deque<Assigned> chain_ PGZ_GUARDED_BY(mu_);
  size_t current_ PGZ_GUARDED_BY(mu_) = 0;  // index in chain_ of the slot being filled
  uint64_t next_epoch_ PGZ_GUARDED_BY(mu_) = 1;
  std::vector<Retired> retired_ PGZ_GUARDED_BY(mu_);
};

}  // namespace pgz::log
