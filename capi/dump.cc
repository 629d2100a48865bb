// Looking into files.
#include "engine/db/dump.h"

#include <cstdlib>

#include "capi/api.h"

using namespace pgz;
using namespace pgz::capi;

pgz_status pgz_dump(const char* path, uint32_t flags, char** text, size_t* text_len,
                    pgz_error* err) {
  if (text == nullptr || text_len == nullptr) return invalid("no place for the text", err);
  *text = nullptr;
  *text_len = 0;
  if (path == nullptr || path[0] == '\0') return invalid("no path", err);
  if ((flags & ~PGZ_DUMP_ENTRIES) != 0) return invalid("no such flags", err);
  return guarded(err, [&]() -> pgz_status {
    const std::unique_ptr<Io> io = make_posix_io();
    DumpOptions options;
    options.entries = (flags & PGZ_DUMP_ENTRIES) != 0;
    std::string out;
    const Status s = dump_file(io.get(), path, options, &out);
    if (!s.is_ok() && !s.is(Code::kCorruption) && !s.is(Code::kNotSupported)) return report(s, err);
    char* copy = static_cast<char*>(std::malloc(out.size() + 1));
    if (copy == nullptr) return report(PGZ_OUT_OF_MEMORY, err);
    std::memcpy(copy, out.c_str(), out.size() + 1);
    *text = copy;
    *text_len = out.size();
    return report(s, err);
  });
}
