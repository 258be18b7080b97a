/* Deliveries and their settlement, and who gets them. */
#include "matrix.h"
#include "stage.h"

void consume_ack(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    fill(made, "abc");
    consume(connection, made, false, NO_TABLE);
    for (const char *body = "abc"; *body != 0; body++) {
        Message message = next(connection);
        same((char[]){ *body, 0 }, message.content.body, "body");
        amqp_basic_ack(connection, 1, message.tag, 0);
    }
    hang_up(connection);
    equal(0, count(dial(), made), "messages after a reconnect");
}

void consume_auto_ack(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    fill(made, "abc");
    consume(connection, made, true, NO_TABLE);
    receives(connection, "abc");
    hang_up(connection);
    equal(0, count(dial(), made), "messages afterwards");
}

void redelivered(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    fill(made, "ab");
    for (int round = 0; round < 3; round++) {
        consume(connection, made, false, NO_TABLE);
        for (const char *body = "ab"; *body != 0; body++) {
            Message message = next(connection);
            same((char[]){ *body, 0 }, message.content.body, "order");
            equal(round > 0, message.redelivered, "marked as redelivered");
        }
        if (round == 0) {
            amqp_channel_close(connection, 1, AMQP_REPLY_SUCCESS);
            amqp_channel_open(connection, 1);
            ok(connection, "opening the channel again");
        } else {
            hang_up(connection);
            connection = dial();
        }
    }
}

void nack_requeue(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    Message message;
    fill(made, "a");
    check(get(connection, made, false, &message), "it is there");
    amqp_basic_nack(connection, 1, message.tag, 0, 1);
    holds(connection, made, 1);
    check(get(connection, made, false, &message) && message.redelivered, "it is there again, marked as redelivered");
    amqp_basic_reject(connection, 1, message.tag, 0);
    hang_up(connection);
    equal(0, count(dial(), made), "messages after the reject");
}

void multiple_ack(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    fill(made, "abcd");
    consume(connection, made, false, NO_TABLE);
    uint64_t tags[4];
    for (int i = 0; i < 4; i++) tags[i] = next(connection).tag;
    amqp_basic_ack(connection, 1, tags[2], 1);
    hang_up(connection);
    connection = dial();
    holds(connection, made, 1);
    takes(connection, made, "d");
}

void prefetch(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    fill(made, "12345");
    amqp_basic_qos(connection, 1, 0, 3, 0);
    consume(connection, made, false, NO_TABLE);
    uint64_t first = next(connection).tag;
    receives(connection, "23");
    idle(connection, made);
    equal(2, count(connection, made), "messages that wait");
    amqp_basic_ack(connection, 1, first, 0);
    receives(connection, "4");
    idle(connection, made);
    equal(1, count(connection, made), "messages that wait");
}

void consumer_cancel(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    fill(made, "a");
    consume(connection, made, true, NO_TABLE);
    receives(connection, "a");
    amqp_basic_cancel(connection, 1, amqp_cstring_bytes("consumer"));
    fill(made, "b");
    idle(connection, made);
    takes(connection, made, "b");
}

void cancel_notify(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    consume(connection, made, false, NO_TABLE);
    amqp_queue_delete(dial(), 1, amqp_cstring_bytes(made), 0, 0);
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &(struct timeval){ LIMIT_SECONDS, 0 });
    equal(AMQP_STATUS_OK, status, "what happened");
    check(frame.payload.method.id == AMQP_BASIC_CANCEL_METHOD, "it is basic.cancel");
    same("consumer", ((amqp_basic_cancel_t *)frame.payload.method.decoded)->consumer_tag, "cancelled consumer");
}

void single_active(void) {
    Connection first = dial(), second = dial();
    const char *made = queue(first, TABLE(FLAG("x-single-active-consumer")));
    consume(first, made, true, NO_TABLE);
    consume(second, made, true, NO_TABLE);
    fill(made, "abc");
    receives(first, "abc");
    idle(second, made);
    amqp_basic_cancel(first, 1, amqp_cstring_bytes("consumer"));
    fill(made, "d");
    receives(second, "d");
}

void consumer_priority(void) {
    Connection low = dial(), high = dial();
    const char *made = queue(low, NO_TABLE);
    consume(low, made, false, NO_TABLE);
    amqp_basic_qos(high, 1, 0, 2, 0);
    consume(high, made, false, TABLE(NUMBER("x-priority", 10)));
    fill(made, "abc");
    receives(high, "ab");
    receives(low, "c");
    idle(high, made);
    idle(low, made);
}
