#!/usr/bin/env python3
"""sanitize.py [asan] [tsan] [SUITE...]: the engine's tests under ASan and UBSan (with leak detection), and
under TSan, each in a build folder of its own; all suites, or those named (just sanitize tsan txn capi).

Several test programs run at a time. What has passed is remembered with the program's checksum, so that a
run that was broken off goes on where it stopped and an unchanged program is not run again; PGZ_AGAIN=1 runs
all. Prints a line per kind; exits 1 if one fails, 2 for a word it does not know.
"""
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys

KINDS = {
    'asan': 'address,undefined',
    'tsan': 'thread',
}
# A report ends the test, as the others' do.
ENVIRONMENT = {
    'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
    'ASAN_OPTIONS': 'detect_stack_use_after_return=0:detect_leaks=1',
}
SLOWER = 8
NO_PROGRAMS = ('abi_dump', 'abi_dump_sees')  # look at the header, not at what runs


def build(directory, flags, suites):
    """Configures once, builds, and gives the tests to run."""
    if not os.path.exists(os.path.join(directory, 'build.ninja')):
        subprocess.run(['meson', 'setup', directory, '--buildtype=debugoptimized', f'-Db_sanitize={flags}'],
                       check=True, stdout=subprocess.DEVNULL)
    introspect = ['meson', 'introspect', '--tests', directory]
    tests = json.loads(subprocess.run(introspect, check=True, capture_output=True).stdout)
    tests = [t for t in tests if suites(t['suite'][0].split(':')[-1]) and t['name'] not in NO_PROGRAMS]
    inside = os.path.abspath(directory) + '/'
    programs = {os.path.relpath(word, directory) for t in tests for word in map(os.path.normpath, t['cmd'])
                if word.startswith(inside)}
    done = subprocess.run(['ninja', '-C', directory, *sorted(programs)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout[-8000:] + done.stderr + '\nsanitize: the build failed')
    return tests


def checksum(test):
    of = hashlib.sha256(' '.join(test['cmd']).encode())
    for word in test['cmd']:
        if os.path.isfile(word):
            with open(word, 'rb') as f:
                of.update(f.read())
    return of.hexdigest()


def run(test, directory, log):
    """Whether the test passes in the build folder; what it prints goes to the file `log`."""
    environment = {**os.environ, **test['env'], **ENVIRONMENT}
    with open(log, 'w', encoding='utf-8') as out:
        try:
            done = subprocess.run(test['cmd'], env=environment, stdout=out, stderr=out, cwd=directory,
                                  timeout=test['timeout'] * SLOWER)
        except subprocess.TimeoutExpired:
            out.write(f'timed out after {test["timeout"] * SLOWER} s\n')
            return False
    return done.returncode == 0


def check(name, only):
    flags = KINDS[name]
    directory = 'build/meson-' + flags.split(',')[0]
    tests = build(directory, flags, lambda s: not only or s in only)
    remembered = os.path.join(directory, 'sanitize-passed')
    passed = set()
    if os.path.exists(remembered) and not os.environ.get('PGZ_AGAIN'):
        with open(remembered, encoding='utf-8') as f:
            passed = set(f.read().split())
    logs = os.path.abspath(os.path.join(directory, 'sanitize'))
    os.makedirs(logs, exist_ok=True)
    todo = [(t, checksum(t)) for t in tests]
    known = [t for t, sum_ in todo if sum_ in passed]
    failed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool, open(remembered, 'a',
                                                                          encoding='utf-8') as memory:
        running = {pool.submit(run, t, directory, os.path.join(logs, t['name'] + '.log')): (t, sum_)
                   for t, sum_ in todo if sum_ not in passed}
        for future in concurrent.futures.as_completed(running):
            test, sum_ = running[future]
            if future.result():
                print(sum_, file=memory, flush=True)
                continue
            failed.append(test['name'])
            with open(os.path.join(logs, test['name'] + '.log'), encoding='utf-8', errors='replace') as f:
                print(f'{name}: {test["name"]} failed:\n{f.read()[-6000:]}', file=sys.stderr)
    before = f' ({len(known)} of them in an earlier run)' if known else ''
    if failed:
        print(f'{name}: {", ".join(failed)} failed of {len(tests)}', file=sys.stderr)
    else:
        print(f'{name}: {len(tests)} test programs{before}, nothing found', flush=True)
    return not failed


def main():
    kinds = [a for a in sys.argv[1:] if a in KINDS] or list(KINDS)
    suites = [a for a in sys.argv[1:] if a not in KINDS]
    known = set(os.listdir('engine')) | {'capi', 'sim', 'fuzz', 'formats'}
    if unknown := [s for s in suites if s not in known]:
        print(f'sanitize: {unknown[0]} is no kind and no suite\n{__doc__}', file=sys.stderr)
        sys.exit(2)
    if not all([check(name, suites) for name in kinds]):
        sys.exit(1)


if __name__ == '__main__':
    main()
