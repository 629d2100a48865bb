#!/usr/bin/env python3
"""Checks that no room includes or imports what stands above or beside it.

The orders are those of docs/architecture.md. In engine/, `base < io <
log, vlog, sst, cache < lsm < txn < db < capi`; in server/pkg, the list below.
Rooms on one level do not know each other, but for the packages inside builtin.
Tests may import anything below the room they test, and kvtest and memkv.
"""
import pathlib
import re
import sys

ENGINE = [["base"], ["io"], ["log", "vlog", "sst", "cache"], ["lsm"], ["txn"], ["db"]]
SERVER = [["pgerr"], ["settings", "data", "ast"], ["kv"], ["types"], ["rowcodec"],
          ["parser", "catalog"], ["query"], ["expr"], ["builtin"], ["analyze", "planner"],
          ["exec"], ["ddl", "plpgsql"], ["session"], ["pgwire"]]
MODULE = "github.com/pgzdb/pgz/server/pkg/"


def levels(order):
    return {room: i for i, rooms in enumerate(order) for room in rooms}


def check_engine(problems):
    level = levels(ENGINE)
    include = re.compile(r'^\s*#include "(?:engine/([a-z]+)/|(capi|server)/|(pgz\.h))', re.M)
    for path in sorted(pathlib.Path("engine").rglob("*.[hc]*")):
        if path.suffix not in (".h", ".cc"):
            continue
        room = path.parts[1]
        for m in include.finditer(path.read_text()):
            other = m.group(1)
            if other is None:
                problems.append(f"{path}: engine code includes {m.group(0).split()[-1]}")
            elif other != room and level.get(other, 99) >= level.get(room, -1):
                problems.append(f"{path}: {room} includes {other}, which is not below it")


def check_server(problems):
    level = levels(SERVER)
    imports = re.compile(r'^\s*(?:[\w.]+\s+)?"([^"]+)"\s*$', re.M)
    for path in sorted(pathlib.Path("server").rglob("*.go")):
        text = path.read_text()
        head = text.split("\nfunc ", 1)[0]
        room = path.parts[2] if path.parts[1] == "pkg" else "cmd"
        is_test = path.name.endswith("_test.go") or "kvtest" in path.parts
        if 'import "C"' in head and room != "storage":
            problems.append(f"{path}: only storage imports C")
        for name in imports.findall(head):
            if not name.startswith(MODULE) or room == "cmd" or "internal" in path.parts:
                continue
            other = name[len(MODULE):].split("/")[0]
            if other == room or room == "storage" and other in ("kv", "pgerr"):
                continue
            if is_test and (other in ("kv", "storage") or name.endswith(("/memkv", "/kvtest"))):
                continue
            if other == "storage":
                problems.append(f"{path}: only cmd and tests import storage")
            elif is_test and level.get(other, 99) != level.get(room, -1):
                continue
            elif level.get(other, 99) >= level.get(room, -1):
                problems.append(f"{path}: {room} imports {other}, which is not below it")


def main():
    problems = []
    check_engine(problems)
    check_server(problems)
    for p in problems:
        print(p, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
