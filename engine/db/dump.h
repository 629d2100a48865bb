// Dump: what one file of a database directory holds, in words, for a person who looks into a file
// or wants to know what is wrong with it. Reads only; the database may be open or not.
//
// Which format a file has is told by its magic number, for log slots (which have none) by its name
// *.slot; a slot's checksums need the IDENTITY file of its database, two folders up.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/io/io.h"

namespace pgz {

struct DumpOptions {
  bool entries = false;  // every key of a table, every write of a log record, not only counts
};

// Appends lines to *text. ok: the file is sound. kCorruption, kNotSupported: it is not, and the
// status is its first damage; the text has a line "DAMAGED at OFFSET: cause" for each one, and what
// stands behind it as far as that can be read. kInvalidArgument: no file of this database. Other
// codes come from Io.
Status dump_file(Io* io, const std::string& path, const DumpOptions& options, std::string* text);

}  // namespace pgz
