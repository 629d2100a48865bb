#!/usr/bin/env python3
"""layout_test.py DIR...: reads database directories by docs/formats.md alone.

Shares no code with the engine: what it checks are the page's offsets, numbers and checksums, on files the
engine wrote. Prints what it read; exits 1 where a file is not as the page says.
"""
import os
import struct
import sys

TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data, seed=0):
    crc = seed ^ 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def u16(b, at):
    return struct.unpack_from('<H', b, at)[0]


def u32(b, at):
    return struct.unpack_from('<I', b, at)[0]


def u64(b, at):
    return struct.unpack_from('<Q', b, at)[0]


def varint(b, at):
    value = shift = 0
    while True:
        byte = b[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def string(b, at):
    n, at = varint(b, at)
    return b[at:at + n], at + n


def demand(condition, what):
    if not condition:
        sys.exit(f'layout: {what}')


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def identity(path):
    b = read(path)
    demand(len(b) == 48 and b[:8] == b'pgzident' and u32(b, 8) == 1 and u32(b, 12) == 0, f'{path}: head')
    demand(u32(b, 44) == crc32c(b[:44]), f'{path}: checksum')
    return b[16:32]


def record(b):
    """A log record, as (type, timestamp, drops, runs, writes)."""
    if b[0] == 2:
        name, at = string(b, 1)
        _, at = varint(b, at)
        demand(at == len(b), 'a counter record has more bytes')
        return 2, 0, 0, 0, []
    demand(b[0] == 1 and b[1:4] == b'\0\0\0', f'record type {b[0]}')
    drops, at = varint(b, 20)
    for _ in range(drops):
        _, at = string(b, at)
        _, at = string(b, at)
    runs, at = varint(b, at)
    for _ in range(runs):
        for part in RUN:
            _, at = part(b, at)
    count, at = varint(b, at)
    writes = []
    for _ in range(count):
        kind = b[at]
        key, at = string(b, at + 1)
        value, at = string(b, at)
        demand(1 <= kind <= 4, f'write of kind {kind}')
        writes.append((kind, key, value))
    demand(at == len(b), f'a commit record has {len(b) - at} more bytes')
    return 1, u64(b, 4), drops, runs, writes


RUN = [varint, varint, varint, varint, string, string]


def log_slot(path, uuid):
    b = read(path)
    slot_bytes = epoch = None
    counts = {'blocks': 0, 'records': 0, 'seals': 0}
    chain, open_record = None, None
    for at in range(0, len(b), 4096):
        block = b[at:at + 4096]
        if not any(block):
            continue
        demand(block[35] == 1 and u32(block, 36) == 0, f'{path} at {at}: version or reserved')
        if epoch is not None and u64(block, 8) != epoch:
            break  # of an earlier use of the slot
        epoch = u64(block, 8)
        demand(u32(block, 0) == crc32c(block[4:], crc32c(block[8:16], crc32c(uuid))), f'{path} at {at}: checksum')
        demand(chain is None or u32(block, 4) == chain, f'{path} at {at}: checksum of the block before')
        chain = u32(block, 0)
        length, kind = u16(block, 32), block[34]
        payload = block[40:40 + length]
        demand(not any(block[40 + length:]), f'{path} at {at}: not zeros behind the payload')
        counts['blocks'] += 1
        if kind == 2:
            demand(at == 0 and length == 40, f'{path} at {at}: a slot header')
            slot_bytes = u64(payload, 0)
        elif kind == 3:
            demand(length == 0, f'{path} at {at}: a seal with a payload')
            counts['seals'] += 1
        else:
            demand(kind == 1, f'{path} at {at}: kind {kind}')
            while payload:
                n, of = u16(payload, 0), payload[2]
                demand(payload[3] == 0 and u32(payload, 4) == 0, f'{path} at {at}: reserved in a fragment')
                body, payload = payload[8:8 + n], payload[8 + n:]
                if of in (1, 2):
                    open_record = body
                elif open_record is not None:  # else it began in the slot before
                    open_record += body
                if of in (1, 4) and open_record is not None:
                    record(open_record)
                    counts['records'] += 1
    demand(slot_bytes in (None, len(b)), f'{path}: slot bytes {slot_bytes}')
    return counts


def table_block(b, table_id, offset, size, path):
    body, compression = b[offset:offset + size], b[offset + size]
    place = struct.pack('<QQ', table_id, offset)
    demand(u32(b, offset + size + 1) == crc32c(body + bytes([compression]), crc32c(place)),
           f'{path} at {offset}: block checksum')
    demand(compression == 0, f'{path} at {offset}: compression {compression} (the golden tables have none)')
    return body


def entries(block):
    restarts = u32(block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    at, key = 0, b''
    while at < end:
        shared, at = varint(block, at)
        rest, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + block[at:at + rest]
        at += rest
        yield key, block[at:at + length]
        at += length
    demand(at == end, 'entries run into the restart points')


def pointer(value, path):
    """A value pointer, as (segment, slot, stored length, checksum, raw length or 0)."""
    fields, at = [], 0
    for _ in range(3):
        number, at = varint(value, at)
        fields.append(number)
    fields.append(u32(value, at))
    at += 4
    raw = 0
    if at < len(value):
        raw, at = varint(value, at)
        demand(fields[2] < raw <= 1 << 20, f'{path}: raw length {raw} of {fields[2]} bytes')
    demand(at == len(value), f'{path}: more bytes behind a pointer')
    return (*fields, raw)


def lz4(b):
    """The LZ4 block format: literals and copies of what came before, in turn."""
    out, at = bytearray(), 0

    def length(at, n):
        while n >= 15 and b[at] == 255:
            n, at = n + 255, at + 1
        return (n + b[at], at + 1) if n >= 15 else (n, at)

    while at < len(b):
        token = b[at]
        n, at = length(at + 1, token >> 4)
        out += b[at:at + n]
        at += n
        if at == len(b):
            break
        back, at = u16(b, at), at + 2
        n, at = length(at, token & 15)
        for _ in range(n + 4):
            out.append(out[-back])
    return bytes(out)


def table(path, raw_lengths):
    b = read(path)
    f = b[-120:]
    demand(f[112:] == b'\xabPGZSST1' and u32(f, 100) == 1, f'{path}: magic or version')
    demand(u32(f, 104) == crc32c(f[:104]) and u64(f, 80) == len(b), f'{path}: footer checksum or size')
    demand(u64(f, 72) == 0 and u64(f, 88) == 0 and u32(f, 108) == 0, f'{path}: reserved')
    table_id, features = u64(f, 64), u32(f, 96)
    demand(features & ~7 == 0, f'{path}: features {features}')
    properties, at, body = {}, 0, table_block(b, table_id, u64(f, 32), u64(f, 40), path)
    while at < len(body):
        tag, at = varint(body, at)
        properties[tag], at = string(body, at)
    if u64(f, 8) != 0:
        table_block(b, table_id, u64(f, 0), u64(f, 8), path)
    last, count, kinds = None, 0, set()
    for _, handle in entries(table_block(b, table_id, u64(f, 16), u64(f, 24), path)):
        offset, n = varint(handle, 0)
        for _, inner in entries(table_block(b, table_id, offset, varint(handle, n)[0], path)):
            offset, n = varint(inner, 0)
            for key, value in entries(table_block(b, table_id, offset, varint(inner, n)[0], path)):
                trailer = 0xffffffffffffffff - int.from_bytes(key[-8:], 'big')
                order = (key[:-8], key[-8:])
                demand(last is None or last < order, f'{path}: keys are not in order')
                last, count = order, count + 1
                kinds.add(trailer & 255)
                if trailer & 255 == 4:
                    to = pointer(value, path)
                    demand(to[4] == 0 or features & 4, f'{path}: a compressed value without the feature')
                    raw_lengths[to[:4]] = to[4]
    demand(varint(properties[1], 0)[0] == count, f'{path}: {count} entries, properties say otherwise')
    return {'entries': count, 'kinds': sorted(kinds)}


def segment(path, raw_lengths):
    b = read(path)
    demand(b[:8] == b'\xabPGZSEG1' and u32(b, 8) == 1 and u32(b, 4092) == crc32c(b[:4092]), f'{path}: header')
    f = b[-80:]
    if f[72:] != b'\xabPGZEND1':
        return 'open: no footer yet'
    demand(f[72:] == b'\xabPGZEND1' and u32(f, 52) == 1 and u32(f, 64) == crc32c(f[:64]), f'{path}: footer')
    demand((u64(f, 0), u64(f, 8), u64(f, 16)) == (u64(b, 16), u64(b, 24), len(b)), f'{path}: header and footer')
    features = u32(f, 56)
    demand(features in (0, 1) and u32(f, 60) == u32(f, 68) == 0, f'{path}: features or reserved')
    slots, start = u32(f, 44), u64(f, 32)
    directory = b[start:start + 12 * slots]
    demand(u32(f, 48) == crc32c(directory), f'{path}: directory checksum')
    values = total = compressed = 0
    for slot in range(slots):
        offset, length, checksum = struct.unpack_from('<III', directory, 12 * slot)
        if offset == length == checksum == 0:
            continue
        is_compressed = features == 1 and length >> 31 == 1
        length &= 0x7fffffff if is_compressed else 0xffffffff
        raw = raw_lengths.get((u64(f, 0), slot, length, checksum))
        demand(raw is None or (raw != 0) == is_compressed, f'{path}: value {slot}: pointer and directory')
        if is_compressed:
            compressed += 1
            unpacked = len(lz4(b[offset:offset + length]))
            demand(raw in (None, unpacked), f'{path}: value {slot} unpacks to {unpacked} bytes')
        seed = crc32c(struct.pack('<QI', u64(f, 0), slot))
        demand(checksum == crc32c(b[offset:offset + length], seed), f'{path}: value {slot}')
        values, total = values + 1, total + length
    demand((values, total) == (u32(f, 40), u64(f, 24)), f'{path}: counts of values')
    demand((compressed != 0) == (features == 1), f'{path}: the feature without a compressed value')
    return {'values': values, 'bytes': total, 'compressed': compressed}


def manifest(folder, uuid):
    b = read(os.path.join(folder, 'super'))
    copies = []
    for at in (0, 4096):
        s = b[at:at + 4096]
        demand(s[:8] == b'\xabPGZSUPR' and u32(s, 8) == 1, f'super at {at}: magic or version')
        demand(u32(s, 12) == crc32c(s[16:], crc32c(s[:12])), f'super at {at}: checksum')
        demand(s[16:32] == uuid, f'super at {at}: uuid')
        copies.append((u64(s, 32), u32(s, 40), u64(s, 48), u64(s, 56)))
    _, slot, slot_bytes, salt = max(copies)
    e = read(os.path.join(folder, f'edits-{slot}'))
    demand(len(e) >= slot_bytes, f'edits-{slot} is shorter than the superblock says')
    at, tags, sequence = 0, {}, None
    while e[at:at + 4] == b'PGZE' and u64(e, at + 8) == salt:
        length = u32(e, at + 24)
        demand(u32(e, at + 4) == crc32c(e[at + 8:at + 40 + length]), f'edits-{slot} at {at}: checksum')
        demand(sequence is None or u64(e, at + 16) == sequence + 1, f'edits-{slot} at {at}: sequence')
        sequence = u64(e, at + 16)
        body, where = e[at + 40:at + 40 + length], 0
        while where < length:
            tag, where = varint(body, where)
            _, where = string(body, where)
            demand(1 <= tag <= 12, f'edits-{slot} at {at}: tag {tag}')
            tags[tag] = tags.get(tag, 0) + 1
        at += (40 + length + 4095) // 4096 * 4096
    demand(at > 0, f'edits-{slot}: no record')
    return {'records': sequence, 'fields by tag': tags}


def main():
    for base in sys.argv[1:]:
        show_directory(base)


def show_directory(base):
    uuid = identity(os.path.join(base, 'IDENTITY'))
    print('IDENTITY', uuid.hex())
    print('manifest', manifest(os.path.join(base, 'manifest'), uuid))
    raw_lengths = {}
    for folder, show in (('log', lambda p: log_slot(p, uuid)), ('sst', lambda p: table(p, raw_lengths)),
                         ('vlog', lambda p: segment(p, raw_lengths))):
        path = os.path.join(base, folder)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            print(f'{folder}/{name}', show(os.path.join(path, name)))


if __name__ == '__main__':
    main()
