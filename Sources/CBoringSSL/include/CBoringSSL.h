#ifndef BLAZE_CBORINGSSL_H
#define BLAZE_CBORINGSSL_H

// The functions of BoringSSL that the engine uses with keys. They come with swift-crypto, which has them linked but
// exports no header; its own Swift interface leaves copies of keys in memory that is not wiped
// (docs/decisions/0004-boringssl-by-its-own-functions.md). A target of its own, because clients do not link swift-crypto.
//
// What these functions allocate is wiped when it is given back. The stack that they used may hold what a key can be
// computed from until the caller clears it.

#include <stddef.h>
#include <stdint.h>

enum { BLAZE_GCM_KEY_SIZE = 32, BLAZE_GCM_NONCE_SIZE = 12, BLAZE_GCM_TAG_SIZE = 16, BLAZE_SHA256_SIZE = 32 };

/// PBKDF2-HMAC-SHA256 (RFC 8018, 5.2): `key_size` bytes into `key`. 0, or -1 when memory is out or `iterations` is 0.
int blaze_pbkdf2_sha256(
    const void *password, size_t password_size, const void *salt, size_t salt_size, uint32_t iterations, void *key,
    size_t key_size);

/// HMAC-SHA256 (RFC 2104): BLAZE_SHA256_SIZE bytes into `code`. 0, or -1 when memory is out.
int blaze_hmac_sha256(const void *key, size_t key_size, const void *text, size_t text_size, void *code);

struct blaze_gcm;

/// An AES-256-GCM key (NIST SP 800-38D) of BLAZE_GCM_KEY_SIZE bytes, ready for use by any number of threads; NULL when
/// memory is out.
struct blaze_gcm *blaze_gcm_new(const void *key);
/// Opens `size` bytes of ciphertext without associated data: 1 when the tag fits, and as many bytes are in `plaintext`;
/// 0 when not, and they are zeros.
int blaze_gcm_open(
    const struct blaze_gcm *gcm, const void *nonce, const void *tag, const void *ciphertext, size_t size,
    void *plaintext);
/// Seals `size` bytes without associated data: as many bytes into `ciphertext`, BLAZE_GCM_TAG_SIZE into `tag`. A nonce
/// is for one plaintext only. 1, or 0 when it failed.
int blaze_gcm_seal(
    const struct blaze_gcm *gcm, const void *nonce, const void *plaintext, size_t size, void *tag, void *ciphertext);
/// Fills a buffer with random bytes that nobody can foretell; ends the process when the system has none.
void blaze_random(void *bytes, size_t size);
/// Wipes it and gives it back.
void blaze_gcm_free(struct blaze_gcm *gcm);

#endif
