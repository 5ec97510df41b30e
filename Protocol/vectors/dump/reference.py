"""Reads and writes sealed streams and lossless dumps by Protocol/dump.md alone, and makes and checks its vectors.

  reference.py make     writes the vectors anew, with new keys
  reference.py check    holds the vectors against this reader

Needs libsodium; shares no code with the agent.
"""
import ctypes
import ctypes.util
import hashlib
import json
import os
import pathlib
import struct
import sys


class Malformed(Exception):
    """The bytes are no dump."""


def parse(raw):
    """A plain lossless dump as (header, [(id, bytes)], left out)."""
    if raw[:8] != b"BLZDUMP\n" or raw[8:12] != b"\0\1\0\0":
        raise Malformed("magic or version")
    length = struct.unpack(">I", raw[12:16])[0]
    header = json.loads(raw[16:16 + length])
    at = 16 + length
    records = []
    while raw[at] == 1:
        size = struct.unpack(">I", raw[at + 17:at + 21])[0]
        records.append((raw[at + 1:at + 17], raw[at + 21:at + 21 + size]))
        if raw[at + 1:at + 17] not in records[-1][1]:
            raise Malformed("a record under another id")
        at += 21 + size
    if raw[at] != 0:
        raise Malformed("an unknown entry")
    count, left_out = struct.unpack(">QQ", raw[at + 1:at + 17])
    at += 17
    if raw[at:] != hashlib.sha256(raw[:at]).digest() or count != len(records):
        raise Malformed("hash or count")
    if [id for id, _ in records] != sorted({id for id, _ in records}):
        raise Malformed("order")
    return header, records, left_out


# ---- Sealed streams -------------------------------------------------------------------------------------------------

MAGIC = b"BLZSEAL\n"
_CHUNK, _TAG = 65536, 17


def _sodium():
    library = ctypes.CDLL(ctypes.util.find_library("sodium"))
    if library.sodium_init() < 0:
        raise OSError("libsodium does not start")
    return library


def _open(sodium, raw, passphrase, identity):
    """The stream's key, and where its header stands."""
    if raw[:8] != MAGIC or raw[8:10] != b"\0\1" or raw[12:16] != b"\0\1\0\0":
        raise Malformed("magic, version or chunk")
    at, key, kinds = 16, None, []
    for _ in range(struct.unpack(">H", raw[10:12])[0]):
        kind, zero, length = struct.unpack(">BBH", raw[at:at + 4])
        body = raw[at + 4:at + 4 + length]
        at += 4 + length
        if (kind, zero, length) not in ((1, 0, 96), (2, 0, 80)):
            raise Malformed("slot")
        kinds.append(kind)
        if kinds.count(1) > 1:
            raise Malformed("two passphrases")
        if kind == 1 and not (1 <= struct.unpack(">I", body[:4])[0] <= 16
                              and 8192 <= struct.unpack(">I", body[4:8])[0] <= 1 << 20):
            raise Malformed("costs")
        if kind == 1 and passphrase is not None:
            key = _by_passphrase(sodium, body, passphrase)
        elif kind == 2 and identity is not None:
            key = key or _by_identity(sodium, body, bytes.fromhex(identity.strip().split("-")[-1])[:32])
    if key is None:
        raise Malformed("nothing opens it")
    return key, at


def stream_key(raw, passphrase=None, identity=None):
    """The key of a sealed stream."""
    return _open(_sodium(), raw, passphrase, identity)[0]


def unseal(raw, passphrase=None, identity=None):
    """What a sealed stream holds, by its passphrase or by the text of an identity."""
    sodium = _sodium()
    key, at = _open(sodium, raw, passphrase, identity)
    digest = hashlib.blake2b(raw[:at + 24], digest_size=32).digest()
    state = ctypes.create_string_buffer(64)
    if sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, raw[at:at + 24], key) != 0:
        raise Malformed("stream header")
    at += 24
    out = bytearray()
    while True:
        piece = raw[at:at + _CHUNK + _TAG]
        at += len(piece)
        plain = ctypes.create_string_buffer(max(1, len(piece) - _TAG))
        tag = ctypes.c_ubyte()
        if sodium.crypto_secretstream_xchacha20poly1305_pull(
                state, plain, None, ctypes.byref(tag), piece, ctypes.c_ulonglong(len(piece)), digest,
                ctypes.c_ulonglong(len(digest))) != 0:
            raise Malformed("chunk")
        out += plain.raw[:len(piece) - _TAG]
        if tag.value == 3:
            break
        if tag.value != 0 or len(piece) != _CHUNK + _TAG:
            raise Malformed("tag")
    if at != len(raw):
        raise Malformed("bytes behind the end")
    return bytes(out)


def _by_passphrase(sodium, body, passphrase):
    passes, memory = struct.unpack(">II", body[:8])
    wrapping = ctypes.create_string_buffer(32)
    secret = passphrase.encode()
    if sodium.crypto_pwhash(
            wrapping, ctypes.c_ulonglong(32), secret, ctypes.c_ulonglong(len(secret)), body[8:24],
            ctypes.c_ulonglong(passes), ctypes.c_size_t(memory << 10), 2) != 0:
        raise Malformed("memory")
    bound = b"blazedb seal 1 passphrase" + body[:24]
    key = ctypes.create_string_buffer(32)
    opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        key, None, None, body[48:], ctypes.c_ulonglong(48), bound, ctypes.c_ulonglong(len(bound)), body[24:48],
        wrapping) == 0
    return key.raw[:32] if opened else None


def _by_identity(sodium, body, secret):
    public, key = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    sodium.crypto_scalarmult_base(public, secret)
    opened = sodium.crypto_box_seal_open(key, body, ctypes.c_ulonglong(len(body)), public.raw[:32], secret) == 0
    return key.raw[:32] if opened else None


def seal(plain, passphrase=None, public=(), passes=1, memory=8192, tags=None):
    """A sealed stream. `tags` replaces the tags of its chunks."""
    sodium = _sodium()
    key = os.urandom(32)
    slots = []
    if passphrase is not None:
        salt, nonce = os.urandom(16), os.urandom(24)
        wrapping, out = ctypes.create_string_buffer(32), ctypes.create_string_buffer(48)
        secret = passphrase.encode()
        sodium.crypto_pwhash(
            wrapping, ctypes.c_ulonglong(32), secret, ctypes.c_ulonglong(len(secret)), salt, ctypes.c_ulonglong(passes),
            ctypes.c_size_t(memory << 10), 2)
        costs = struct.pack(">II", passes, memory)
        bound = b"blazedb seal 1 passphrase" + costs + salt
        sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
            out, None, key, ctypes.c_ulonglong(32), bound, ctypes.c_ulonglong(len(bound)), None, nonce, wrapping)
        slots.append(b"\1\0\0\x60" + costs + salt + nonce + out.raw)
    for one in public:
        out = ctypes.create_string_buffer(80)
        sodium.crypto_box_seal(out, key, ctypes.c_ulonglong(32), one)
        slots.append(b"\2\0\0\x50" + out.raw)
    state, header = ctypes.create_string_buffer(64), ctypes.create_string_buffer(24)
    sodium.crypto_secretstream_xchacha20poly1305_init_push(state, header, key)
    raw = MAGIC + struct.pack(">HHI", 1, len(slots), _CHUNK) + b"".join(slots) + header.raw
    digest = hashlib.blake2b(raw, digest_size=32).digest()
    pieces = [plain[at:at + _CHUNK] for at in range(0, len(plain), _CHUNK)] or [b""]
    for piece, tag in zip(pieces, tags or [0] * (len(pieces) - 1) + [3]):
        out = ctypes.create_string_buffer(len(piece) + _TAG)
        sodium.crypto_secretstream_xchacha20poly1305_push(
            state, out, None, piece, ctypes.c_ulonglong(len(piece)), digest, ctypes.c_ulonglong(32), ctypes.c_ubyte(tag))
        raw += out.raw
    return raw


def write(records, left_out=0, **header):
    """A plain lossless dump."""
    members = {"databaseId": None, "databaseName": "vector", "exportedAt": "2026-11-27T00:00:00Z", "live": False,
               "payload": {}, "toolVersion": "reference", "wrapper": {}, **header}
    text = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    out = b"BLZDUMP\n\0\1\0\0" + struct.pack(">I", len(text)) + text
    for id, data in records:
        out += b"\1" + id + struct.pack(">I", len(data)) + data
    out += b"\0" + struct.pack(">QQ", len(records), left_out)
    return out + hashlib.sha256(out).digest()


def text(prefix, key):
    """A key as text."""
    return prefix + key.hex() + hashlib.blake2b(key, digest_size=32, key=prefix.encode()).digest()[:4].hex()


# ---- Vectors ------------------------------------------------------------------------------------------------------

HERE = pathlib.Path(__file__).resolve().parent
PASSPHRASE = "Vector passphrase 1"


def _record(n):
    id = bytes.fromhex("00000000000040008000000000000000")[:15] + bytes([n])
    return id, b"BLAZE\1\0\2\1\5" + id + b"\xff\0\1n\x12" + bytes([n])


def _make():
    sodium = _sodium()
    secret, public = os.urandom(32), ctypes.create_string_buffer(32)
    sodium.crypto_scalarmult_base(public, secret)
    identity = text("blazedb-identity-", secret)
    plain = write([_record(n) for n in range(1, 4)], payload={"metaData": [{"key": "formatVersion", "value": "1.0.0"}]})
    whole = seal(plain, PASSPHRASE, [public.raw])
    altered = bytearray(plain)
    altered[-40] ^= 1
    costs = bytearray(whole)
    costs[20:24] = struct.pack(">I", 17)
    facts = {
        "whole": ("a sealed dump of three records", "ok", whole),
        "not-final": ("an end that was not sealed as one", "damaged", seal(plain, PASSPHRASE, [public.raw], tags=[0])),
        "rekey-tag": ("a tag that no writer uses", "damaged", seal(plain, PASSPHRASE, [public.raw], tags=[2])),
        "left-over": ("a byte behind the end", "damaged", whole + b"\0"),
        "costs-over-cap": ("17 passes of Argon2id", "costs", bytes(costs)),
        "two-passphrases": ("two slots of a passphrase", "malformed",
                            whole[:10] + b"\0\2" + whole[12:116] + whole[16:116] + whole[200:]),
        "wrong-hash": ("a sealed dump whose own hash does not hold", "damaged",
                       seal(bytes(altered), PASSPHRASE, [public.raw])),
        "out-of-order": ("records that do not ascend", "damaged",
                         seal(write([_record(2), _record(1)]), PASSPHRASE, [public.raw])),
        "other-id": ("a record under another id than its own", "damaged",
                     seal(write([(_record(1)[0], _record(2)[1])]), PASSPHRASE, [public.raw])),
    }
    for name, (fact, expect, raw) in facts.items():
        vector = {"fact": fact, "expect": expect, "passphrase": PASSPHRASE, "identity": identity,
                  "recipient": text("blazedb-recipient-", public.raw),
                  "file": [raw[at:at + 32].hex() for at in range(0, len(raw), 32)]}
        (HERE / f"{name}.json").write_text(json.dumps(vector, indent=1) + "\n")


def _check():
    names = sorted(HERE.glob("*.json"))
    assert names
    for name in names:
        vector = json.loads(name.read_text())
        raw = bytes.fromhex("".join(vector["file"]))
        for secret in ({"passphrase": vector["passphrase"]}, {"identity": vector["identity"]}):
            try:
                _, records, _ = parse(unseal(raw, **secret))
                assert [id for id, _ in records] == [_record(n)[0] for n in range(1, 4)]
                found = "ok"
            except Malformed:
                found = "refused"
            assert (found == "ok") == (vector["expect"] == "ok"), f"{name.name}: {found}"


if __name__ == "__main__":
    {"make": _make, "check": _check}[sys.argv[1]]()
