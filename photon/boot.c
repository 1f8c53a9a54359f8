#include "photon/boot.h"

#include <inttypes.h>
#include <stdio.h>

static void tell_flash(const struct boot *boot, const char *what, const char *text)
{
    struct news news = {.kind = NEWS_FLASH, .what = what, .text = text};
    boot->tell(boot->owner, &news);
}

static int apply_faults(const struct boot *boot)
{
    for (size_t i = 0; i < boot->options->fault_count; i++) {
        const struct fault *fault = &boot->options->faults[i];
        char text[96];
        int err = fault_apply(fault, boot->flash);
        if (err < 0) {
            return err;
        }
        if (fault->erase) {
            snprintf(text, sizeof text, "%s erased", fault->field);
        } else {
            snprintf(text, sizeof text, "bit 0 of byte %" PRIu32 " of %s flipped", fault->offset,
                     fault->field);
        }
        tell_flash(boot, "corrupted", text);
    }
    return 0;
}

/* When both copies are gone stock firmware begins with blank settings, and so with a new key. */
static int repair_settings(const struct boot *boot)
{
    uint32_t sector;
    int err = cyan_settings_find(&boot->flash->face, &sector);
    if (err == CYAN_E_BLANK) {
        err = cyan_settings_format(&boot->flash->face);
        if (err == 0) {
            tell_flash(boot, "formatted",
                       "neither copy of the settings was whole: they begin blank");
        }
    }
    return err;
}

static int load_keys(const struct boot *boot, struct keys *out_keys)
{
    struct news news = {.kind = NEWS_KEY, .what = "loaded"};
    struct news light = {.kind = NEWS_LED, .led = cyan_led_of(CYAN_LED_KEY_GENERATION)};
    int need = keys_need_new(&boot->flash->face);
    int err = need < 0 ? need : 0;
    if (need == 1) {
        boot->tell(boot->owner, &light);
        news.what = "generated";
        err = keys_make_new(&boot->flash->face, boot->crypto);
    }
    if (err == 0) {
        err = keys_load(&boot->flash->face, boot->crypto, boot->id, out_keys);
    }
    if (err == 0) {
        news.fingerprint = out_keys->fingerprint;
        boot->tell(boot->owner, &news);
    }
    return err;
}

static void choose_address(const struct boot *boot, struct keys *keys)
{
    if (boot->options->has_server) {
        keys->address = boot->options->server;
        keys->has_address = keys_expand_host(&keys->address, boot->id) == 0;
    }
    if (!keys->has_address) {
        tell_flash(boot, "no-address",
                   "the settings have no server address, and the vendor's is not dialled: try "
                   "--server HOST:PORT or cyan keys address");
    }
}

int boot_photon(const struct boot *boot, struct keys *out_keys)
{
    int err = apply_faults(boot);
    if (err == 0) {
        err = repair_settings(boot);
    }
    if (err == 0) {
        err = load_keys(boot, out_keys);
    }
    if (err == 0) {
        choose_address(boot, out_keys);
    } else if (boot->flash->power_lost) {
        char text[96];
        snprintf(text, sizeof text, "power failed after %" PRIu64 " flash operations",
                 boot->flash->ops);
        tell_flash(boot, "power-cut", text);
    }
    return err;
}
