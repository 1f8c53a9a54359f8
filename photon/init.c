#include "photon/init.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/secret.h"
#include "photon/complain.h"
#include "photon/keys.h"
#include "photon/net.h"
#include "photon/show.h"
#include "photon/state.h"

static int first_settings(const struct options *options, const struct cyan_crypto *crypto,
                          const struct state *state, struct keys *out_keys)
{
    char path[STATE_PATH_MAX];
    struct flash flash;
    int err = state_flash_path(state, path);
    if (err == 0) {
        err = flash_open(&flash, path);
    }
    if (err < 0) {
        return err;
    }
    err = cyan_settings_format(&flash.face);
    if (err == 0) {
        err = cyan_settings_write(&flash.face, CYAN_SETTING_DEVICE_ID, state->id, CYAN_ID_LEN);
    }
    if (err == 0) {
        err = keys_make_new(&flash.face, crypto);
    }
    if (err == 0 && options->has_server) {
        err = keys_store_address(&flash.face, &options->server);
    }
    if (err == 0) {
        err = keys_load(&flash.face, crypto, state->id, out_keys);
    }
    flash_close(&flash);
    return err;
}

static void report_made(const struct options *options, const struct state *state,
                        const struct keys *keys)
{
    char id[CYAN_ID_TEXT];
    struct show show;
    cyan_hex_encode(state->id, sizeof state->id, id);
    if (!options->json) {
        printf("%s\n", id);
        return;
    }
    struct news news = {
        .kind = NEWS_STATE, .what = "created", .id = id, .fingerprint = keys->fingerprint};
    show_init(&show, stdout, true, "", net_millis());
    show_news(&show, &news, show.start_ms);
}

int init_photon(const struct options *options, const struct cyan_crypto *crypto)
{
    const char *firmware = options->impl == 'b' ? "1.2" : "0.7.0";
    struct state state;
    struct keys keys;
    int err = state_create(&state, options->state, firmware, crypto);
    if (err < 0) {
        return complain_state(options->state, err);
    }
    err = first_settings(options, crypto, &state, &keys);
    if (err < 0) {
        int code = complain_state(options->state, err);
        state_abandon(&state);
        return code;
    }
    report_made(options, &state, &keys);
    cyan_wipe(&keys, sizeof keys);
    state_close(&state);
    return EXIT_FINE;
}
