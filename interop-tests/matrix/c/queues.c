/* Declaring queues, how much they keep and how long, and where dead letters go. */
#include <unistd.h>

#include "matrix.h"
#include "stage.h"

#define DEAD_LETTERS_TO(queue) TEXT("x-dead-letter-exchange", ""), TEXT("x-dead-letter-routing-key", queue)

static int passive(Connection connection, const char *queue) {
    amqp_queue_declare(connection, 1, amqp_cstring_bytes(queue), 1, 0, 0, 0, NO_TABLE);
    return refusal(connection);
}

void exclusive(void) {
    Connection own = dial(), other = dial();
    const char *made = name();
    amqp_queue_declare(own, 1, amqp_cstring_bytes(made), 0, 0, 1, 0, NO_TABLE);
    ok(own, "queue.declare");
    equal(405, passive(other, made), "reply code");
    hang_up(own);
    double deadline = now() + LIMIT_SECONDS;
    int code;
    while ((code = passive(other, made)) == 405 && now() < deadline) nap();
    equal(404, code, "reply code afterwards");
}

void passive_missing(void) {
    Connection connection = dial();
    equal(404, passive(connection, name()), "reply code");
    queue(connection, NO_TABLE);
}

void inequivalent(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    declare(connection, made, TABLE(NUMBER("x-max-length", 1)));
    equal(406, refusal(connection), "reply code");
}

void max_length(void) {
    Connection connection = dial();
    const char *made = queue(connection, TABLE(NUMBER("x-max-length", 2)));
    fill(made, "abc");
    takes(connection, made, "bc");
}

void priority(void) {
    Connection connection = dial();
    const char *made = queue(connection, TABLE(NUMBER("x-max-priority", 5)));
    amqp_basic_properties_t with = { ._flags = AMQP_BASIC_PRIORITY_FLAG };
    const struct { char *body; int priority; } messages[] = { { "e", 1 }, { "a", 5 }, { "c", 3 },
                                                              { "f", 1 }, { "b", 5 }, { "d", 3 } };
    for (int i = 0; i < 6; i++) {
        with.priority = messages[i].priority;
        send_to("", made, &with, messages[i].body);
    }
    takes(connection, made, "abcdef");
}

static amqp_array_t deaths(Message message) { return field(message.content.properties.headers, "x-death")->value.array; }

static void died_of(const char *reason, Message message) {
    same(reason, field(deaths(message).entries[0].value.table, "reason")->value.bytes, "reason");
}

void message_ttl(void) {
    Connection connection = dial();
    const char *dead = queue(connection, NO_TABLE);
    const char *made = queue(connection, TABLE(DEAD_LETTERS_TO(dead)));
    amqp_basic_properties_t with = { ._flags = AMQP_BASIC_EXPIRATION_FLAG, .expiration = amqp_cstring_bytes("200") };
    send_to("", made, &with, "late");
    Message message = arrival(connection, dead);
    died_of("expired", message);
    check(!(message.content.properties._flags & AMQP_BASIC_EXPIRATION_FLAG), "it has no expiration property");
}

void queue_ttl(void) {
    Connection connection = dial();
    const char *made = queue(connection, TABLE(NUMBER("x-message-ttl", 200)));
    fill(made, "ab");
    holds(connection, made, 0);
    takes(connection, made, "");
}

void queue_expires(void) {
    Connection connection = dial();
    const char *made = queue(connection, TABLE(NUMBER("x-expires", 300)));
    /* Asked less often than it expires: a passive declare counts as use. */
    sleep(1);
    equal(404, passive(connection, made), "reply code");
}

void dead_letter(void) {
    Connection connection = dial();
    const char *graveyard = exchange(connection, "fanout", NO_TABLE);
    const char *dead = queue(connection, NO_TABLE);
    route(connection, dead, graveyard, "", NO_TABLE);
    const char *made = queue(connection, TABLE(TEXT("x-dead-letter-exchange", graveyard)));
    fill(made, "a");
    Message message;
    check(get(connection, made, false, &message), "it is there");
    amqp_basic_reject(connection, 1, message.tag, 0);
    message = arrival(connection, dead);
    died_of("rejected", message);
    amqp_table_t death = deaths(message).entries[0].value.table;
    equal(1, field(death, "count")->value.i64, "count");
    same(made, field(death, "queue")->value.bytes, "queue");
    same("", field(death, "exchange")->value.bytes, "exchange");
    same(made, field(death, "routing-keys")->value.array.entries[0].value.bytes, "routing key");
}

void retry_loop(void) {
    Connection connection = dial();
    const char *work = name();
    const char *waiting = queue(connection, TABLE(NUMBER("x-message-ttl", 50), DEAD_LETTERS_TO(work)));
    declare(connection, work, TABLE(DEAD_LETTERS_TO(waiting)));
    ok(connection, "queue.declare");
    consume(connection, work, false, NO_TABLE);
    fill(work, "a");
    for (int round = 0; round < 3; round++) amqp_basic_reject(connection, 1, next(connection).tag, 0);
    amqp_array_t both = deaths(next(connection));
    equal(2, both.num_entries, "entries in x-death");
    for (int i = 0; i < 2; i++) equal(3, field(both.entries[i].value.table, "count")->value.i64, "count");
}

void delivery_limit(void) {
    Connection connection = dial();
    const char *dead = queue(connection, NO_TABLE);
    const char *made = queue(connection, TABLE(TEXT("x-queue-type", "quorum"), NUMBER("x-delivery-limit", 2),
                                               DEAD_LETTERS_TO(dead)));
    consume(connection, made, false, NO_TABLE);
    fill(made, "a");
    for (int delivery = 1; delivery <= 3; delivery++) amqp_basic_reject(connection, 1, next(connection).tag, 1);
    died_of("delivery_limit", arrival(connection, dead));
    idle(connection, made);
}
