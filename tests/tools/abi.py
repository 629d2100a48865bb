#!/usr/bin/env python3
"""abi.py check|update HEADER LIBRARY DUMP: what programs were built against stays as it was.

The dump, kept in the repository, names every function of HEADER (include/pgz.h) with its types, every
number, and every struct with sizes and offsets as a C compiler lays them out. `check` fails when
  - something in the dump is gone or different: programs that exist would break,
  - something new is missing in the dump: `update` writes it,
  - LIBRARY (libpgz.so) exports other names than the header declares.
Growing is allowed as the header says: functions (with a higher PGZ_ABI_VERSION), numbers, and fields at
the end of structs that begin with struct_size. `update` refuses what would break a program.
"""
import os
import re
import subprocess
import sys
import tempfile


def without_comments(text):
    return re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)


def type_only(parameter):
    """'const char* path' -> 'const char*'."""
    parameter = ' '.join(parameter.split())
    named = re.match(r'(.*[\s*])(\w+)$', parameter)
    return named.group(1).strip() if named else parameter


def functions(text):
    for result, name, parameters in re.findall(r'PGZ_API\s+([\w\s*]+?)\s*(pgz_\w+)\(([^)]*)\)\s*;', text):
        types = ', '.join(type_only(p) for p in parameters.split(','))
        yield f'function {name}', f"{' '.join(result.split())} ({types})"


def layout_program(text):
    """A C program that prints the lines that only a compiler knows."""
    out = ['#include <stdio.h>', '#include "pgz.h"', 'int main(void) {']

    def line(key, form, *values):
        out.append(f'  printf("{key}\\t{form}\\n", {", ".join(values)});')

    for name in re.findall(r'^#define\s+(PGZ_\w+)[ \t]+[\w(]', text, flags=re.M):
        if name != 'PGZ_API':
            line(f'number {name}', '%llu', f'(unsigned long long){name}')
    for body in re.findall(r'enum\s*\{(.*?)\}', text, flags=re.S):
        for name in re.findall(r'\b(PGZ_\w+)\s*=', body):
            line(f'number {name}', '%llu', f'(unsigned long long){name}')
    for body, name in re.findall(r'typedef struct \w+ \{(.*?)\}\s*(\w+)\s*;', text, flags=re.S):
        line(f'struct {name}', 'size %zu align %zu', f'sizeof({name})', f'_Alignof({name})')
        for declaration in filter(None, (' '.join(d.split()) for d in body.split(';'))):
            field = re.search(r'(\w+)\s*(\[\w+\])?$', declaration).group(1)
            kind = declaration[:declaration.rindex(field)].strip()
            line(f'field {name}.{field}', f'offset %zu size %zu {kind}', f'offsetof({name}, {field})',
                 f'sizeof((({name}*)0)->{field})')
    return '\n'.join(out + ['  return 0;', '}', ''])


def describe(header):
    with open(header, encoding='utf-8') as f:
        text = without_comments(f.read())
    found = dict(functions(text))
    with tempfile.TemporaryDirectory() as scratch:
        source, program = os.path.join(scratch, 'layout.c'), os.path.join(scratch, 'layout')
        with open(source, 'w', encoding='utf-8') as f:
            f.write(layout_program(text))
        subprocess.run([os.environ.get('CC', 'cc'), '-std=c11', '-I', os.path.dirname(header), '-o', program,
                        source], check=True)
        for row in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
            key, value = row.split('\t')
            found[key] = value
    return found


def exported(library):
    rows = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True,
                          text=True).stdout.splitlines()
    return {row.split()[-1].split('@')[0] for row in rows if row.split()[-2] in 'TDBRVW'} - {''}


def grew(key, old, new, now):
    """Whether a struct became larger as it may: its offsets are compared field by field."""
    if not key.startswith('struct ') or 'field ' + key[7:] + '.struct_size' not in now:
        return False
    size = [int(v.split()[1]) for v in (old, new)]
    return size[1] > size[0] and old.split()[3] == new.split()[3]


def compare(old, now):
    """What breaks programs, and what is new. Reserved fields may be used up or renamed."""
    broken, new = [], []
    version = 'number PGZ_ABI_VERSION'
    if old and int(now.get(version, 0)) < int(old[version]):
        broken.append(f'{version} went back to {now.get(version)}')
    for key, value in old.items():
        if now.get(key) == value:
            continue
        if key == version or '.reserved' in key or (key in now and grew(key, value, now[key], now)):
            new.append(f'{key}: {now.get(key, "used up")}')
        else:
            broken.append(f'{key}: was {value}, is {now[key]}' if key in now else f'{key} is gone')
    for key in sorted(now.keys() - old.keys()):
        new.append(key)
        if key.startswith('function ') and old and int(now[version]) <= int(old[version]):
            broken.append(f'{key} is new and PGZ_ABI_VERSION still {now[version]}')
    return broken, new


def read_dump(path):
    if not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8') as f:
        return dict(row.rstrip('\n').split('\t') for row in f if not row.startswith('#'))


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ('check', 'update'):
        sys.exit(__doc__)
    what, header, library, dump = sys.argv[1:]
    now = describe(header)
    declared = {key.split()[1] for key in now if key.startswith('function ')}
    names = exported(library)
    broken, new = compare(read_dump(dump), now)
    broken += [f'{n} is declared and not exported' for n in sorted(declared - names)]
    broken += [f'{n} is exported and not declared' for n in sorted(names - declared)]
    for complaint in broken:
        print(f'abi: {complaint}', file=sys.stderr)
    if broken:
        sys.exit(1)
    if what == 'update':
        with open(dump, 'w', encoding='utf-8') as f:
            f.write('# The C ABI as programs know it (tests/tools/abi.py). Written by: just abi-dump\n')
            f.writelines(f'{key}\t{value}\n' for key, value in sorted(now.items()))
    elif new:
        sys.exit('abi: not in the dump yet (just abi-dump): ' + '; '.join(new))
    print(f'abi: {len(declared)} functions, {sum(k.startswith("struct ") for k in now)} structs, '
          f'{sum(k.startswith("number ") for k in now)} numbers as they were')


if __name__ == '__main__':
    main()
