#!/usr/bin/env python3
"""abi_test.py ABI_PY HEADER LIBRARY DUMP: abi.py refuses each change that would break a program, asks for
a new dump after each that would not, and passes the header as it is."""
import os
import subprocess
import sys
import tempfile

tool, header, library, dump = sys.argv[1:]

# What is replaced, by what, and what the answer to it contains; '' is a pass.
CHANGES = [
    ('', '', ''),
    ('PGZ_BUSY = 5,', 'PGZ_BUSY = 24,', 'number PGZ_BUSY: was 5, is 24'),
    ('PGZ_MISUSE = 22,', '', 'number PGZ_MISUSE is gone'),
    ('PGZ_MISUSE = 22,', 'PGZ_MISUSE = 22, PGZ_NEW = 23,', 'not in the dump yet'),
    ('uint64_t spill_bytes;', '', 'field pgz_options.spill_bytes is gone'),
    ('uint64_t owner;', 'uint32_t owner; uint32_t more;', 'field pgz_txn_options.owner: was'),
    ('uint64_t owner;', 'uint64_t more; uint64_t owner;', 'field pgz_txn_options.owner: was'),
    ('uint64_t owner;', 'uint64_t owner; uint64_t more;', 'not in the dump yet'),
    ('uint32_t reserved1;       /*', 'uint32_t used; /*', 'not in the dump yet'),
    ('char message[248];', 'char message[256];', 'struct pgz_error: was'),
    ('pgz_close(pgz_db* db,', 'pgz_close(pgz_db** db,', 'function pgz_close: was'),
    ('pgz_close(pgz_db* db,', 'pgz_close(pgz_db* other_name,', ''),
    ('PGZ_API uint32_t pgz_abi_version(void);',
     'PGZ_API uint32_t pgz_abi_version(void); PGZ_API void pgz_more(void);',
     'pgz_more is new and PGZ_ABI_VERSION still'),
    ('PGZ_API void pgz_free(void* memory);', '', 'function pgz_free is gone'),
]

with open(header, encoding='utf-8') as f:
    original = f.read()
wrong = 0
for old, new, expected in CHANGES:
    if old not in original:
        sys.exit(f'the header no longer says {old!r}: change this test')
    with tempfile.TemporaryDirectory() as scratch:
        changed = os.path.join(scratch, 'pgz.h')
        with open(changed, 'w', encoding='utf-8') as f:
            f.write(original.replace(old, new, 1) if old else original)
        done = subprocess.run([sys.executable, tool, 'check', changed, library, dump], capture_output=True,
                              text=True)
    is_right = done.returncode == 0 if not expected else done.returncode == 1 and expected in done.stderr
    if not is_right:
        wrong += 1
        print(f'{old!r} -> {new!r}: expected {expected or "a pass"!r}, got {done.returncode}: {done.stderr}')
print(f'{len(CHANGES)} changes of the header, {wrong} judged wrongly')
sys.exit(1 if wrong else 0)
