#ifndef BLAZE_CKEYDERIVATION_H
#define BLAZE_CKEYDERIVATION_H

// PBKDF2 that writes into the caller's memory and nowhere else. A target of its own, because the functions behind it
// come with swift-crypto, which clients do not link.

#include <stddef.h>
#include <stdint.h>

/// PBKDF2-HMAC-SHA256 (RFC 8018, 5.2): `key_size` bytes into `key`. 0, or -1 when memory is out or a number is out of
/// its range (`iterations` from 1 on). The stack that it used may hold what the key can be computed from until the
/// caller clears it.
int blaze_pbkdf2_sha256(
    const void *password, size_t password_size, const void *salt, size_t salt_size, uint32_t iterations, void *key,
    size_t key_size);

#endif
