"""Whether binaries say what they are made of (cargo-auditable), and a list of parts (CycloneDX) says
the same: python3 packaging/parts.py SBOM BINARY..."""

import json
import struct
import sys
import zlib


def section(path, wanted):
    """A section of a 64-bit little-endian ELF file, by name."""
    with open(path, "rb") as file:
        data = file.read()
    [start] = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, start + size * at) for at in range(count)]
    names = headers[names][4]
    for name, _, _, _, offset, length in headers:
        if data[names + name :].split(b"\0", 1)[0] == wanted:
            return data[offset : offset + length]
    raise SystemExit(f"parts: {path} has no {wanted.decode()}")


def main(sbom, *binaries):
    with open(sbom, encoding="utf-8") as file:
        sbom = json.load(file)
    listed = {(part["name"], part["version"]) for part in sbom["components"]}
    if sbom["bomFormat"] != "CycloneDX" or not listed:
        raise SystemExit("parts: the list is not one of CycloneDX")
    for binary in binaries:
        parts = json.loads(zlib.decompress(section(binary, b".dep-v0")))["packages"]
        inside = {(part["name"], part["version"]) for part in parts if part.get("kind", "runtime") == "runtime"}
        for name in ("doorward", "pingora-proxy", "aws-lc-rs"):
            if name not in {name for name, _ in inside}:
                raise SystemExit(f"parts: {binary} does not say that {name} is in it")
        missing = inside - listed - {(part["name"], part["version"]) for part in parts if part.get("root")}
        if missing:
            raise SystemExit(f"parts: in {binary} and not listed: {sorted(missing)}")
        print(f"parts: {binary}: {len(inside)} packages, all of them listed", file=sys.stderr)


main(*sys.argv[1:])
