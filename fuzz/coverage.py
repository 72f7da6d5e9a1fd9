#!/usr/bin/env python3
"""Which lines of src/ the inputs of every target reach.

A line counts if a counter of libFuzzer stands on it, which is where a branch begins; it is
reached if any input of any target makes that counter count. Code that no target links is not in
the figures. Needs the built targets, readelf and addr2line.

    fuzz/coverage.py FOLDER-OF-BINARIES TARGET=INPUTS[:INPUTS] ...
"""

import collections
import os
import re
import subprocess
import sys
import tempfile


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def table(binary):
    """The address of every counter, in libFuzzer's order."""
    section = re.search(r"__sancov_pcs\s+PROGBITS\s+(\w+) \w+ (\w+)", run("readelf", "-SW", binary))
    start, size = (int(number, 16) for number in section.groups())
    # Pairs of an address, relocated because the binary is position independent, and flags.
    found = {}
    for line in run("readelf", "-rW", binary).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] == "R_X86_64_RELATIVE":
            found[int(words[0], 16)] = int(words[3], 16)
    return [found[at] for at in range(start, start + size, 16)]


def reached(binary, folders):
    """The places in the table that some input reaches, from the notes of a merge."""
    with tempfile.TemporaryDirectory() as nowhere:
        notes = os.path.join(nowhere, "notes")
        kept = os.path.join(nowhere, "kept")
        os.mkdir(kept)
        run(binary, "-merge=1", f"-merge_control_file={notes}", kept, *folders)
        lines = (line.split() for line in open(notes) if line.startswith("COV "))
        return {int(place) for words in lines for place in words[2:]}


def lines(binary, addresses):
    """File below src/ and line of each address; None for other code."""
    asked = "\n".join(hex(address) for address in addresses)
    told = subprocess.run(
        ["addr2line", "-e", binary], input=asked, capture_output=True, text=True, check=True
    ).stdout
    root = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "src"))
    for line in told.splitlines():
        path, _, number = line.split(" ")[0].rpartition(":")
        path = os.path.realpath(path)
        ours = path.startswith(root + os.sep) and number.isdigit() and number != "0"
        yield (path[len(root) + 1 :], int(number)) if ours else None


def main():
    binaries, *targets = sys.argv[1:]
    known, hit = set(), set()
    for target in targets:
        name, _, folders = target.partition("=")
        binary = os.path.join(binaries, name)
        places = reached(binary, folders.split(":"))
        for index, line in enumerate(lines(binary, table(binary))):
            if line:
                known.add(line)
                if index in places:
                    hit.add(line)
    by_file = collections.Counter(path for path, _ in known)
    done = collections.Counter(path for path, _ in hit)
    floors = collections.Counter(), collections.Counter()
    for path, count in sorted(by_file.items()):
        print(f"{path:44} {done[path]:5} of {count:5}")
        for total, number in zip(floors, (count, done[path])):
            total[path.split("/")[0]] += number
    for floor, count in sorted(floors[0].items()):
        print(f"{floor + '/':44} {floors[1][floor]:5} of {count:5}  {100 * floors[1][floor] / count:.0f} %")


main()
