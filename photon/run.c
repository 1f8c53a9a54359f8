#include "photon/run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/secret.h"
#include "photon/app.h"
#include "photon/boot.h"
#include "photon/complain.h"
#include "photon/net.h"
#include "photon/show.h"
#include "photon/state.h"
#include "wire/hello.h"

struct photon {
    const struct options *options;
    const struct cyan_crypto *crypto;
    struct state state;
    struct flash flash;
    struct keys keys;
    struct net net;
    struct app app;
    struct show show;
    struct cyan_identity identity;
    struct cyan_client client;
    const struct cyan_client_profile *profile;
    const struct cyan_led *led; /* what was told last */
    int signals;                /* descriptor of SIGINT and SIGTERM */
};

static void tell(void *owner, struct news *news)
{
    struct photon *p = owner;
    show_news(&p->show, news, net_millis());
}

static void tell_led(struct photon *p, enum cyan_led_state state)
{
    const struct cyan_led *led = cyan_led_of(state);
    if (led == p->led) {
        return;
    }
    p->led = led;
    struct news news = {.kind = NEWS_LED, .led = led, .code = p->app.handshake_code};
    news.has_code = state == CYAN_LED_HANDSHAKE_FAILED || state == CYAN_LED_DECRYPTION_FAILED ||
                    state == CYAN_LED_SIGNATURE_FAILED;
    tell(p, &news);
}

/* The client changes the LED before it tells its news, so that each change is seen, however short.
 */
static void tell_and_look(void *owner, struct news *news)
{
    struct photon *p = owner;
    tell(p, news);
    tell_led(p, cyan_client_led(&p->client));
}

static int start_client(struct photon *p)
{
    p->identity = (struct cyan_identity){
        .device_key = p->keys.device_key,
        .server_key = p->keys.server_key,
        .address = p->keys.has_address ? &p->keys.address : NULL,
        .short_handshake = p->options->short_handshake,
        .product_id = CYAN_PRODUCT_NONE,
        .product_version = CYAN_PRODUCT_NONE,
        .platform_id = p->state.platform,
        .reset_reason = "power_down",
    };
    memcpy(p->identity.id, p->state.id, sizeof p->identity.id);
    net_init(&p->net, p->profile == &cyan_profile_a);
    app_init(&p->app, &p->client, tell_and_look, p);
    const struct cyan_client_config config = {
        .port = &p->net.port,
        .crypto = p->crypto,
        .profile = p->profile,
        .application = &p->app.face,
        .identity = &p->identity,
    };
    int err = cyan_client_init(&p->client, &config);
    if (err == 0) {
        cyan_client_start(&p->client);
    }
    return err;
}

static int open_photon(struct photon *p)
{
    char path[STATE_PATH_MAX];
    int err = state_open(&p->state, p->options->state);
    if (err == 0) {
        err = state_flash_path(&p->state, path);
    }
    if (err == 0) {
        err = flash_open(&p->flash, path);
    }
    if (err == 0 && strcmp(p->state.firmware, "cyan") == 0) {
        err = CYAN_E_UNSUPPORTED;
    }
    if (err == 0 && p->options->has_cut) {
        flash_cut_after(&p->flash, p->options->cut_after);
    }
    return err;
}

static void open_show(struct photon *p)
{
    char title[VIEW_TITLE_MAX];
    char id[CYAN_ID_TEXT];
    struct news news = {.kind = NEWS_STATE, .what = "started", .id = id};
    bool old = state_is_old_firmware(&p->state);
    if (p->options->impl != 0) {
        old = p->options->impl == 'a';
    }
    p->profile = old ? &cyan_profile_a : &cyan_profile_b;
    cyan_hex_encode(p->state.id, sizeof p->state.id, id);
    snprintf(title, sizeof title, "virtual Photon %s, implementation %s", id, p->profile->name);
    news.text = title;
    show_init(&p->show, stdout, p->options->json, title, net_millis());
    tell(p, &news);
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Sleeps until something is due. Returns whether a signal came. */
static bool sleep_until_due(struct photon *p)
{
    uint32_t now = net_millis();
    uint32_t wait = least(cyan_client_wait_ms(&p->client), app_wait_ms(&p->app, now));
    wait = least(least(wait, show_wait_ms(&p->show, now)), INT_MAX);
    struct pollfd fds[] = {{.fd = p->signals, .events = POLLIN}, {.fd = p->net.fd}};
    if (cyan_client_wants_to_receive(&p->client)) {
        fds[1].events |= POLLIN;
    }
    if (cyan_client_wants_to_send(&p->client)) {
        fds[1].events |= POLLOUT;
    }
    if (fds[1].events == 0) {
        fds[1].fd = -1;
    }
    poll(fds, 2, (int)wait);
    struct signalfd_siginfo info;
    bool came = false;
    while (fds[0].revents && read(p->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        came = true;
    }
    return came;
}

/* The first signal ends the session in good order, a second one at once. */
static void live(struct photon *p)
{
    bool ending = false;
    for (;;) {
        cyan_client_poll(&p->client);
        app_poll(&p->app, net_millis());
        tell_led(p, cyan_client_led(&p->client));
        show_poll(&p->show, net_millis());
        if (ending && p->client.state == CYAN_CLIENT_STOPPED) {
            return;
        }
        if (!sleep_until_due(p)) {
            continue;
        }
        if (ending) {
            return;
        }
        ending = true;
        cyan_client_stop(&p->client);
    }
}

static int power_on(struct photon *p)
{
    const struct boot boot = {
        .options = p->options,
        .crypto = p->crypto,
        .id = p->state.id,
        .flash = &p->flash,
        .tell = tell,
        .owner = p,
    };
    int err = boot_photon(&boot, &p->keys);
    if (err < 0) {
        show_done(&p->show);
        return p->flash.power_lost ? EXIT_FAILED : complain_state(p->options->state, err);
    }
    err = start_client(p);
    if (err < 0) {
        show_done(&p->show);
        complain("the application cannot run: %s", cyan_err_text(err));
        return EXIT_FAILED;
    }
    live(p);
    return EXIT_FINE;
}

int run_photon(const struct options *options, const struct cyan_crypto *crypto)
{
    struct photon p = {.options = options, .crypto = crypto, .net = {.fd = -1}};
    p.state.lock_fd = -1;
    p.signals = open_signals();
    if (p.signals < 0) {
        complain("no signals: %s", strerror(errno));
        return EXIT_FAILED;
    }
    int code;
    int err = open_photon(&p);
    if (err < 0) {
        code = complain_state(options->state, err);
    } else {
        open_show(&p);
        code = power_on(&p);
        show_done(&p.show);
    }
    cyan_client_done(&p.client);
    net_done(&p.net);
    flash_close(&p.flash);
    state_close(&p.state);
    cyan_wipe(&p.keys, sizeof p.keys);
    close(p.signals);
    return code;
}
