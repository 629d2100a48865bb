// Inputs from files of a database that the engine wrote in the simulator.
#include <algorithm>

#include "engine/base/coding.h"
#include "engine/sst/format.h"
#include "engine/vlog/compress.h"
#include "engine/vlog/vlog.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/machine.h"

namespace pgz::fuzz {
namespace {

constexpr uint64_t kOps = 60;
constexpr size_t kInputBytesMax = 64 << 10;

std::string without_zeros(std::string bytes, size_t multiple) {
  size_t end = bytes.size();
  while (end > 0 && bytes[end - 1] == '\0') --end;
  bytes.resize(std::min(bytes.size(), (end + multiple - 1) / multiple * multiple));
  return bytes;
}

// A piece as Input::piece() takes it.
std::string piece(Slice bytes) {
  const size_t n = std::min<size_t>(bytes.size(), 0x3fff);
  return std::string{static_cast<char>(0x40 | n >> 8), static_cast<char>(n)} +
         std::string(bytes.substr(0, n));
}

void add_table(const std::string& bytes, std::vector<std::string>* out) {
  if (bytes.size() > kInputBytesMax) return;
  out->push_back(std::string(1, '\0') + bytes);
  out->push_back(std::string(1, '\1') + bytes);
  sst::Footer footer;
  const uint64_t at = bytes.size() - sst::kFooterBytes;
  if (!sst::Footer::decode(Slice(bytes).substr(at), "", at, &footer).is_ok()) return;
  const std::string target = "k/07" + std::string(8, '\0');
  for (const sst::BlockHandle& h : {footer.top_index, footer.properties, footer.filter}) {
    const std::string block = bytes.substr(h.offset, h.size);
    out->push_back(std::string(1, '\2') + piece(target) + block);
    out->push_back(std::string(1, '\3') + block);
  }
}

void add_manifest(const std::string& name, const std::string& bytes,
                  std::vector<std::string>* out) {
  constexpr size_t kBlock = 4096;
  constexpr size_t kHeader = 40;
  if (name == "super") {
    out->push_back(std::string(1, '\3') + bytes.substr(0, kBlock));
    out->push_back(std::string(1, '\4') + bytes.substr(0, kBlock));
    return;
  }
  std::string edits(1, '\1');
  for (size_t at = 0; at + kBlock <= bytes.size(); at += kBlock) {
    const std::string payload = without_zeros(bytes.substr(at + kHeader, kBlock - kHeader), 1);
    if (payload.empty()) continue;
    out->push_back(std::string(1, '\0') + payload);
    edits += piece(payload);
  }
  out->push_back(edits);
  out->push_back(std::string(1, '\2') + without_zeros(bytes, kBlock));
}

void add_segment(const std::string& bytes, std::vector<std::string>* out) {
  if (bytes.size() > kInputBytesMax) return;
  out->push_back(std::string(1, '\0') + bytes);
  out->push_back(std::string(1, '\1') + bytes);
  out->push_back(std::string(1, '\2') +
                 piece(Slice(bytes).substr(std::min<size_t>(4096, bytes.size()))) +
                 std::string(12, '\7'));
}

// Whole, with values that a flush would have compressed and one it would not.
std::string compressed_segment() {
  SimIo io(1);
  if (!io.mkdir("vlog").is_ok()) return {};
  ValueCompressor compressor;
  SegmentWriter writer(&io, "vlog", 7, 7);
  ValuePointer pointer;
  SegmentMeta meta;
  bool is_written = writer.open().is_ok() && writer.add("as it is", &pointer).is_ok();
  for (uint32_t bytes = 100; bytes < 2000; bytes += 300) {
    const std::string value(bytes, 'v');
    is_written =
        is_written && writer.add_stored(compressor.compress(value), bytes, &pointer).is_ok();
  }
  if (!is_written || !writer.finish(&meta).is_ok()) return {};
  return std::string(1, '\0') + io.contents(segment_path("vlog", 7));
}

std::vector<std::string> call_streams() {
  std::vector<std::string> out;
  SplitMixRng rng(3);
  for (int i = 0; i < 20; ++i) {
    std::string bytes;
    while (bytes.size() < 400) bytes.push_back(static_cast<char>(rng.next64()));
    out.push_back(bytes);
  }
  return out;
}

}  // namespace

std::vector<std::string> seeds_for(const std::string& target) {
  if (target == "capi") return call_streams();
  std::vector<std::string> out;
  if (target == "segment") {
    SegmentUses uses;
    for (uint32_t slot = 0; slot < 300; slot += 1 + slot % 7)
      uses.add({5 + slot % 2, slot, 100, 1});
    std::string encoded;
    uses.encode(&encoded);
    out.push_back(std::string(1, '\3') + encoded);
    std::string pointer;
    ValuePointer{5, 6, 100, 1, 900}.encode(&pointer);
    out.push_back(std::string(1, '\3') + pointer);
    ValueCompressor compressor;
    const std::string value(900, 'v');
    out.push_back("\4\x43\x84" + std::string(compressor.compress(value)));  // 900 as a number
    out.push_back(compressed_segment());
  }
  for (uint64_t seed : {4, 7}) {
    sim::MachineOptions options;
    options.seed = seed;
    sim::Machine machine(options);
    (void)machine.live(kOps, {}, sim::End::kKill);
    SimIo* io = machine.sim()->io();
    for (const std::string& path : io->all_files()) {
      const std::string bytes = io->contents(path);
      const std::string name = path.substr(path.rfind('/') + 1);
      if (target == "log" && path.ends_with(".slot")) {
        out.push_back(std::string(1, '\0') + without_zeros(bytes, 4096).substr(0, kInputBytesMax));
      }
      if (target == "table" && path.ends_with(".sst")) add_table(bytes, &out);
      if (target == "segment" && path.ends_with(".seg")) add_segment(bytes, &out);
      if (target == "manifest" && path.find("/manifest/") != std::string::npos) {
        add_manifest(name, bytes, &out);
      }
      if (target == "manifest" && name == "IDENTITY") out.push_back(std::string(1, '\5') + bytes);
    }
  }
  return out;
}

}  // namespace pgz::fuzz
