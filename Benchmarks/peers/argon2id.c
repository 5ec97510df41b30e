/* argon2id: the seconds that one derivation takes by libsodium alone, with the costs that a new vault has. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void) {
    if (sodium_init() < 0) return 1;
    unsigned char key[32], salt[crypto_pwhash_SALTBYTES] = {0};
    const char *passphrase = "bench-passphrase-2026";
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (crypto_pwhash(key, sizeof key, passphrase, strlen(passphrase), salt, crypto_pwhash_OPSLIMIT_MODERATE,
                      crypto_pwhash_MEMLIMIT_MODERATE, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.9f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
}
