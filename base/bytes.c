#include "base/bytes.h"

#include <string.h>

void cyan_reader_init(struct cyan_reader *r, const uint8_t *data, size_t len)
{
    *r = (struct cyan_reader){.data = data, .len = len};
}

size_t cyan_reader_left(const struct cyan_reader *r)
{
    return r->failed ? 0 : r->len - r->pos;
}

const uint8_t *cyan_read_bytes(struct cyan_reader *r, size_t len)
{
    if (r->failed || r->len - r->pos < len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->pos;
    r->pos += len;
    return p;
}

uint8_t cyan_read_u8(struct cyan_reader *r)
{
    const uint8_t *p = cyan_read_bytes(r, 1);
    return p ? p[0] : 0;
}

uint16_t cyan_read_u16(struct cyan_reader *r)
{
    const uint8_t *p = cyan_read_bytes(r, 2);
    return p ? cyan_get_be16(p) : 0;
}

uint32_t cyan_read_u32(struct cyan_reader *r)
{
    const uint8_t *p = cyan_read_bytes(r, 4);
    return p ? cyan_get_be32(p) : 0;
}

void cyan_writer_init(struct cyan_writer *w, uint8_t *data, size_t cap)
{
    *w = (struct cyan_writer){.data = data, .cap = cap};
}

static uint8_t *claim(struct cyan_writer *w, size_t len)
{
    if (w->failed || w->cap - w->len < len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->data + w->len;
    w->len += len;
    return p;
}

void cyan_write_u8(struct cyan_writer *w, uint8_t value)
{
    uint8_t *p = claim(w, 1);
    if (p) {
        p[0] = value;
    }
}

void cyan_write_u16(struct cyan_writer *w, uint16_t value)
{
    uint8_t *p = claim(w, 2);
    if (p) {
        cyan_put_be16(p, value);
    }
}

void cyan_write_u32(struct cyan_writer *w, uint32_t value)
{
    uint8_t *p = claim(w, 4);
    if (p) {
        cyan_put_be32(p, value);
    }
}

void cyan_write_bytes(struct cyan_writer *w, const void *data, size_t len)
{
    uint8_t *p = claim(w, len);
    if (p && len > 0) {
        memcpy(p, data, len);
    }
}

void cyan_write_fill(struct cyan_writer *w, uint8_t value, size_t len)
{
    uint8_t *p = claim(w, len);
    if (p) {
        memset(p, value, len);
    }
}

uint16_t cyan_get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t cyan_get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint16_t cyan_get_le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

uint32_t cyan_get_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

void cyan_put_be16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

void cyan_put_be32(uint8_t *p, uint32_t value)
{
    cyan_put_be16(p, (uint16_t)(value >> 16));
    cyan_put_be16(p + 2, (uint16_t)value);
}

void cyan_put_le16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

void cyan_put_le32(uint8_t *p, uint32_t value)
{
    cyan_put_le16(p, (uint16_t)value);
    cyan_put_le16(p + 2, (uint16_t)(value >> 16));
}
