/* bytes.h - a bounded reader and a bounded writer over the caller's memory, big-endian.
 *
 * Both remember their first failure: after it every call does nothing, so that a parser reads
 * field after field and asks once, at the end. A reader that failed yields zeroes. Neither
 * allocates. */
#ifndef CYAN_BASE_BYTES_H
#define CYAN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cyan_reader {
    const uint8_t *data; /* borrowed */
    size_t len;
    size_t pos;
    bool failed;
};

struct cyan_writer {
    uint8_t *data; /* borrowed */
    size_t cap;
    size_t len;
    bool failed;
};

void cyan_reader_init(struct cyan_reader *r, const uint8_t *data, size_t len);
size_t cyan_reader_left(const struct cyan_reader *r);
uint8_t cyan_read_u8(struct cyan_reader *r);
uint16_t cyan_read_u16(struct cyan_reader *r);
uint32_t cyan_read_u32(struct cyan_reader *r);
/* The next len bytes, or NULL (and failed) when there are fewer. */
const uint8_t *cyan_read_bytes(struct cyan_reader *r, size_t len);

void cyan_writer_init(struct cyan_writer *w, uint8_t *data, size_t cap);
void cyan_write_u8(struct cyan_writer *w, uint8_t value);
void cyan_write_u16(struct cyan_writer *w, uint16_t value);
void cyan_write_u32(struct cyan_writer *w, uint32_t value);
void cyan_write_bytes(struct cyan_writer *w, const void *data, size_t len);
void cyan_write_fill(struct cyan_writer *w, uint8_t value, size_t len);

/* Big-endian and little-endian fields of fixed layouts. */
uint16_t cyan_get_be16(const uint8_t *p);
uint32_t cyan_get_be32(const uint8_t *p);
uint16_t cyan_get_le16(const uint8_t *p);
uint32_t cyan_get_le32(const uint8_t *p);
void cyan_put_be16(uint8_t *p, uint16_t value);
void cyan_put_be32(uint8_t *p, uint32_t value);
void cyan_put_le16(uint8_t *p, uint16_t value);
void cyan_put_le32(uint8_t *p, uint32_t value);

#endif
