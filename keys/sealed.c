#include "keys/sealed.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "keys/files.h"

enum {
    VERSION = 1,
    SALT_AT = 16,
    SALT_LEN = 32,
    KEY_LEN = 32,
    R = 8, /* of scrypt: the block */
    NONCE_LEN = 12,
    WHOLE_CHUNK = CYAN_SEALED_CHUNK + CYAN_SEALED_TAG_LEN,
};
_Static_assert(SALT_AT + SALT_LEN == CYAN_SEALED_HEADER_LEN, "the header ends with the salt");

static const uint8_t magic[8] = {'c', 'y', 'a', 'n', 'b', 'a', 'c', 'k'};

/* What both directions have. */
struct seal {
    int fd;
    uint8_t header[CYAN_SEALED_HEADER_LEN];
    uint8_t key[KEY_LEN];
    EVP_CIPHER_CTX *cipher;
    uint64_t number; /* of the next chunk */
    size_t len;      /* bytes in the chunk at hand */
    uint8_t chunk[WHOLE_CHUNK];
};

struct cyan_sealer {
    struct seal seal;
};

struct cyan_unsealer {
    struct seal seal;
    uint64_t size;   /* of all chunks */
    uint64_t chunks; /* how many */
    size_t at;       /* what was handed out of the chunk at hand */
};

static int derive(struct seal *seal, const char *passphrase)
{
    uint64_t n = (uint64_t)1 << seal->header[10];
    uint32_t p = seal->header[12];
    /* What RFC 7914 needs, and something over. */
    uint64_t memory = 128u * R * (n + p + 2) + 65536;
    int ok = EVP_PBE_scrypt(passphrase, strlen(passphrase), seal->header + SALT_AT, SALT_LEN, n, R,
                            p, memory, seal->key, sizeof seal->key);
    return ok == 1 ? 0 : CYAN_E_NO_MEMORY;
}

static void make_nonce(uint64_t number, bool last, uint8_t out_nonce[static NONCE_LEN])
{
    memset(out_nonce, 0, NONCE_LEN);
    cyan_put_be32(out_nonce + 3, (uint32_t)(number >> 32));
    cyan_put_be32(out_nonce + 7, (uint32_t)number);
    out_nonce[11] = last;
}

/* Seals or opens the chunk at hand, in place; the tag stands behind its len bytes. */
static int crypt_chunk(struct seal *seal, bool sealing, bool last)
{
    EVP_CIPHER_CTX *ctx = seal->cipher;
    uint8_t nonce[NONCE_LEN];
    uint8_t *tag = seal->chunk + seal->len;
    int n = 0;
    make_nonce(seal->number, last, nonce);
    if (EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), seal->key, nonce, sealing, NULL) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &n, seal->header, sizeof seal->header) != 1 ||
        EVP_CipherUpdate(ctx, seal->chunk, &n, seal->chunk, (int)seal->len) != 1) {
        return CYAN_E_CRYPTO;
    }
    if (!sealing &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CYAN_SEALED_TAG_LEN, tag) != 1) {
        return CYAN_E_CRYPTO;
    }
    if (EVP_CipherFinal_ex(ctx, seal->chunk + seal->len, &n) != 1) {
        return sealing ? CYAN_E_CRYPTO : CYAN_E_NOT_DECIPHERABLE;
    }
    if (sealing && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CYAN_SEALED_TAG_LEN, tag) != 1) {
        return CYAN_E_CRYPTO;
    }
    seal->number++;
    return 0;
}

static int begin_sealing(struct seal *seal, const char *passphrase, unsigned log2n)
{
    memcpy(seal->header, magic, sizeof magic);
    cyan_put_be16(seal->header + 8, VERSION);
    seal->header[10] = (uint8_t)log2n;
    seal->header[11] = R;
    seal->header[12] = 1;
    if (RAND_bytes(seal->header + SALT_AT, SALT_LEN) != 1) {
        return CYAN_E_RANDOM;
    }
    seal->cipher = EVP_CIPHER_CTX_new();
    int err = seal->cipher ? derive(seal, passphrase) : CYAN_E_NO_MEMORY;
    return err < 0 ? err : cyan_files_write(seal->fd, seal->header, sizeof seal->header);
}

int cyan_sealer_create(int fd, const char *passphrase, unsigned log2n,
                       struct cyan_sealer **out_sealer)
{
    if (log2n < 1 || log2n > CYAN_SEALED_LOG2N_MAX) {
        return CYAN_E_INVALID;
    }
    struct cyan_sealer *sealer = calloc(1, sizeof *sealer);
    if (!sealer) {
        return CYAN_E_NO_MEMORY;
    }
    sealer->seal.fd = fd;
    int err = begin_sealing(&sealer->seal, passphrase, log2n);
    if (err < 0) {
        int cause = errno;
        cyan_sealer_destroy(sealer);
        errno = cause;
        return err;
    }
    *out_sealer = sealer;
    return 0;
}

static int write_chunk(struct seal *seal, bool last)
{
    int err = crypt_chunk(seal, true, last);
    if (err == 0) {
        err = cyan_files_write(seal->fd, seal->chunk, seal->len + CYAN_SEALED_TAG_LEN);
    }
    seal->len = 0;
    return err;
}

int cyan_sealer_write(struct cyan_sealer *sealer, const void *data, size_t len)
{
    struct seal *seal = &sealer->seal;
    const uint8_t *from = data;
    while (len > 0) {
        /* A full chunk waits until it is known whether it is the last one. */
        int err = seal->len == CYAN_SEALED_CHUNK ? write_chunk(seal, false) : 0;
        if (err < 0) {
            return err;
        }
        size_t room = CYAN_SEALED_CHUNK - seal->len;
        size_t part = len < room ? len : room;
        memcpy(seal->chunk + seal->len, from, part);
        seal->len += part;
        from += part;
        len -= part;
    }
    return 0;
}

int cyan_sealer_end(struct cyan_sealer *sealer)
{
    return sealer->seal.len == 0 ? CYAN_E_INVALID : write_chunk(&sealer->seal, true);
}

void cyan_sealer_destroy(struct cyan_sealer *sealer)
{
    if (sealer) {
        EVP_CIPHER_CTX_free(sealer->seal.cipher);
        cyan_wipe(sealer, sizeof *sealer);
        free(sealer);
    }
}

/* len bytes from a place in the file. */
static int read_at(int fd, uint64_t offset, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);
        if (got < 0 && errno != EINTR) {
            return CYAN_E_IO;
        }
        if (got == 0) {
            return CYAN_E_NOT_DECIPHERABLE; /* it was longer a moment ago */
        }
        if (got > 0) {
            out += got;
            offset += (uint64_t)got;
            len -= (size_t)got;
        }
    }
    return 0;
}

static bool header_is_ours(const uint8_t header[static CYAN_SEALED_HEADER_LEN])
{
    static const uint8_t nothing[3];
    return memcmp(header, magic, sizeof magic) == 0 && cyan_get_be16(header + 8) == VERSION &&
           header[10] >= 1 && header[10] <= CYAN_SEALED_LOG2N_MAX && header[11] == R &&
           header[12] >= 1 && header[12] <= CYAN_SEALED_P_MAX &&
           memcmp(header + 13, nothing, sizeof nothing) == 0;
}

static int begin_opening(struct cyan_unsealer *unsealer, const char *passphrase)
{
    struct seal *seal = &unsealer->seal;
    struct stat info;
    if (fstat(seal->fd, &info) < 0) {
        return CYAN_E_IO;
    }
    /* At least one byte in one chunk, and one in each. */
    if (!S_ISREG(info.st_mode) ||
        info.st_size <= CYAN_SEALED_HEADER_LEN + (off_t)CYAN_SEALED_TAG_LEN) {
        return CYAN_E_NOT_DECIPHERABLE;
    }
    unsealer->size = (uint64_t)info.st_size - CYAN_SEALED_HEADER_LEN;
    unsealer->chunks = (unsealer->size + WHOLE_CHUNK - 1) / WHOLE_CHUNK;
    if (unsealer->size - (unsealer->chunks - 1) * WHOLE_CHUNK <= CYAN_SEALED_TAG_LEN) {
        return CYAN_E_NOT_DECIPHERABLE;
    }
    int err = read_at(seal->fd, 0, seal->header, sizeof seal->header);
    if (err == 0 && !header_is_ours(seal->header)) {
        err = CYAN_E_NOT_DECIPHERABLE;
    }
    if (err < 0) {
        return err;
    }
    seal->cipher = EVP_CIPHER_CTX_new();
    return seal->cipher ? derive(seal, passphrase) : CYAN_E_NO_MEMORY;
}

int cyan_unsealer_create(int fd, const char *passphrase, struct cyan_unsealer **out_unsealer)
{
    struct cyan_unsealer *unsealer = calloc(1, sizeof *unsealer);
    if (!unsealer) {
        return CYAN_E_NO_MEMORY;
    }
    unsealer->seal.fd = fd;
    int err = begin_opening(unsealer, passphrase);
    if (err < 0) {
        int cause = errno;
        cyan_unsealer_destroy(unsealer);
        errno = cause;
        return err;
    }
    *out_unsealer = unsealer;
    return 0;
}

static int read_chunk(struct cyan_unsealer *unsealer)
{
    struct seal *seal = &unsealer->seal;
    if (seal->number == unsealer->chunks) {
        return CYAN_E_TRUNCATED;
    }
    bool last = seal->number == unsealer->chunks - 1;
    uint64_t offset = seal->number * WHOLE_CHUNK;
    size_t len = last ? (size_t)(unsealer->size - offset) : WHOLE_CHUNK;
    unsealer->at = 0;
    seal->len = 0;
    int err = read_at(seal->fd, CYAN_SEALED_HEADER_LEN + offset, seal->chunk, len);
    if (err == 0) {
        seal->len = len - CYAN_SEALED_TAG_LEN;
        err = crypt_chunk(seal, false, last);
    }
    if (err < 0) {
        seal->len = 0;
    }
    return err;
}

int cyan_unsealer_read(struct cyan_unsealer *unsealer, void *out_data, size_t len)
{
    struct seal *seal = &unsealer->seal;
    uint8_t *to = out_data;
    while (len > 0) {
        if (unsealer->at == seal->len) {
            int err = read_chunk(unsealer);
            if (err < 0) {
                return err;
            }
        }
        size_t left = seal->len - unsealer->at;
        size_t part = len < left ? len : left;
        memcpy(to, seal->chunk + unsealer->at, part);
        unsealer->at += part;
        to += part;
        len -= part;
    }
    return 0;
}

int cyan_unsealer_end(const struct cyan_unsealer *unsealer)
{
    bool all = unsealer->at == unsealer->seal.len && unsealer->seal.number == unsealer->chunks;
    return all ? 0 : CYAN_E_TOO_LONG;
}

void cyan_unsealer_rewind(struct cyan_unsealer *unsealer)
{
    unsealer->seal.number = 0;
    unsealer->seal.len = 0;
    unsealer->at = 0;
}

void cyan_unsealer_destroy(struct cyan_unsealer *unsealer)
{
    if (unsealer) {
        EVP_CIPHER_CTX_free(unsealer->seal.cipher);
        cyan_wipe(unsealer, sizeof *unsealer);
        free(unsealer);
    }
}
