// Scenarios that damage what is stored: bit rot, sectors that were lost or written to the wrong
// place, cut files.
#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/base/rng.h"
#include "engine/log/format.h"
#include "tests/sim/case.h"

namespace pgz::sim {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr const char* kLogDir = "/db/log/";

// A data block of the log, as it is stored.
struct LogBlock {
  std::string file;
  uint64_t offset = 0;
  log::BlockHeader header;
};

// Every whole data block of every slot, by position.
std::vector<LogBlock> log_blocks(SimIo* io, uint64_t* durable_max) {
  const std::string identity = io->contents("/db/IDENTITY");
  log::Uuid uuid{};
  constexpr size_t kUuidOffset = 16;
  if (identity.size() < kUuidOffset + uuid.size()) return {};
  std::memcpy(uuid.data(), identity.data() + kUuidOffset, uuid.size());
  std::vector<LogBlock> blocks;
  *durable_max = 0;
  for (const std::string& file : io->all_files()) {
    if (file.rfind(kLogDir, 0) != 0) continue;
    const std::string bytes = io->contents(file);
    for (uint64_t at = 0; at + log::kBlockBytes <= bytes.size(); at += log::kBlockBytes) {
      const auto header = log::parse_block(bytes.data() + at, uuid);
      if (!header) continue;
      *durable_max = std::max(*durable_max, header->durable_lsn);
      if (header->kind == log::BlockKind::kData) blocks.push_back({file, at, *header});
    }
  }
  std::sort(blocks.begin(), blocks.end(), [](const LogBlock& a, const LogBlock& b) {
    return a.header.position < b.header.position;
  });
  return blocks;
}

// Damages files of a cleanly closed database: one, or every one.
std::string damage_closed(ScenarioContext* context, bool every_file, bool cut) {
  SplitMixRng rng(context->seed);
  for (uint64_t round = 0; round < 60; ++round) {
    const uint64_t choice = rng.next64();
    Case c(context, "round " + std::to_string(round), false);
    if (c.stopped()) return "";
    if (c.skipped()) continue;
    std::string wrong = c->live(context->ops, {}, End::kClose);
    if (!wrong.empty()) return wrong;
    SimIo* io = c->sim()->io();
    SplitMixRng pick(choice);
    std::vector<std::string> files = io->all_files();
    if (!every_file) files = {files[pick.uniform(files.size())]};
    std::string text;
    for (const std::string& file : files) {
      const Damage how = cut ? (pick.uniform(3) == 0 ? Damage::kLoseName : Damage::kCut)
                             : static_cast<Damage>(pick.uniform(kSectorDamages));
      text = damage_file(io, &pick, file, how).text;
    }
    wrong = c->open_damaged();
    if (!wrong.empty()) return text + (every_file ? " and others: " : ": ") + wrong;
  }
  return "";
}

}  // namespace

const char* damage_name(Damage damage) {
  switch (damage) {
    case Damage::kFlipBit:
      return "a flipped bit";
    case Damage::kZeroSector:
      return "a sector of zeros";
    case Damage::kCopySector:
      return "another sector of the file";
    case Damage::kCut:
      return "cut off";
    case Damage::kLoseName:
      return "its name is gone";
  }
  return "";
}

DamageDone damage_file(SimIo* io, Rng* rng, const std::string& file, Damage damage) {
  const std::string bytes = io->contents(file);
  DamageDone done;
  if (bytes.empty()) return done;
  done.file = file;
  done.text = file + ": " + damage_name(damage);
  if (damage == Damage::kLoseName) {
    (void)io->lose(file);
  } else if (damage == Damage::kCut) {
    done.offset = rng->uniform(bytes.size());
    done.before = bytes.substr(done.offset);
    (void)io->cut(file, done.offset);
  } else {
    const uint64_t sectors = (bytes.size() + kSectorBytes - 1) / kSectorBytes;
    done.offset = rng->uniform(sectors) * kSectorBytes;
    done.before = bytes.substr(done.offset, kSectorBytes);
    done.after = done.before;
    if (damage == Damage::kFlipBit) {
      const uint64_t bit = rng->uniform(done.before.size() * 8);
      done.after[bit / 8] = static_cast<char>(done.after[bit / 8] ^ (1 << bit % 8));
    } else if (damage == Damage::kZeroSector) {
      done.after.assign(done.before.size(), '\0');
    } else {
      const std::string from = bytes.substr(rng->uniform(sectors) * kSectorBytes, kSectorBytes);
      done.after.replace(0, std::min(from.size(), done.after.size()), from, 0, done.after.size());
      done.after.resize(done.before.size());
    }
    (void)io->overwrite(file, done.offset, done.after);
  }
  done.text += " at " + std::to_string(done.offset);
  return done;
}

void heal(SimIo* io, const DamageDone& done) {
  if (done.file.empty() || done.after.empty()) return;  // what was cut off cannot be put back
  const std::string now = io->contents(done.file);
  if (now.compare(std::min<uint64_t>(done.offset, now.size()), done.after.size(), done.after) ==
      0) {
    (void)io->overwrite(done.file, done.offset, done.before);
  }
}

std::string corruption(ScenarioContext* context) { return damage_closed(context, false, false); }
std::string massive(ScenarioContext* context) { return damage_closed(context, true, false); }
std::string truncation(ScenarioContext* context) { return damage_closed(context, false, true); }

// The log of a killed process: a damaged group in its middle is refused, at its very end it looks
// like a torn write (rule 5), which costs what that one group held and nothing before it.
std::string completion_corruption(ScenarioContext* context) {
  SplitMixRng rng(context->seed);
  for (uint64_t round = 0; round < 40; ++round) {
    const bool at_end = round % 2 == 1;
    const uint64_t choice = rng.next64();
    Case c(context,
           "round " + std::to_string(round) + (at_end ? ", end" : ", middle") + " of the log",
           false);
    if (c.stopped()) return "";
    if (c.skipped()) continue;
    std::string wrong = c->live(1 + choice % context->ops, {}, End::kKill);
    if (!wrong.empty()) return wrong;
    SimIo* io = c->sim()->io();
    uint64_t durable_max = 0;
    std::vector<LogBlock> blocks = log_blocks(io, &durable_max);
    std::erase_if(blocks,
                  [&](const LogBlock& b) { return (b.header.position >= durable_max) != at_end; });
    if (blocks.empty()) continue;
    SplitMixRng pick(choice);
    const LogBlock& block = blocks[pick.uniform(blocks.size())];
    const uint64_t offset =
        block.offset + pick.uniform(log::kBlockBytes / kSectorBytes) * kSectorBytes;
    const std::string before = io->contents(block.file).substr(offset, kSectorBytes);
    std::string after = before;
    if (pick.uniform(2) == 0) {
      after[pick.uniform(after.size())] ^= 1;
    } else {
      after.assign(after.size(), '\0');
    }
    (void)io->overwrite(block.file, offset, after);
    // A client waits for its commit before it begins the next: a group holds one of each at most.
    wrong = c->open_damaged(at_end ? context->clients : 0);
    if (!wrong.empty()) return block.file + " at " + std::to_string(offset) + ": " + wrong;
    if (at_end) continue;
    (void)io->overwrite(block.file, offset, before);
    if (wrong = c->recover({}, End::kPower); !wrong.empty()) return "healed: " + wrong;
  }
  return "";
}

// Everything at once: lives with faults, crashes at any point, recoveries that are cut short, a
// disk that is full for a while, and damage that is reported, taken back and must have cost
// nothing.
std::string comprehensive(ScenarioContext* context) {
  SplitMixRng rng(context->seed);
  constexpr SimFault kFaults[] = {SimFault::kCrashPower, SimFault::kCrashKill, SimFault::kEio,
                                  SimFault::kNoSpace, SimFault::kSyncFailed};
  constexpr End kEnds[] = {End::kClose, End::kPower, End::kKill};
  const auto plan = [&](uint64_t calls) {
    Plan p;
    while (rng.uniform(3) > 0) p.push_back({rng.uniform(calls), kFaults[rng.uniform(5)]});
    std::sort(p.begin(), p.end(),
              [](const SimFaultAt& a, const SimFaultAt& b) { return a.at_call < b.at_call; });
    return p;
  };
  Case c(context, "all kinds of lives", early_commits(*context));
  if (c.stopped() || c.skipped()) return "";
  SimIo* io = c->sim()->io();
  for (uint64_t life = 0; life < context->lives; ++life) {
    const std::string name = "life " + std::to_string(life) + ": ";
    Plan life_plan = plan(600);
    if (rng.uniform(4) == 0) {
      io->restart();
      io->set_capacity(io->used_bytes() + rng.uniform(40) * 8192);
      life_plan.push_back({~uint64_t{0}, SimFault::kEio});  // never fires: failures are expected
    }
    std::string wrong = in_turn(
        [&] { return c->live(1 + rng.uniform(context->ops), life_plan, kEnds[rng.uniform(3)]); },
        [&] {
          io->set_capacity(~uint64_t{0});
          return c->recover(plan(60), kEnds[rng.uniform(3)]);
        });
    if (!wrong.empty()) return name + wrong;
    if (rng.uniform(2) == 0) continue;
    // recover() ends with a clean close: damage now, and look.
    const std::vector<std::string> files = io->all_files();
    const DamageDone done = damage_file(io, &rng, files[rng.uniform(files.size())],
                                        static_cast<Damage>(rng.uniform(kSectorDamages)));
    if (done.file.empty()) continue;
    wrong = c->open_damaged();
    heal(io, done);
    if (wrong.empty()) wrong = c->recover({}, End::kClose);
    if (!wrong.empty()) return name + done.text + ": " + wrong;
  }
  return "";
}

}  // namespace pgz::sim
