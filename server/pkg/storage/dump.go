package storage

// #include "shim.h"
import "C"

import "unsafe"

// Dump describes one file of a database directory (IDENTITY, a log slot, a
// sorted table, the manifest's superblock or edits) in words; with entries also
// every key and value. The database may be open. For a damaged or newer file it
// returns what it could find out and an error that is kv.ErrCorruption or
// kv.ErrNewerFormat and names the first damage.
func Dump(path string, entries bool) (string, error) {
	var c C.sh_call
	var text *C.char
	var n C.size_t
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	var flags C.uint32_t
	if entries {
		flags |= C.PGZ_DUMP_ENTRIES
	}
	s := C.sh_dump(cpath, flags, &text, &n, &c)
	out := ""
	if text != nil {
		out = string(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(n)))
		C.pgz_free(unsafe.Pointer(text))
	}
	if s == C.PGZ_OK {
		return out, nil
	}
	return out, statusError(s, &c.err)
}
