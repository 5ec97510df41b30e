#!/usr/bin/env python3
"""A vault in Python, written from Protocol/vault.md and sharing no code with the one in Swift.

    reference.py write            writes the vectors beside this file
    reference.py check            fails when a vector is not what this file makes, or is not read as it says
    reference.py read FILE        prints a vault as JSON; the secret comes on standard input

XChaCha20-Poly1305 is made of HChaCha20, below, and the ChaCha20-Poly1305 of `cryptography`; BLAKE2b is hashlib's. Argon2id
is that of `cryptography`, or, where it is too old to have one, libsodium's.
"""
import ctypes
import ctypes.util
import hashlib
import json
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

HERE = pathlib.Path(__file__).resolve().parent

MAGIC = b"BDVault\n"
VERSION = 1
PASSPHRASE, RECOVERY = 1, 2
ARGON2ID = 2
BLOCK = 256
SLOT_LABEL = b"blazedb vault 1 slot"
ENTRY_LABEL = b"blazedb vault 1 entry"
CONTEXT = b"BDVault1"
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HEADER = struct.Struct(">8sI16sQqIIIQ")
SLOT_HEADER = struct.Struct(">IIIIIq16s")
ENTRY_FIXED = struct.Struct(">QqqqI32sIIIII")
SLOT_BYTES = SLOT_HEADER.size + 24 + 48


class VaultFault(Exception):
    """A vault that is refused; its text is the code."""


# Primitives


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha-03, 2.2."""
    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce))

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF

    for _ in range(10):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter(*column)
        for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*diagonal)
    return struct.pack("<8I", *state[:4], *state[12:])


def seal(key, nonce, plain, data):
    """XChaCha20-Poly1305."""
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plain, data)


def unseal(key, nonce, sealed, data):
    """The plaintext; None when it does not open."""
    try:
        return ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], sealed, data)
    except InvalidTag:
        return None


def argon2id(secret, salt, operations, memory):
    """RFC 9106 with one lane, 32 bytes."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
        return Argon2id(salt=salt, length=32, iterations=operations, lanes=1, memory_cost=memory).derive(secret)
    except (ImportError, UnsupportedAlgorithm):
        sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
        out = ctypes.create_string_buffer(32)
        status = sodium.crypto_pwhash(
            out, ctypes.c_ulonglong(32), secret, ctypes.c_ulonglong(len(secret)), salt, ctypes.c_ulonglong(operations),
            ctypes.c_size_t(memory << 10), ctypes.c_int(ARGON2ID))
        assert status == 0, "Argon2id failed"
        return out.raw


def blake2b(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def subkey(key, number):
    """libsodium's crypto_kdf: BLAKE2b with the number as salt and the context as personalisation."""
    return hashlib.blake2b(
        b"", digest_size=32, key=key, salt=struct.pack("<QQ", number, 0), person=CONTEXT + bytes(8)).digest()


# Recovery codes


def times2(value):
    return value << 1 if value < 16 else (value << 1) ^ 0x25


def recovery_code(values):
    """34 numbers below 32, as the code that a user sees."""
    check = 0
    for value in values:
        check = times2(check) ^ value
    text = "".join(SYMBOLS[v] for v in [*values, times2(check)])
    return "-".join(text[i:i + 5] for i in range(0, 35, 5))


def recovery_symbols(text):
    """The symbols that keys are derived from; None for a text that is a passphrase."""
    symbols = text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
    separators = sum(c in "- " for c in text)
    if any(s not in SYMBOLS for s in symbols):
        return None
    if len(symbols) != 35 and (abs(len(symbols) - 35) > 2 or separators < 6):
        return None
    check = 0
    for symbol in symbols:
        check = times2(check) ^ SYMBOLS.index(symbol)
    if len(symbols) != 35 or check:
        raise VaultFault("malformed-recovery-code")
    return symbols


# Writing


def pad(plain):
    return plain + b"\x80" + bytes(-(len(plain) + 1) % BLOCK)


def plaintext(entry):
    texts = [entry["alias"].encode(), bytes.fromhex(entry["path"]), entry["hint"].encode(),
             bytes.fromhex(entry["fingerprint"]), entry["password"].encode()]
    fixed = ENTRY_FIXED.pack(
        entry["revision"], entry["created"], entry["updated"], entry["used"], entry["iterations"],
        bytes.fromhex(entry["key"]) or bytes(32), *map(len, texts))
    return pad(fixed + b"".join(texts))


def slot(kind, number, secret, key, nonce, salt, costs, created, vault_id, algorithm=ARGON2ID):
    header = SLOT_HEADER.pack(kind, number, algorithm, *costs, created, salt)
    label = SLOT_LABEL + MAGIC + struct.pack(">I", VERSION) + vault_id + header
    # A vector with costs that nobody may pay is not sealed at all.
    payable = costs[1] <= 1 << 20 and costs[0] <= 16 and costs[1] >= 8192
    wrapped = seal(argon2id(secret, salt, *costs), nonce, key, label) if payable else bytes(48)
    return header + nonce + wrapped


def sealed_entry(entry, key, nonce, vault_id):
    identity = bytes.fromhex(entry["identity"])
    sealed = seal(subkey(key, 1), nonce, plaintext(entry), ENTRY_LABEL + vault_id + identity)
    return identity + nonce + struct.pack(">I", len(sealed)) + sealed


def finish(body, key):
    """Adds the two sums, and the length to the header."""
    body = body[:56] + struct.pack(">Q", len(body) + 64) + body[64:]
    body += blake2b(body, subkey(key, 2))
    return body + blake2b(body)


def assemble(vault_id, generation, created, slots, entries, key, version=VERSION):
    header = HEADER.pack(MAGIC, version, vault_id, generation, created, len(slots), len(entries), 0, 0)
    return finish(header + b"".join(slots) + b"".join(entries), key)


# Reading


def parse(data):
    """Header, slots and sealed entries, without a key."""
    if not data.startswith(MAGIC) or len(data) < HEADER.size + SLOT_BYTES + 64 or blake2b(data[:-32]) != data[-32:]:
        raise VaultFault("damaged")
    _, version, vault_id, generation, created, slot_count, entry_count, zero, total = HEADER.unpack_from(data)
    if version != VERSION:
        raise VaultFault("unsupported-version")
    if zero or total != len(data) or not generation:
        raise VaultFault("damaged")
    if not 1 <= slot_count <= 8 or entry_count > 10_000:
        raise VaultFault("limit-exceeded")
    at = HEADER.size
    slots, entries = [], []
    for _ in range(slot_count):
        fields = data[at:at + SLOT_BYTES]
        if len(fields) < SLOT_BYTES:
            raise VaultFault("damaged")
        kind, number, algorithm, operations, memory, made, salt = SLOT_HEADER.unpack_from(fields)
        if kind not in (PASSPHRASE, RECOVERY) or algorithm != ARGON2ID or not 1 <= number <= 8:
            raise VaultFault("damaged")
        if not 1 <= operations <= 16 or not 8192 <= memory <= 1 << 20:
            raise VaultFault("limit-exceeded")
        slots.append({"kind": kind, "number": number, "costs": (operations, memory), "salt": salt, "created": made,
                      "header": fields[:SLOT_HEADER.size], "nonce": fields[44:68], "wrapped": fields[68:]})
        at += SLOT_BYTES
    numbers = [s["number"] for s in slots]
    if len(set(numbers)) < len(numbers) or sum(s["kind"] == PASSPHRASE for s in slots) > 1:
        raise VaultFault("damaged")
    for _ in range(entry_count):
        if at + 44 > len(data) - 64:
            raise VaultFault("damaged")
        identity, nonce, count = struct.unpack_from(">16s24sI", data, at)
        at += 44
        if (count - 16) % BLOCK or count <= 16 or at + count > len(data) - 64:
            raise VaultFault("damaged")
        if entries and identity <= entries[-1][0]:
            raise VaultFault("damaged")
        entries.append((identity, nonce, data[at:at + count]))
        at += count
    if at != len(data) - 64:
        raise VaultFault("damaged")
    return {"id": vault_id, "generation": generation, "created": created, "slots": slots, "entries": entries}


def unlock(data, secret):
    """The parsed vault and its data key."""
    vault = parse(data)
    symbols = recovery_symbols(secret)
    kind = PASSPHRASE if symbols is None else RECOVERY
    for way in vault["slots"]:
        if way["kind"] != kind:
            continue
        label = SLOT_LABEL + data[:28] + way["header"]
        wrapping = argon2id((symbols or secret).encode(), way["salt"], *way["costs"])
        key = unseal(wrapping, way["nonce"], way["wrapped"], label)
        if key is None:
            continue
        if blake2b(data[:-64], subkey(key, 2)) != data[-64:-32]:
            raise VaultFault("damaged")
        return vault, key
    raise VaultFault("wrong-secret")


def open_entries(vault, key):
    out = []
    for identity, nonce, sealed in vault["entries"]:
        padded = unseal(subkey(key, 1), nonce, sealed, ENTRY_LABEL + vault["id"] + identity)
        if padded is None:
            raise VaultFault("damaged")
        plain = padded.rstrip(b"\0")[:-1]
        revision, created, updated, used, iterations, derived, *lengths = ENTRY_FIXED.unpack_from(plain)
        at = ENTRY_FIXED.size
        texts = []
        for length in lengths:
            texts.append(plain[at:at + length])
            at += length
        assert at == len(plain)
        alias, path, hint, fingerprint, password = texts
        out.append({
            "identity": identity.hex(), "revision": revision, "created": created, "updated": updated, "used": used,
            "iterations": iterations, "key": derived.hex() if iterations else "", "alias": alias.decode(),
            "path": path.hex(), "hint": hint.decode(), "fingerprint": fingerprint.hex(), "password": password.decode()})
    return out


# Vectors

PHRASE = "correct horse battery staple"
COSTS = (1, 8192)


def fixed(name, count):
    """Bytes that stand for random ones."""
    return hashlib.shake_256(name.encode()).digest(count)


def entry(number, **changed):
    out = {"identity": fixed(f"identity {number}", 16).hex(), "revision": number, "created": 1_700_000_000_000_000_000,
           "updated": 1_700_000_000_000_000_000 + number, "used": 0, "iterations": 600_000,
           "key": fixed(f"key {number}", 32).hex(), "alias": f"db{number}", "path": f"/data/{number}.blazedb".encode().hex(),
           "hint": "", "fingerprint": fixed(f"salt {number}", 32).hex(), "password": f"Password number {number}"}
    return {**out, **changed}


def vectors():
    """{name: vector}"""
    vault_id, key = fixed("vault", 16), fixed("data key", 32)
    created = 1_699_999_999_000_000_000
    code = recovery_code([b & 31 for b in fixed("recovery", 34)])
    plain_code = code.replace("-", "")

    def way(kind=PASSPHRASE, number=1, secret=PHRASE, costs=COSTS, algorithm=ARGON2ID):
        name = f"slot {kind} {number}"
        return slot(kind, number, secret.encode(), key, fixed(name + " nonce", 24), fixed(name + " salt", 16), costs,
                    created, vault_id, algorithm)

    def sealed(item):
        return sealed_entry(item, key, fixed("nonce " + item["identity"], 24), vault_id)

    def made(slots, items, generation=1, version=VERSION):
        return assemble(vault_id, generation, created, slots, [sealed(i) for i in items], key, version)

    items = sorted([
        entry(1, used=1_700_000_000_500_000_000, hint="the usual one"),
        entry(2, iterations=0, key="", fingerprint="", password="", hint="hint only"),
        entry(3, alias="B\u00fccher", path=b"/data/\xff\xfe.blazedb".hex(), password="p" * 300, iterations=10_000),
        entry(4, password="exactly the length that fills a block " + "x" * 64),
    ], key=lambda e: e["identity"])
    both = [way(), way(RECOVERY, 2, plain_code, (2, 9000))]
    whole = made(both, items, generation=7)
    out = {}

    def add(name, fact, data, expect="ok", secrets=(PHRASE,), entries=(), **more):
        lines = data.hex()
        out[name] = {"fact": fact, "expect": expect, "secrets": list(secrets), "entries": list(entries), **more,
                     "file": [lines[i:i + 96] for i in range(0, len(lines), 96)]}

    def resum(data):
        return data[:-32] + blake2b(data[:-32])

    add("empty", "a vault with a passphrase and no entries", made([way()], []), data_key=key.hex())
    add("whole", "every field, two kinds of slots, entries of one and two blocks", whole,
        secrets=[PHRASE, code, code.lower(), plain_code.replace("0", "o").replace("1", "l")], entries=items,
        data_key=key.hex())
    add("wrong-passphrase", "another passphrase", whole, "wrong-secret", [PHRASE + " "])
    add("wrong-code", "a well-formed recovery code of another vault", whole, "wrong-secret",
        [recovery_code([b & 31 for b in fixed("another recovery", 34)])])
    swapped = list(code)
    first = next(i for i in range(4) if swapped[i] != swapped[i + 1])
    swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
    add("mistyped-code", "a recovery code with two symbols swapped, and one with a symbol left out", whole,
        "malformed-recovery-code", ["".join(swapped), code[:-1]])
    add("damaged", "one bit of an entry is wrong", whole[:700] + bytes([whole[700] ^ 1]) + whole[701:], "damaged")
    add("altered", "one bit of an entry is wrong, and the checksum was made anew without a key",
        resum(whole[:700] + bytes([whole[700] ^ 1]) + whole[701:]), "damaged")
    add("cheaper-slot", "the costs in a slot were lowered, and the checksum made anew: the slot does not open",
        resum(whole[:64 + 116 + 12] + struct.pack(">I", 1) + whole[64 + 116 + 16:]), "wrong-secret", [code])
    first, second = sealed(items[0]), sealed(items[1])
    crossed = [first[:16] + second[16:], second[:16] + first[16:]]
    add("crossed-entries", "two entries under each other's identity, by somebody who has the data key: the vault opens, "
        "its entries do not", assemble(vault_id, 1, created, [way()], crossed, key), "damaged-entries")
    add("version-2", "a version from the future", made([way()], [], version=2), "unsupported-version")
    add("costs-over-cap", "Argon2id with 2 GiB", made([way(costs=(1, 2 << 20))], []), "limit-exceeded")
    add("costs-under-floor", "Argon2id with 4 MiB", made([way(costs=(1, 4096))], []), "limit-exceeded")
    add("unknown-kdf", "a key derivation that version 1 does not have", made([way(algorithm=1)], []), "damaged")
    add("two-passphrases", "two slots with a passphrase", made([way(), way(PASSPHRASE, 2)], []), "damaged")
    add("same-numbers", "two slots with one number", made([way(), way(RECOVERY, 1, plain_code)], []), "damaged")
    add("unsorted", "entries out of order", made([way()], items[::-1]), "damaged")
    add("left-over", "a byte between the last entry and the sums", finish(made([way()], items)[:-64] + b"\0", key), "damaged")
    return out


def rendered(vector):
    return json.dumps(vector, indent=1) + "\n"


def check():
    made = vectors()
    stored = {p.stem: p.read_text() for p in HERE.glob("*.json")}
    assert set(stored) == set(made), f"vectors missing or too many: {sorted(set(stored) ^ set(made))}"
    for name, vector in made.items():
        assert stored[name] == rendered(vector), f"{name}: not what this file makes"
        data = bytes.fromhex("".join(vector["file"]))
        for secret in vector["secrets"]:
            try:
                vault, key = unlock(data, secret)
            except VaultFault as fault:
                assert str(fault) == vector["expect"], f"{name}: {fault}"
                continue
            try:
                found = open_entries(vault, key)
            except VaultFault:
                assert vector["expect"] == "damaged-entries", f"{name}: an entry does not open"
                continue
            assert vector["expect"] == "ok", f"{name}: it opens"
            assert key.hex() == vector["data_key"] and found == vector["entries"], f"{name}: read differently"


def main(arguments):
    match arguments:
        case ["write"]:
            for name, vector in vectors().items():
                (HERE / f"{name}.json").write_text(rendered(vector))
        case ["check"]:
            check()
        case ["read", path]:
            data = pathlib.Path(path).read_bytes()
            vault, key = unlock(data, sys.stdin.read())
            print(json.dumps({"generation": vault["generation"], "slots": [s["number"] for s in vault["slots"]],
                              "entries": open_entries(vault, key)}))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
