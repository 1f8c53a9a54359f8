#include "tests/unit/ward.h"

#include <string.h>

#include "tests/unit/unit.h"

static void note_event(struct ward *ward, const uint8_t *id, const struct cyan_event *event)
{
    ward->event = *event;
    memcpy(ward->event_id, id, CYAN_ID_LEN);
    if (event->data_len > 0) {
        memcpy(ward->event_data, event->data, event->data_len);
    }
    ward->event.data = ward->event_data;
}

static bool on_event(void *arg, const uint8_t id[static CYAN_ID_LEN], uint32_t owner,
                     const struct cyan_event *event)
{
    struct ward *ward = arg;
    if (ward->hub_is_behind) {
        return false;
    }
    ward->events++;
    ward->event_owner = owner;
    note_event(ward, id, event);
    return true;
}

static bool on_held_event(void *arg, uint64_t serial, const uint8_t id[static CYAN_ID_LEN],
                          const struct cyan_event *event)
{
    struct ward *ward = arg;
    assert_int_equal(serial, ward->upper.session->serial);
    if (ward->hub_is_behind) {
        return false;
    }
    ward->held_events++;
    note_event(ward, id, event);
    return true;
}

static void on_heard(void *arg, const uint8_t id[static CYAN_ID_LEN])
{
    struct ward *ward = arg;
    (void)id;
    ward->heards++;
}

static void on_reply(void *arg, uint64_t call, const struct actor_reply *reply)
{
    struct ward *ward = arg;
    assert_true(call != 0);
    assert_true(ward->reply_count < WARD_REPLIES_MAX);
    struct ward_reply *r = &ward->replies[ward->reply_count++];
    *r = (struct ward_reply){.call = call,
                             .status = reply->status,
                             .type = reply->type,
                             .result = reply->result,
                             .len = reply->len};
    assert_true(reply->len <= sizeof r->bytes);
    if (reply->len > 0) {
        memcpy(r->bytes, reply->bytes, reply->len);
    }
}

static void on_subscribed(void *arg)
{
    ((struct ward *)arg)->subscribeds++;
}

static void on_gone(void *arg, const uint8_t id[static CYAN_ID_LEN], uint64_t serial)
{
    struct ward *ward = arg;
    (void)id;
    ward->gones++;
    ward->gone_serial = serial;
}

void ward_open(struct ward *ward)
{
    struct actor_ops ops = {.arg = ward,
                            .event = on_event,
                            .held_event = on_held_event,
                            .heard = on_heard,
                            .reply = on_reply,
                            .subscribed = on_subscribed,
                            .gone = on_gone};
    memset(ward, 0, sizeof *ward);
    upper_open(&ward->upper);
    assert_int_equal(
        actors_init(&ward->actors, ward->upper.yard.shard, ward->upper.yard.crypto, &ops), 0);
    ward->upper.above.arg = &ward->actors;
    ward->upper.above.live = actors_live;
    ward->upper.above.held = actors_held;
    ward->upper.above.message = actors_message;
    ward->upper.above.ended = actors_ended;
}

void ward_close(struct ward *ward)
{
    upper_close(&ward->upper);
    assert_int_equal(ward->actors.table.count, 0);
    assert_int_equal(ward->gones, ward->upper.lived + ward->upper.held);
    actors_done(&ward->actors);
}

struct actor *ward_device(struct ward *ward, struct peer *peer, uint8_t id_byte, bool is_b)
{
    upper_live_peer(&ward->upper, peer, id_byte, is_b);
    struct actor *actor = actors_find(&ward->actors, peer->id);
    assert_non_null(actor);
    assert_ptr_equal(actor->session, ward->upper.session);
    return actor;
}

struct actor *ward_held_device(struct ward *ward, struct peer *peer, uint8_t id_byte)
{
    ward->upper.judge = ward->upper.admit = UPPER_HELD;
    upper_live_peer(&ward->upper, peer, id_byte, false);
    ward->upper.judge = ward->upper.admit = UPPER_FULL;
    struct actor *actor = ward->upper.session->user;
    assert_true(ward->upper.session->held);
    assert_non_null(actor);
    assert_ptr_equal(actor->session, ward->upper.session);
    return actor;
}

void ward_say_event(struct ward *ward, struct peer *peer, enum cyan_coap_type type,
                    const char *name, const char *data, bool is_private)
{
    struct cyan_event event = {.name = "",
                               .data = (const uint8_t *)data,
                               .data_len = strlen(data),
                               .ttl = 60,
                               .is_private = is_private};
    memcpy(event.name, name, strlen(name) + 1);
    cyan_event_write(peer_begin(peer), type, ++peer->last_id, &event);
    peer_say(peer);
    yard_settle(&ward->upper.yard);
}

void ward_expect_ack(struct peer *peer, uint16_t id)
{
    struct cyan_coap msg;
    ward_hear(peer, CYAN_MSG_ACK, &msg);
    assert_int_equal(msg.type, CYAN_COAP_ACK);
    assert_int_equal(msg.id, id);
    assert_int_equal(msg.code, CYAN_COAP_EMPTY);
}

void ward_hear(struct peer *peer, enum cyan_message kind, struct cyan_coap *out_msg)
{
    bool asks = false;
    peer_hear(peer, out_msg);
    assert_int_equal(cyan_message_kind(out_msg), kind);
    switch (out_msg->code) {
    case CYAN_COAP_EMPTY:
        assert_int_equal(out_msg->token_len, 0);
        break;
    case CYAN_COAP_GET:
    case CYAN_COAP_POST:
    case CYAN_COAP_PUT:
        asks = kind != CYAN_MSG_EVENT && kind != CYAN_MSG_HELLO;
        assert_int_equal(out_msg->type, asks ? CYAN_COAP_CON : CYAN_COAP_NON);
        assert_int_equal(out_msg->token_len, asks ? 1 : 0);
        break;
    default:
        assert_int_equal(out_msg->code, CYAN_COAP_CONTENT);
        assert_int_equal(out_msg->type, CYAN_COAP_ACK);
        break;
    }
}

void ward_expect_silence(struct ward *ward, struct peer *peer)
{
    yard_settle(&ward->upper.yard);
    peer_look(peer);
    assert_int_equal(peer->len, 0);
    assert_false(peer->closed);
}

void ward_say(struct peer *peer, enum cyan_coap_type type, uint8_t code, uint16_t id,
              const struct cyan_coap *token_of, const void *payload, size_t len)
{
    struct cyan_coap_writer cw;
    cyan_coap_begin(&cw, peer_begin(peer), type, code, id, token_of ? token_of->token : NULL,
                    token_of ? token_of->token_len : 0);
    cyan_coap_payload(&cw, payload, len);
    peer_say(peer);
}

void ward_answer(struct peer *peer, const struct cyan_coap *request, const char *payload)
{
    ward_say(peer, CYAN_COAP_ACK, CYAN_COAP_CONTENT, request->id, request, payload,
             strlen(payload));
}

const char ward_description[] =
    "{\"f\":[\"led\",\"beep\"],\"v\":{\"temp\":9,\"on\":1,\"n\":2,\"s\":4,\"odd\":7},\"p\":6}";

void ward_ask(struct ward *ward, struct actor *actor, uint64_t call, enum request_kind kind,
              const char *name, const char *argument)
{
    requests_start(&ward->actors, actor, call, kind, name, argument, false);
    yard_settle(&ward->upper.yard);
}

void ward_expect_reply(struct ward *ward, uint64_t call, int status)
{
    yard_settle(&ward->upper.yard);
    assert_true(ward->reply_count > 0);
    assert_int_equal(ward->replies[ward->reply_count - 1].call, call);
    assert_int_equal(ward->replies[ward->reply_count - 1].status, status);
}

void ward_give_description(struct ward *ward, struct peer *peer)
{
    struct cyan_coap msg;
    ward_hear(peer, CYAN_MSG_DESCRIBE, &msg);
    ward_answer(peer, &msg, ward_description);
    yard_settle(&ward->upper.yard);
}

void ward_expect_option(const struct cyan_coap *msg, unsigned index, uint32_t number,
                        const char *value)
{
    struct cyan_coap_cursor cursor;
    struct cyan_coap_option option = {0};
    cyan_coap_options(msg, &cursor);
    for (unsigned i = 0; i <= index; i++) {
        assert_true(cyan_coap_next(&cursor, &option));
    }
    assert_int_equal(option.number, number);
    assert_int_equal(option.len, strlen(value));
    if (option.len > 0) {
        assert_memory_equal(option.value, value, option.len);
    }
}

void ward_call_led(struct ward *ward, struct actor *actor, struct peer *peer, uint64_t call,
                   const char *argument, struct cyan_coap *out_request)
{
    ward_ask(ward, actor, call, REQUEST_FUNCTION, "led", argument);
    if (!actor->description) {
        ward_give_description(ward, peer);
    }
    ward_hear(peer, CYAN_MSG_FUNCTION, out_request);
    ward_expect_option(out_request, 1, CYAN_COAP_URI_PATH, "led");
    ward_expect_option(out_request, 2, CYAN_COAP_URI_QUERY, argument);
}

void ward_stay_alive(struct ward *ward, struct peer *peer, uint64_t ms)
{
    struct cyan_coap msg;
    yard_advance(&ward->upper.yard, ms);
    cyan_ping_write(peer_begin(peer), ++peer->last_id);
    peer_say(peer);
    ward_hear(peer, CYAN_MSG_ACK, &msg);
}
