/* Messages in and out. */
#include <string.h>

#include "stage.h"

/* Confirms arrive on a connection that has nothing else to say. */
static Connection publisher(void) {
    static Connection connection = NULL;
    if (connection == NULL) {
        connection = dial();
        amqp_confirm_select(connection, 1);
        ok(connection, "confirm.select");
    }
    return connection;
}

bool confirmed(const char *exchange, const char *key, const amqp_basic_properties_t *with, amqp_bytes_t body) {
    Connection connection = publisher();
    int status = amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 0, 0, with,
                                    body);
    if (status != AMQP_STATUS_OK) fail("basic.publish: %s", amqp_error_string2(status));
    amqp_frame_t frame;
    status = amqp_simple_wait_frame_noblock(connection, &frame, &(struct timeval){ LIMIT_SECONDS, 0 });
    if (status != AMQP_STATUS_OK) fail("no confirm: %s", amqp_error_string2(status));
    bool ack = frame.payload.method.id == AMQP_BASIC_ACK_METHOD;
    check(ack || frame.payload.method.id == AMQP_BASIC_NACK_METHOD, "what comes is a confirm");
    amqp_maybe_release_buffers(connection);
    return ack;
}

void send_to(const char *exchange, const char *key, const amqp_basic_properties_t *with, const char *body) {
    check(confirmed(exchange, key, with, amqp_cstring_bytes(body)), "the publish is confirmed");
}

/* A message for each letter. */
void fill(const char *queue, const char *bodies) {
    for (; *bodies != 0; bodies++) send_to("", queue, NULL, (char[]){ *bodies, 0 });
}

bool get(Connection connection, const char *queue, bool no_ack, Message *message) {
    amqp_rpc_reply_t reply = amqp_basic_get(connection, 1, amqp_cstring_bytes(queue), no_ack);
    ok(connection, "basic.get");
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return false;
    amqp_basic_get_ok_t *got = reply.reply.decoded;
    message->tag = got->delivery_tag;
    message->redelivered = got->redelivered;
    message->key = amqp_bytes_malloc_dup(got->routing_key);
    reply = amqp_read_message(connection, 1, &message->content, 0);
    check(reply.reply_type == AMQP_RESPONSE_NORMAL, "the message follows");
    return true;
}

Message arrival(Connection connection, const char *queue) {
    Message message;
    double deadline = now() + LIMIT_SECONDS;
    while (!get(connection, queue, true, &message)) {
        if (now() > deadline) fail("waited %d s for a message in %s", LIMIT_SECONDS, queue);
        nap();
    }
    return message;
}

void takes(Connection connection, const char *queue, const char *bodies) {
    Message message;
    for (; *bodies != 0; bodies++) {
        if (!get(connection, queue, true, &message)) fail("there is no %c in the queue", *bodies);
        same((char[]){ *bodies, 0 }, message.content.body, "body");
    }
    check(!get(connection, queue, true, &message), "that was all");
}

void consume(Connection connection, const char *queue, bool no_ack, amqp_table_t arguments) {
    amqp_basic_consume(connection, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes("consumer"), 0, no_ack, 0,
                       arguments);
    ok(connection, "basic.consume");
}

Message next(Connection connection) {
    amqp_envelope_t envelope;
    amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &(struct timeval){ LIMIT_SECONDS, 0 }, 0);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("no delivery: %s", amqp_error_string2(reply.library_error));
    return (Message){ envelope.delivery_tag, envelope.redelivered, envelope.routing_key, envelope.message };
}

void receives(Connection connection, const char *bodies) {
    for (; *bodies != 0; bodies++) same((char[]){ *bodies, 0 }, next(connection).content.body, "delivery");
}

void idle(Connection connection, const char *queue) {
    for (int i = 0; i < 3; i++) count(connection, queue);
    amqp_envelope_t envelope;
    amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, &(struct timeval){ 0, 0 }, 0);
    check(reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT,
          "nothing more is delivered");
}
