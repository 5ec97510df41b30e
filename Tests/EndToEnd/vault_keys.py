"""The keys of a vault, from its file and a passphrase as Protocol/vault.md says: by libsodium itself, not by our code."""
import ctypes
import ctypes.util
import hashlib
import struct

_SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
_ARGON2ID = 2


def slot_key(raw, passphrase):
    """The key that Argon2id makes of a passphrase for the first slot."""
    slot = raw[64:180]
    passes, kibibytes = struct.unpack_from(">II", slot, 12)
    out = ctypes.create_string_buffer(32)
    done = _SODIUM.crypto_pwhash(
        out, ctypes.c_ulonglong(32), passphrase, ctypes.c_ulonglong(len(passphrase)), slot[28:44],
        ctypes.c_ulonglong(passes), ctypes.c_size_t(kibibytes << 10), ctypes.c_int(_ARGON2ID))
    assert done == 0, "not enough memory for Argon2id"
    return out.raw


def data_key(raw, key):
    """The data key, unsealed by a slot's key."""
    slot = raw[64:180]
    bound = b"blazedb vault 1 slot" + raw[:28] + slot[:44]
    out = ctypes.create_string_buffer(32)
    length = ctypes.c_ulonglong()
    done = _SODIUM.crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, ctypes.byref(length), None, slot[68:116], ctypes.c_ulonglong(48), bound, ctypes.c_ulonglong(len(bound)),
        slot[44:68], key)
    assert done == 0 and length.value == 32, "the slot does not open"
    return out.raw


def subkey(key, number):
    """Key 1 seals entries, key 2 makes the keyed sum."""
    return hashlib.blake2b(
        b"", digest_size=32, key=key, salt=number.to_bytes(8, "little") + bytes(8),
        person=b"BDVault1" + bytes(8)).digest()


def keyed_sum_fits(raw, key):
    """Whether the file's keyed sum was made with the data key."""
    made = hashlib.blake2b(raw[:-64], digest_size=32, key=subkey(key, 2)).digest()
    return made == raw[-64:-32]
