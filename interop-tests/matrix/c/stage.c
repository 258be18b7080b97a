#include "stage.h"

#include <amqp_tcp_socket.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "matrix.h"

static const struct timeval LIMIT = { LIMIT_SECONDS, 0 };

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vdprintf(REASON_FD, format, arguments);
    va_end(arguments);
    _exit(FAILED);
}

void not_offered(const char *lacking) {
    dprintf(REASON_FD, "%s", lacking);
    _exit(NOT_OFFERED);
}

void check(bool holds, const char *what) {
    if (!holds) fail("not so: %s", what);
}

void equal(long expected, long found, const char *what) {
    if (expected != found) fail("%s: expected %ld, found %ld", what, expected, found);
}

void same(const char *expected, amqp_bytes_t found, const char *what) {
    if (found.len != strlen(expected) || memcmp(expected, found.bytes, found.len) != 0)
        fail("%s: expected %s, found %.*s", what, expected, (int)found.len, (char *)found.bytes);
}

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Between two questions of somebody who waits, with a limit. */
void nap(void) { nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL); }

const char *needed(const char *variable) {
    const char *value = getenv(variable);
    if (value == NULL) fail("%s is not set", variable);
    return value;
}

const char *broker(void) {
    const char *url = getenv("INTEROP_URL");
    return url != NULL ? url : "amqp://guest:guest@127.0.0.1:5672/%2F";
}

const char *control(const char *command) {
    static char answer[512];
    char *address = strdup(needed("INTEROP_CONTROL"));
    char *colon = strchr(address, ':');
    if (colon == NULL) fail("no port in %s", address);
    *colon = 0;
    int socket = amqp_open_socket(address, atoi(colon + 1));
    if (socket < 0) fail("control port: %s", amqp_error_string2(socket));
    fcntl(socket, F_SETFL, 0); /* the library's sockets do not wait */
    dprintf(socket, "%s\n", command);
    FILE *lines = fdopen(socket, "r");
    if (fgets(answer, sizeof answer, lines) == NULL || strncmp(answer, "ok", 2) != 0)
        fail("control port, asked to %s: %s", command, answer);
    fclose(lines);
    answer[strcspn(answer, "\n")] = 0;
    return answer[2] == ' ' ? answer + 3 : "";
}

amqp_rpc_reply_t attempt(const char *url, const char *password, int heartbeat, Connection *made) {
    struct amqp_connection_info at;
    if (amqp_parse_url(strdup(url), &at) != AMQP_STATUS_OK) fail("not an address: %s", url);
    Connection connection = amqp_new_connection();
    amqp_set_rpc_timeout(connection, &LIMIT);
    int status = amqp_socket_open(amqp_tcp_socket_new(connection), at.host, at.port);
    if (status != AMQP_STATUS_OK) {
        amqp_rpc_reply_t refused = { .reply_type = AMQP_RESPONSE_LIBRARY_EXCEPTION, .library_error = status };
        return refused;
    }
    *made = connection;
    /* The library leaves it to the program to say that it can be told of a cancelled consumer. */
    amqp_table_t capabilities = TABLE(FLAG("consumer_cancel_notify"), FLAG("connection.blocked"),
                                      FLAG("authentication_failure_close"));
    amqp_table_t client = TABLE({ amqp_cstring_bytes("capabilities"), { AMQP_FIELD_KIND_TABLE,
                                                                        { .table = capabilities } } });
    return amqp_login_with_properties(connection, at.vhost, AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE,
                                      heartbeat, &client, AMQP_SASL_METHOD_PLAIN, at.user,
                                      password != NULL ? password : at.password);
}

Connection dial(void) {
    Connection connection;
    amqp_rpc_reply_t reply = attempt(broker(), NULL, 0, &connection);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("no connection to %s", broker());
    amqp_channel_open(connection, 1);
    ok(connection, "channel.open");
    return connection;
}

void hang_up(Connection connection) {
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
}

void ok(Connection connection, const char *what) {
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        fail("%s: %s", what, amqp_error_string2(reply.library_error));
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) return;
    if (reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) fail("%s: the connection was closed", what);
    amqp_channel_close_t *close = reply.reply.decoded;
    fail("%s: %.*s", what, (int)close->reply_text.len, (char *)close->reply_text.bytes);
}

int refusal(Connection connection) {
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
    check(reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION, "the broker refuses");
    if (reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD)
        return ((amqp_connection_close_t *)reply.reply.decoded)->reply_code;
    int code = ((amqp_channel_close_t *)reply.reply.decoded)->reply_code;
    amqp_channel_close_ok_t done = { 0 };
    amqp_send_method(connection, 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &done);
    amqp_channel_open(connection, 1);
    ok(connection, "opening the channel again");
    return code;
}

const char *name(void) {
    static int used = 0;
    if (++used > NAMES) fail("more than %d names", NAMES);
    char *made;
    if (asprintf(&made, "%s.%d", prefix, used) < 0) fail("no memory");
    return made;
}

void declare(Connection connection, const char *queue, amqp_table_t arguments) {
    amqp_queue_declare(connection, 1, amqp_cstring_bytes(queue), 0, 1, 0, 0, arguments);
}

const char *queue(Connection connection, amqp_table_t arguments) {
    const char *queue = name();
    declare(connection, queue, arguments);
    ok(connection, "queue.declare");
    return queue;
}

const char *exchange(Connection connection, const char *type, amqp_table_t arguments) {
    const char *exchange = name();
    amqp_exchange_declare(connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(type), 0, 1, 0, 0,
                          arguments);
    ok(connection, "exchange.declare");
    return exchange;
}

void route(Connection connection, const char *queue, const char *exchange, const char *key, amqp_table_t arguments) {
    amqp_queue_bind(connection, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes(key),
                    arguments);
    ok(connection, "queue.bind");
}

long count(Connection connection, const char *queue) {
    amqp_queue_declare_ok_t *found =
        amqp_queue_declare(connection, 1, amqp_cstring_bytes(queue), 1, 0, 0, 0, NO_TABLE);
    ok(connection, "passive queue.declare");
    return found->message_count;
}

void holds(Connection connection, const char *queue, long messages) {
    double deadline = now() + LIMIT_SECONDS;
    long found;
    while ((found = count(connection, queue)) != messages && now() < deadline) nap();
    equal(messages, found, "messages in the queue");
}

const amqp_field_value_t *field(amqp_table_t table, const char *key) {
    for (int i = 0; i < table.num_entries; i++) {
        amqp_bytes_t found = table.entries[i].key;
        if (found.len == strlen(key) && memcmp(found.bytes, key, found.len) == 0) return &table.entries[i].value;
    }
    fail("no %s in the table", key);
}
