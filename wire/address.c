#include "wire/address.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/limits.h"

enum { AT_TYPE = 0, AT_LENGTH = 1, AT_VALUE = 2, IPV4_LEN = 4 };

static int is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '$' || c == '_';
}

/* The number at *text, which moves behind it; -1 when there is none up to 255. */
static int read_octet(const char **text)
{
    int value = 0;
    int digits = 0;
    while (**text >= '0' && **text <= '9' && digits < 4) {
        value = value * 10 + (**text - '0');
        (*text)++;
        digits++;
    }
    return digits == 0 || digits > 3 || value > 255 ? -1 : value;
}

static int parse_ipv4(const char *host, uint8_t octets[static IPV4_LEN])
{
    for (size_t i = 0; i < IPV4_LEN; i++) {
        int value = read_octet(&host);
        if (value < 0 || *host != (i + 1 < IPV4_LEN ? '.' : '\0')) {
            return CYAN_E_INVALID;
        }
        octets[i] = (uint8_t)value;
        host++;
    }
    return 0;
}

static void format_ipv4(const uint8_t octets[static IPV4_LEN], char *out_host)
{
    char *at = out_host;
    for (size_t i = 0; i < IPV4_LEN; i++) {
        uint8_t value = octets[i];
        if (value >= 100) {
            *at++ = (char)('0' + value / 100);
        }
        if (value >= 10) {
            *at++ = (char)('0' + value / 10 % 10);
        }
        *at++ = (char)('0' + value % 10);
        *at++ = i + 1 < IPV4_LEN ? '.' : '\0';
    }
}

int cyan_address_read(const uint8_t record[static CYAN_ADDRESS_LEN],
                      struct cyan_address *out_address)
{
    struct cyan_address address = {.port = cyan_get_be16(record + CYAN_ADDRESS_PORT)};
    size_t len = record[AT_LENGTH];
    if (record[AT_TYPE] == CYAN_ADDRESS_IPV4) {
        if (len != IPV4_LEN) {
            return CYAN_E_MALFORMED;
        }
        address.type = CYAN_ADDRESS_IPV4;
        format_ipv4(record + AT_VALUE, address.host);
    } else if (record[AT_TYPE] == CYAN_ADDRESS_DOMAIN) {
        if (len == 0 || len > CYAN_ADDRESS_HOST_MAX) {
            return CYAN_E_MALFORMED;
        }
        address.type = CYAN_ADDRESS_DOMAIN;
        memcpy(address.host, record + AT_VALUE, len);
        for (size_t i = 0; i < len; i++) {
            if (!is_host_char(address.host[i])) {
                return CYAN_E_MALFORMED;
            }
        }
    } else {
        return CYAN_E_BLANK;
    }
    if (address.port == 0 || address.port == UINT16_MAX) {
        address.port = CYAN_DEVICE_PORT;
    }
    *out_address = address;
    return 0;
}

/* Whether firmware can hold this as a name; digits and dots alone are one too. */
static int is_name(const char *host, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_host_char(host[i])) {
            return 0;
        }
    }
    return len > 0 && len <= CYAN_ADDRESS_HOST_MAX;
}

static int is_numeric(const char *host)
{
    while (*host == '.' || (*host >= '0' && *host <= '9')) {
        host++;
    }
    return *host == '\0';
}

int cyan_address_parse(const char *host, uint16_t port, struct cyan_address *out_address)
{
    struct cyan_address address = {.type = CYAN_ADDRESS_DOMAIN, .port = port};
    size_t len = strlen(host);
    if (!is_name(host, len) || port == 0 || port == UINT16_MAX) {
        return CYAN_E_INVALID;
    }
    if (is_numeric(host)) {
        uint8_t octets[IPV4_LEN];
        if (parse_ipv4(host, octets) < 0) {
            return CYAN_E_INVALID;
        }
        address.type = CYAN_ADDRESS_IPV4;
        format_ipv4(octets, address.host);
    } else {
        memcpy(address.host, host, len);
    }
    *out_address = address;
    return 0;
}

int cyan_address_write(const struct cyan_address *address,
                       uint8_t out_record[static CYAN_ADDRESS_LEN])
{
    uint8_t value[CYAN_ADDRESS_HOST_MAX];
    size_t len = strlen(address->host);
    int good = address->port != 0 && address->port != UINT16_MAX && is_name(address->host, len);
    if (good && address->type == CYAN_ADDRESS_IPV4) {
        good = parse_ipv4(address->host, value) == 0;
        len = IPV4_LEN;
    } else if (good && address->type == CYAN_ADDRESS_DOMAIN) {
        memcpy(value, address->host, len);
    } else {
        good = 0;
    }
    if (!good) {
        return CYAN_E_INVALID;
    }
    memset(out_record, 0xFF, CYAN_ADDRESS_LEN);
    out_record[AT_TYPE] = (uint8_t)address->type;
    out_record[AT_LENGTH] = (uint8_t)len;
    memcpy(out_record + AT_VALUE, value, len);
    cyan_put_be16(out_record + CYAN_ADDRESS_PORT, address->port);
    return 0;
}
