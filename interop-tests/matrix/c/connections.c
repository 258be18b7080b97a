/* Logging in, staying, what a connection carries and is told, and what is there after a restart. */
#include <amqp_ssl_socket.h>
#include <stdlib.h>
#include <string.h>

#include "matrix.h"
#include "stage.h"

void connects(void) {
    Connection connection = dial();
    amqp_rpc_reply_t reply = amqp_channel_close(connection, 1, AMQP_REPLY_SUCCESS);
    check(reply.reply_type == AMQP_RESPONSE_NORMAL, "the channel is closed");
    reply = amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    check(reply.reply_type == AMQP_RESPONSE_NORMAL, "the connection is closed");
}

void bad_password(void) {
    Connection connection;
    amqp_rpc_reply_t reply = attempt(broker(), "wrong", 0, &connection);
    check(reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION, "the broker refuses");
    check(reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD, "it closes the connection");
    equal(403, ((amqp_connection_close_t *)reply.reply.decoded)->reply_code, "reply code");
}

/* The library sends its heartbeats while it waits for a frame. */
void heartbeats(void) {
    Connection connection;
    amqp_rpc_reply_t reply = attempt(broker(), NULL, 1, &connection);
    check(reply.reply_type == AMQP_RESPONSE_NORMAL, "the login");
    equal(1, amqp_get_heartbeat(connection), "heartbeat in seconds");
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &(struct timeval){ 5, 0 });
    equal(AMQP_STATUS_TIMEOUT, status, "what happened in five seconds");
    amqp_channel_open(connection, 1);
    ok(connection, "channel.open");
}

void many_channels(void) {
    Connection connection = dial();
    for (int i = 2; i <= 201; i++) {
        amqp_channel_open(connection, i);
        ok(connection, "channel.open");
        amqp_queue_declare_ok_t *made =
            amqp_queue_declare(connection, i, amqp_empty_bytes, 0, 0, 1, 1, NO_TABLE);
        ok(connection, "queue.declare");
        amqp_bytes_t queue = amqp_bytes_malloc_dup(made->queue);
        amqp_bytes_t body = { sizeof i, &i };
        amqp_basic_consume(connection, i, queue, amqp_empty_bytes, 0, 1, 0, NO_TABLE);
        ok(connection, "basic.consume");
        amqp_basic_publish(connection, i, amqp_empty_bytes, queue, 0, 0, NULL, body);
    }
    bool seen[202] = { false };
    for (int i = 2; i <= 201; i++) {
        amqp_envelope_t envelope;
        amqp_consume_message(connection, &envelope, &(struct timeval){ LIMIT_SECONDS, 0 }, 0);
        int body;
        equal(sizeof body, envelope.message.body.len, "length");
        memcpy(&body, envelope.message.body.bytes, sizeof body);
        equal(envelope.channel, body, "the channel's own message");
        check(!seen[body], "each channel gets one");
        seen[body] = true;
    }
}

static const char *why_blocked(const char *url) {
    Connection connection;
    amqp_rpc_reply_t reply = attempt(url, NULL, 0, &connection);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) return NULL;
    amqp_channel_open(connection, 1);
    amqp_basic_publish(connection, 1, amqp_cstring_bytes("amq.fanout"), amqp_empty_bytes, 0, 0, NULL,
                       amqp_cstring_bytes("too much"));
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &(struct timeval){ LIMIT_SECONDS, 0 });
    if (status != AMQP_STATUS_OK || frame.payload.method.id != AMQP_CONNECTION_BLOCKED_METHOD) return NULL;
    amqp_bytes_t reason = ((amqp_connection_blocked_t *)frame.payload.method.decoded)->reason;
    return strndup(reason.bytes, reason.len);
}

void blocked(void) {
    const char *reason = why_blocked(control("blocked"));
    control("unblocked");
    check(reason != NULL, "connection.blocked comes");
    check(strstr(reason, "memory") != NULL, "the reason is memory");
}

static int secured(const char *authority, Connection *made) {
    struct amqp_connection_info at;
    const char *url = needed("INTEROP_TLS_URL");
    if (amqp_parse_url(strdup(url), &at) != AMQP_STATUS_OK) fail("not an address: %s", url);
    Connection connection = *made = amqp_new_connection();
    amqp_socket_t *socket = amqp_ssl_socket_new(connection);
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    equal(AMQP_STATUS_OK, amqp_ssl_socket_set_cacert(socket, needed(authority)), "reading the authority");
    int status = amqp_ssl_socket_set_key(socket, needed("INTEROP_CLIENT_CERT"), needed("INTEROP_CLIENT_KEY"));
    equal(AMQP_STATUS_OK, status, "reading the certificate");
    return amqp_socket_open(socket, at.host, at.port);
}

void tls(void) {
    Connection connection;
    equal(AMQP_STATUS_OK, secured("INTEROP_CA", &connection), "connecting");
    amqp_login(connection, "/", 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    amqp_channel_open(connection, 1);
    ok(connection, "channel.open");
    const char *made = queue(connection, NO_TABLE);
    amqp_basic_publish(connection, 1, amqp_empty_bytes, amqp_cstring_bytes(made), 0, 0, NULL,
                       amqp_cstring_bytes("secret"));
    same("secret", arrival(connection, made).content.body, "body");
    equal(AMQP_STATUS_SSL_PEER_VERIFY_FAILED, secured("INTEROP_OTHER_CA", &connection), "with another authority");
}

void tls_external(void) {
    Connection connection;
    equal(AMQP_STATUS_OK, secured("INTEROP_CA", &connection), "connecting");
    amqp_login(connection, "/", 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_EXTERNAL, "guest");
    amqp_channel_open(connection, 1);
    ok(connection, "channel.open");
}

/* The library has no recovery of its own. */
void reconnect(void) {
    const char *made = queue(dial(), NO_TABLE);
    amqp_basic_properties_t persistent = { ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2 };
    send_to("", made, &persistent, "durable");
    control("restart");
    Connection connection;
    double deadline = now() + LIMIT_SECONDS;
    while (attempt(broker(), NULL, 0, &connection).reply_type != AMQP_RESPONSE_NORMAL) {
        if (now() > deadline) fail("no connection after the restart");
        nap();
    }
    amqp_channel_open(connection, 1);
    ok(connection, "channel.open");
    same("durable", arrival(connection, made).content.body, "what was there before");
}

void topology(void) { not_offered("has no recovery"); }
