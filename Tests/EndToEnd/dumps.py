"""Reads our own dumps by Protocol/dump.md alone: it shares no code with what writes them."""
import ctypes
import ctypes.util
import hashlib
import json
import struct


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


def unseal(raw, passphrase=None, identity=None):
    """What a sealed stream holds, by its passphrase or by the text of an identity."""
    sodium = _sodium()
    if raw[:8] != MAGIC or raw[8:10] != b"\0\1" or raw[12:16] != b"\0\1\0\0":
        raise Malformed("magic, version or chunk")
    at, key = 16, None
    for _ in range(struct.unpack(">H", raw[10:12])[0]):
        kind, zero, length = struct.unpack(">BBH", raw[at:at + 4])
        body = raw[at + 4:at + 4 + length]
        at += 4 + length
        if zero:
            raise Malformed("slot")
        if kind == 1 and passphrase is not None:
            key = _by_passphrase(sodium, body, passphrase)
        elif kind == 2 and identity is not None:
            key = key or _by_identity(sodium, body, bytes.fromhex(identity.strip().split("-")[-1])[:32])
    if key is None:
        raise Malformed("nothing opens it")
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
