/* What a publisher is told and may take back, and where exchanges send what they get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "matrix.h"
#include "stage.h"

/* Publishes this many, with keys that come again after a thousand, and counts the confirms. */
static void publish(Connection connection, const char *exchange, const char *key, int messages) {
    amqp_confirm_select(connection, 1);
    ok(connection, "confirm.select");
    for (int i = 0; i < messages; i++) {
        char numbered[32];
        snprintf(numbered, sizeof numbered, "key %d", i % 1000);
        amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange),
                           amqp_cstring_bytes(key != NULL ? key : numbered), 0, 0, NULL, amqp_cstring_bytes("x"));
    }
    for (int confirmed = 0; confirmed < messages;) {
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(connection, &frame, &(struct timeval){ LIMIT_SECONDS, 0 });
        equal(AMQP_STATUS_OK, status, "waiting for confirms");
        check(frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "it is an ack");
        amqp_basic_ack_t *ack = frame.payload.method.decoded;
        confirmed = ack->multiple ? (int)ack->delivery_tag : confirmed + 1;
    }
}

void confirms(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    publish(connection, "", made, 1000);
    equal(1000, count(dial(), made), "messages");
}

void mandatory(void) {
    Connection connection = dial();
    amqp_confirm_select(connection, 1);
    amqp_basic_publish(connection, 1, amqp_empty_bytes, amqp_cstring_bytes(name()), 1, 0, NULL,
                       amqp_cstring_bytes("nobody"));
    amqp_frame_t frame;
    const struct timeval limit = { LIMIT_SECONDS, 0 };
    equal(AMQP_STATUS_OK, amqp_simple_wait_frame_noblock(connection, &frame, &limit), "waiting for the return");
    check(frame.payload.method.id == AMQP_BASIC_RETURN_METHOD, "first comes basic.return");
    equal(312, ((amqp_basic_return_t *)frame.payload.method.decoded)->reply_code, "reply code");
    amqp_message_t message;
    amqp_read_message(connection, 1, &message, 0);
    same("nobody", message.body, "body");
    equal(AMQP_STATUS_OK, amqp_simple_wait_frame_noblock(connection, &frame, &limit), "waiting for the confirm");
    check(frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "then comes basic.ack");
}

void reject_publish(void) {
    Connection connection = dial();
    amqp_table_t full = TABLE(NUMBER("x-max-length", 1), TEXT("x-overflow", "reject-publish"));
    const char *made = queue(connection, full);
    fill(made, "a");
    double deadline = now() + LIMIT_SECONDS;
    while (confirmed("", made, NULL, amqp_cstring_bytes("b")))
        if (now() > deadline) fail("waited for a nack");
    Message message = arrival(connection, made);
    same("a", message.content.body, "what the queue holds");
}

void transactions(void) {
    Connection connection = dial(), watching = dial();
    const char *made = queue(connection, NO_TABLE);
    amqp_bytes_t key = amqp_cstring_bytes(made);
    amqp_tx_select(connection, 1);
    amqp_basic_publish(connection, 1, amqp_empty_bytes, key, 0, 0, NULL, amqp_cstring_bytes("a"));
    amqp_basic_publish(connection, 1, amqp_empty_bytes, key, 0, 0, NULL, amqp_cstring_bytes("b"));
    equal(0, count(connection, made), "messages before the commit");
    equal(0, count(watching, made), "messages before the commit");
    amqp_tx_commit(connection, 1);
    ok(connection, "tx.commit");
    holds(watching, made, 2);
    amqp_basic_publish(connection, 1, amqp_empty_bytes, key, 0, 0, NULL, amqp_cstring_bytes("c"));
    amqp_tx_rollback(connection, 1);
    amqp_tx_commit(connection, 1);
    ok(connection, "tx.commit");
    takes(watching, made, "ab");
}

void direct_reply(void) {
    Connection server = dial(), client = dial();
    const char *made = queue(server, NO_TABLE);
    consume(server, made, true, NO_TABLE);
    consume(client, "amq.rabbitmq.reply-to", true, NO_TABLE);
    amqp_basic_properties_t asking = { ._flags = AMQP_BASIC_REPLY_TO_FLAG,
                                       .reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to") };
    amqp_basic_publish(client, 1, amqp_empty_bytes, amqp_cstring_bytes(made), 0, 0, &asking,
                       amqp_cstring_bytes("question"));
    Message request = next(server);
    amqp_basic_publish(server, 1, amqp_empty_bytes, request.content.properties.reply_to, 0, 0, NULL,
                       amqp_cstring_bytes("answer"));
    same("answer", next(client).content.body, "reply");
}

void topic(void) {
    Connection connection = dial();
    const char *made = exchange(connection, "topic", NO_TABLE);
    const struct { char *pattern; long matches; } rows[] = { { "*.orange.*", 1 }, { "lazy.#", 3 }, { "#", 4 },
                                                             { "quick.*", 0 } };
    const char *queues[4];
    for (int i = 0; i < 4; i++) route(connection, queues[i] = queue(connection, NO_TABLE), made, rows[i].pattern, NO_TABLE);
    const char *keys[] = { "quick.orange.fox", "lazy", "lazy.dog", "lazy.brown.old.dog" };
    for (int i = 0; i < 4; i++) send_to(made, keys[i], NULL, keys[i]);
    for (int i = 0; i < 4; i++) equal(rows[i].matches, count(connection, queues[i]), rows[i].pattern);
}

void headers(void) {
    Connection connection = dial();
    const char *made = exchange(connection, "headers", NO_TABLE);
    const char *all = queue(connection, NO_TABLE), *any = queue(connection, NO_TABLE);
    route(connection, all, made, "", TABLE(TEXT("x-match", "all"), TEXT("kind", "order"), NUMBER("size", 3)));
    route(connection, any, made, "", TABLE(TEXT("x-match", "any"), TEXT("kind", "order"), NUMBER("size", 3)));
    amqp_basic_properties_t with = { ._flags = AMQP_BASIC_HEADERS_FLAG };
    amqp_table_t tables[] = { TABLE(TEXT("kind", "order"), NUMBER("size", 3)), TABLE(TEXT("kind", "order")),
                              TABLE(NUMBER("size", 4)) };
    for (int i = 0; i < 3; i++) {
        with.headers = tables[i];
        send_to(made, "", &with, "x");
    }
    equal(1, count(connection, all), "matches of all");
    equal(2, count(connection, any), "matches of any");
}

void exchange_to_exchange(void) {
    Connection connection = dial();
    const char *first = exchange(connection, "topic", NO_TABLE), *second = exchange(connection, "fanout", NO_TABLE);
    const char *made = queue(connection, NO_TABLE);
    amqp_bytes_t pattern = amqp_cstring_bytes("in.*");
    amqp_exchange_bind(connection, 1, amqp_cstring_bytes(second), amqp_cstring_bytes(first), pattern, NO_TABLE);
    ok(connection, "exchange.bind");
    route(connection, made, second, "", NO_TABLE);
    send_to(first, "in.here", NULL, "a");
    send_to(first, "out", NULL, "b");
    takes(connection, made, "a");
    amqp_exchange_unbind(connection, 1, amqp_cstring_bytes(second), amqp_cstring_bytes(first), pattern, NO_TABLE);
    ok(connection, "exchange.unbind");
    send_to(first, "in.here", NULL, "c");
    takes(connection, made, "");
}

void alternate(void) {
    Connection connection = dial();
    const char *other = exchange(connection, "fanout", NO_TABLE);
    const char *made = exchange(connection, "direct", TABLE(TEXT("alternate-exchange", other)));
    const char *found = queue(connection, NO_TABLE);
    route(connection, found, other, "", NO_TABLE);
    send_to(made, "nowhere", NULL, "a");
    takes(connection, found, "a");
}

void consistent_hash(void) {
    Connection connection = dial();
    const char *made = exchange(connection, "x-consistent-hash", NO_TABLE);
    const char *one = queue(connection, NO_TABLE), *two = queue(connection, NO_TABLE);
    route(connection, one, made, "1", NO_TABLE);
    route(connection, two, made, "1", NO_TABLE);
    publish(connection, made, NULL, 2000);
    Connection watching = dial();
    long first = count(watching, one);
    equal(2000, first + count(watching, two), "all messages");
    if (first < 400 || first > 1600) fail("spread is %ld of 2000", first);
    int times[1000] = { 0 };
    for (long i = 0; i < first; i++) {
        Message message = arrival(watching, one);
        char key[32] = "";
        memcpy(key, message.key.bytes, message.key.len < 31 ? message.key.len : 31);
        times[atoi(key + strlen("key ")) % 1000]++;
    }
    for (int i = 0; i < 1000; i++) check(times[i] == 0 || times[i] == 2, "a key goes to one queue only");
}

void delayed(void) {
    Connection connection = dial();
    const char *made = exchange(connection, "x-delayed-message", TABLE(TEXT("x-delayed-type", "direct")));
    const char *later = queue(connection, NO_TABLE);
    route(connection, later, made, "later", NO_TABLE);
    amqp_basic_properties_t with = { ._flags = AMQP_BASIC_HEADERS_FLAG, .headers = TABLE(NUMBER("x-delay", 300)) };
    double sent = now();
    send_to(made, "later", &with, "patience");
    same("patience", arrival(connection, later).content.body, "what arrives");
    check(now() - sent >= 0.3, "it arrives no sooner than after 300 ms");
}
