#include "CKeyDerivation.h"

#if defined(__APPLE__)
#include <CommonCrypto/CommonKeyDerivation.h>

int blaze_pbkdf2_sha256(
    const void *password, size_t password_size, const void *salt, size_t salt_size, uint32_t iterations, void *key,
    size_t key_size) {
    if (iterations == 0) return -1;
    int e = CCKeyDerivationPBKDF(
        kCCPBKDF2, password_size > 0 ? password : "", password_size, salt, salt_size, kCCPRFHmacAlgSHA256, iterations,
        key, key_size);
    return e == kCCSuccess ? 0 : -1;
}

#else

// BoringSSL's functions under the names that swift-crypto gives them (boringssl_prefix_symbols.h): it exports no header
// of theirs. Were they renamed, linking would fail; docs/decisions/0004-pbkdf2-into-guarded-memory.md.
const void *CCryptoBoringSSL_EVP_sha256(void);
int CCryptoBoringSSL_PKCS5_PBKDF2_HMAC(
    const char *password, size_t password_size, const uint8_t *salt, size_t salt_size, uint32_t iterations,
    const void *digest, size_t key_size, uint8_t *key);

int blaze_pbkdf2_sha256(
    const void *password, size_t password_size, const void *salt, size_t salt_size, uint32_t iterations, void *key,
    size_t key_size) {
    if (iterations == 0) return -1;
    // An empty buffer may have no address, which BoringSSL takes for "the same key as before".
    return CCryptoBoringSSL_PKCS5_PBKDF2_HMAC(
               password_size > 0 ? password : "", password_size, salt, salt_size, iterations,
               CCryptoBoringSSL_EVP_sha256(), key_size, key) == 1
               ? 0
               : -1;
}

#endif
