#!/usr/bin/env python3
"""make-seeds.py DIRECTORY   Makes the fuzzers' seeds: DIRECTORY/<target>/<name>.

They come from Protocol/vectors, from the databases under Tests/Fixtures (and $BLAZEDB_FIXTURES), whose passwords their
manifests tell, and from the small ones committed under Fuzzing/Seeds. What the bytes of a seed mean is written at each
target in Tests/FuzzTargets.
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FUZZING = pathlib.Path(__file__).resolve().parent
REPOSITORY = FUZZING.parent
PAGE = 4096
LONGEST = 64 << 10
# Seeds that are alike teach a fuzzer nothing.
MOST_RECORDS = 60
MOST_PAGES = 20


class Seeds:
    """Writes seeds, each content once."""

    def __init__(self, directory):
        self.directory = directory
        self.counts = {}

    def add(self, target, content):
        if not content or len(content) > LONGEST:
            return
        directory = self.directory / target
        directory.mkdir(parents=True, exist_ok=True)
        (directory / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
        self.counts[target] = self.counts.get(target, 0) + 1


def frames(seeds):
    """Every vector as it is, requests behind a hello, and all of them as one connection."""
    vectors = {}
    for path in sorted((REPOSITORY / "Protocol" / "vectors").glob("*.txt")):
        vectors[path.stem] = bytes.fromhex(path.read_text().split("\n\n", 1)[1])
    for name, frame in vectors.items():
        seeds.add("frames", frame)
        seeds.add("frames", vectors["hello"] + frame)
    seeds.add("frames", b"".join(vectors.values()))


def vaults(seeds):
    """The vault's vectors: as they stand, without the checksum, and what was typed to open them."""
    for path in sorted((REPOSITORY / "Protocol" / "vectors" / "vault").glob("*.json")):
        vector = json.loads(path.read_text())
        content = bytes.fromhex("".join(vector["file"]))
        seeds.add("vault", b"\0" + content)
        seeds.add("vault", b"\1" + content[:-32])
        for secret in vector["secrets"]:
            seeds.add("vault", b"\3" + secret.encode())


def fixtures():
    roots = [REPOSITORY / "Tests" / "Fixtures"]
    if "BLAZEDB_FIXTURES" in os.environ:
        roots.append(pathlib.Path(os.environ["BLAZEDB_FIXTURES"]))
    found = {}
    for root in roots:
        for path in sorted(root.rglob("manifest.json")):
            found.setdefault(str(path.parent.relative_to(root)), path)
    return list(found.values())


def key(manifest, base):
    salt = base.with_suffix(".salt")
    return hashlib.pbkdf2_hmac(
        "sha256", manifest["password"].encode(), salt.read_bytes() if salt.exists() else b"AshPileSalt",
        manifest["pbkdf2Iterations"], 32)


def metadata(seeds, content):
    seeds.add("metadata", b"\0" + content)
    try:
        wrapper = json.loads(content)
    except ValueError:
        return
    if "signedPayload" in wrapper:
        payload = base64.b64decode(wrapper["signedPayload"])
        seeds.add("metadata", b"\1" + payload)
        seeds.add("metadata", b"\3" + payload)


def plaintexts(data, cipher):
    """What the record pages hold, where the key opens them."""
    for at in range(0, len(data) - PAGE + 1, PAGE):
        page = data[at:at + PAGE]
        if page[:5] != b"BZDB\2":
            continue
        length = struct.unpack(">I", page[5:9])[0]
        try:
            yield cipher.decrypt(page[9:21], page[37:37 + length] + page[21:37], None)
        except InvalidTag:
            continue


def pages(seeds, data):
    """Raw pages, which is step 4 of the page target; the first few of each fixture, one and several at a time."""
    steps = []
    for at in range(0, len(data) - PAGE + 1, PAGE):
        used = data[at:at + PAGE].rstrip(b"\0")
        steps.append(b"\4" + struct.pack(">H", len(used) % (PAGE + 1)) + used)
        if len(steps) == MOST_PAGES:
            break
    for step in steps[:4]:
        seeds.add("page", b"\0" + step)
    for count in (4, 12):
        seeds.add("page", bytes([count - 1]) + b"".join(steps[:count]))


def records(seeds, data, cipher):
    for count, record in enumerate(plaintexts(data, cipher)):
        if count == MOST_RECORDS:
            break
        seeds.add("record", record)
        # The same under the page target's key: step 3, a sealed plaintext.
        length = struct.pack(">H", len(record))
        seeds.add("page", b"\0\3" + length + length + record)


def database(seeds, path):
    manifest = json.loads(path.read_text())
    base = path.parent / manifest["database"]
    for meta in sorted(path.parent.glob("*.meta")):
        metadata(seeds, meta.read_bytes())
    if base.exists():
        data = base.read_bytes()[:PAGE * 400]
        pages(seeds, data)
        records(seeds, data, AESGCM(key(manifest, base)))
    for wal in sorted(path.parent.glob("*.wal")):
        content = wal.read_bytes()
        for start in (0, 16):
            # No damage, no page taken away, then raw bytes of the log in pieces of at most 599 bytes.
            piece = content[start:start + 599]
            if piece:
                seeds.add("wal", bytes([0, 0, 8, 0]) + struct.pack(">H", len(piece)) + piece)


def main():
    directory = pathlib.Path(sys.argv[1])
    seeds = Seeds(directory)
    frames(seeds)
    vaults(seeds)
    for path in fixtures():
        database(seeds, path)
    for path in sorted((FUZZING / "Seeds").glob("*/*")) + sorted((FUZZING / "Crashes").glob("*/*")):
        (directory / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, directory / path.parent.name / path.name)
        seeds.counts[path.parent.name] = seeds.counts.get(path.parent.name, 0) + 1
    print("seeds:", ", ".join(f"{target} {count}" for target, count in sorted(seeds.counts.items())))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make-seeds.py DIRECTORY")
    main()
