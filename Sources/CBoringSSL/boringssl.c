#include "CBoringSSL.h"

// BoringSSL's functions under the names that swift-crypto gives them (boringssl_prefix_symbols.h). Were they renamed,
// linking would fail.
const void *CCryptoBoringSSL_EVP_sha256(void);
int CCryptoBoringSSL_PKCS5_PBKDF2_HMAC(
    const char *password, size_t password_size, const uint8_t *salt, size_t salt_size, uint32_t iterations,
    const void *digest, size_t key_size, uint8_t *key);
uint8_t *CCryptoBoringSSL_HMAC(
    const void *digest, const void *key, size_t key_size, const uint8_t *text, size_t text_size, uint8_t *code,
    unsigned int *code_size);
const void *CCryptoBoringSSL_EVP_aead_aes_256_gcm(void);
struct blaze_gcm *CCryptoBoringSSL_EVP_AEAD_CTX_new(
    const void *aead, const uint8_t *key, size_t key_size, size_t tag_size);
void CCryptoBoringSSL_EVP_AEAD_CTX_free(struct blaze_gcm *context);
int CCryptoBoringSSL_EVP_AEAD_CTX_open_gather(
    const struct blaze_gcm *context, uint8_t *out, const uint8_t *nonce, size_t nonce_size, const uint8_t *in,
    size_t in_size, const uint8_t *tag, size_t tag_size, const uint8_t *associated, size_t associated_size);
int CCryptoBoringSSL_EVP_AEAD_CTX_seal_scatter(
    const struct blaze_gcm *context, uint8_t *out, uint8_t *tag, size_t *tag_size, size_t tag_capacity,
    const uint8_t *nonce, size_t nonce_size, const uint8_t *in, size_t in_size, const uint8_t *extra, size_t extra_size,
    const uint8_t *associated, size_t associated_size);
int CCryptoBoringSSL_RAND_bytes(uint8_t *bytes, size_t size);
void CCryptoBoringSSL_ERR_clear_error(void);

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

int blaze_hmac_sha256(const void *key, size_t key_size, const void *text, size_t text_size, void *code) {
    unsigned int size = 0;
    const void *result = CCryptoBoringSSL_HMAC(
        CCryptoBoringSSL_EVP_sha256(), key_size > 0 ? key : "", key_size, text, text_size, code, &size);
    return result != NULL && size == BLAZE_SHA256_SIZE ? 0 : -1;
}

struct blaze_gcm *blaze_gcm_new(const void *key) {
    return CCryptoBoringSSL_EVP_AEAD_CTX_new(
        CCryptoBoringSSL_EVP_aead_aes_256_gcm(), key, BLAZE_GCM_KEY_SIZE, BLAZE_GCM_TAG_SIZE);
}

int blaze_gcm_open(
    const struct blaze_gcm *gcm, const void *nonce, const void *tag, const void *ciphertext, size_t size,
    void *plaintext) {
    int opened = CCryptoBoringSSL_EVP_AEAD_CTX_open_gather(
        gcm, plaintext, nonce, BLAZE_GCM_NONCE_SIZE, ciphertext, size, tag, BLAZE_GCM_TAG_SIZE, NULL, 0);
    // A tag that does not fit is nothing to report: the thread's list of errors would only grow.
    if (opened != 1) CCryptoBoringSSL_ERR_clear_error();
    return opened == 1;
}

int blaze_gcm_seal(
    const struct blaze_gcm *gcm, const void *nonce, const void *plaintext, size_t size, void *tag, void *ciphertext) {
    size_t tag_size = 0;
    int sealed = CCryptoBoringSSL_EVP_AEAD_CTX_seal_scatter(
        gcm, ciphertext, tag, &tag_size, BLAZE_GCM_TAG_SIZE, nonce, BLAZE_GCM_NONCE_SIZE, plaintext, size, NULL, 0,
        NULL, 0);
    if (sealed != 1) CCryptoBoringSSL_ERR_clear_error();
    return sealed == 1 && tag_size == BLAZE_GCM_TAG_SIZE;
}

void blaze_random(void *bytes, size_t size) {
    // It ends the process rather than return what is not random.
    (void)CCryptoBoringSSL_RAND_bytes(bytes, size);
}

void blaze_gcm_free(struct blaze_gcm *gcm) { CCryptoBoringSSL_EVP_AEAD_CTX_free(gcm); }
