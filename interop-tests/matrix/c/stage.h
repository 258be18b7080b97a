/* One behaviour runs in a process of its own; what it declares has names that its parent knows, and removes.
 * Everything here ends that process with a reason when it does not go as it must. */
#ifndef STAGE_H
#define STAGE_H

#include <amqp.h>
#include <amqp_framing.h>
#include <stdbool.h>
#include <sys/time.h>

#define LIMIT_SECONDS 10
#define NO_TABLE amqp_empty_table

/* Arguments: TABLE(TEXT("x-overflow", "reject-publish"), NUMBER("x-max-length", 1)). */
#define TEXT(key, value) \
    { amqp_cstring_bytes(key), { AMQP_FIELD_KIND_UTF8, { .bytes = amqp_cstring_bytes(value) } } }
#define NUMBER(key, value) { amqp_cstring_bytes(key), { AMQP_FIELD_KIND_I32, { .i32 = value } } }
#define FLAG(key) { amqp_cstring_bytes(key), { AMQP_FIELD_KIND_BOOLEAN, { .boolean = 1 } } }
#define ENTRIES(...) ((amqp_table_entry_t[]){__VA_ARGS__})
#define TABLE(...) \
    ((amqp_table_t){ sizeof ENTRIES(__VA_ARGS__) / sizeof(amqp_table_entry_t), ENTRIES(__VA_ARGS__) })

typedef amqp_connection_state_t Connection;

/* Ends the behaviour. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void not_offered(const char *lacking);
void check(bool holds, const char *what);
void equal(long expected, long found, const char *what);
void same(const char *expected, amqp_bytes_t found, const char *what);

const char *needed(const char *variable);
/* Sends a line to the runner; what follows "ok " in the answer. */
const char *control(const char *command);
const char *broker(void);

/* A connection with channel 1 open; `attempt` leaves the reply to the caller. */
Connection dial(void);
amqp_rpc_reply_t attempt(const char *url, const char *password, int heartbeat, Connection *made);
void hang_up(Connection connection);
/* The last call went well, or this is the end of it. */
void ok(Connection connection, const char *what);
/* The code with which the broker closed channel 1 (it is opened again), or the connection. */
int refusal(Connection connection);

/* Names of this behaviour; at most eight, so that its parent can remove them. */
const char *name(void);
const char *queue(Connection connection, amqp_table_t arguments);
void declare(Connection connection, const char *queue, amqp_table_t arguments);
const char *exchange(Connection connection, const char *type, amqp_table_t arguments);
void route(Connection connection, const char *queue, const char *exchange, const char *key, amqp_table_t arguments);
long count(Connection connection, const char *queue);
void holds(Connection connection, const char *queue, long messages);

/* Publishes over a connection of its own and waits for the confirm: was it an ack? */
bool confirmed(const char *exchange, const char *key, const amqp_basic_properties_t *with, amqp_bytes_t body);
void send_to(const char *exchange, const char *key, const amqp_basic_properties_t *with, const char *body);
void fill(const char *queue, const char *bodies);

/* A message, from basic.get or a consumer. */
typedef struct {
    uint64_t tag;
    bool redelivered;
    amqp_bytes_t key;
    amqp_message_t content;
} Message;

bool get(Connection connection, const char *queue, bool no_ack, Message *message);
Message arrival(Connection connection, const char *queue);
void takes(Connection connection, const char *queue, const char *bodies);
void consume(Connection connection, const char *queue, bool no_ack, amqp_table_t arguments);
Message next(Connection connection);
void receives(Connection connection, const char *bodies);
/* Nothing has been delivered, once the broker has answered another question. */
void idle(Connection connection, const char *queue);

const amqp_field_value_t *field(amqp_table_t table, const char *key);
double now(void);
void nap(void);

#endif
