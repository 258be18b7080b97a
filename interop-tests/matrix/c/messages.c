/* What is published comes out unchanged. */
#include <stdlib.h>
#include <string.h>

#include "matrix.h"
#include "stage.h"

static Message round_trip(const amqp_basic_properties_t *with, amqp_bytes_t body) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    check(confirmed("", made, with, body), "the publish is confirmed");
    return arrival(connection, made);
}

void publish_get(void) {
    Connection connection = dial();
    const char *made = queue(connection, NO_TABLE);
    Message message;
    check(!get(connection, made, true, &message), "an empty queue says so");
    send_to("", made, NULL, "hello");
    message = arrival(connection, made);
    same("hello", message.content.body, "body");
    same(made, message.key, "routing key");
    check(!get(connection, made, true, &message), "it is empty again");
}

void properties(void) {
    amqp_field_value_t items[] = { { AMQP_FIELD_KIND_UTF8, { .bytes = amqp_cstring_bytes("a") } },
                                   { AMQP_FIELD_KIND_I32, { .i32 = 1 } } };
    amqp_table_t inner = TABLE(TEXT("deep", "end"));
    amqp_table_t headers = TABLE(
        TEXT("text", "gr\xc3\xbc\xc3\x9f" "e"), NUMBER("int", 42), FLAG("yes"),
        { amqp_cstring_bytes("long"), { AMQP_FIELD_KIND_I64, { .i64 = -(1LL << 40) } } },
        { amqp_cstring_bytes("double"), { AMQP_FIELD_KIND_F64, { .f64 = 0.5 } } },
        { amqp_cstring_bytes("when"), { AMQP_FIELD_KIND_TIMESTAMP, { .u64 = 1700000000 } } },
        { amqp_cstring_bytes("bytes"), { AMQP_FIELD_KIND_BYTES, { .bytes = { 3, "\0\xff\7" } } } },
        { amqp_cstring_bytes("array"), { AMQP_FIELD_KIND_ARRAY, { .array = { 2, items } } } },
        { amqp_cstring_bytes("table"), { AMQP_FIELD_KIND_TABLE, { .table = inner } } });
    amqp_basic_properties_t sent = {
        ._flags = 0xfff8, /* all but the deprecated one */
        .content_type = amqp_cstring_bytes("application/json"), .content_encoding = amqp_cstring_bytes("utf-8"),
        .headers = headers, .delivery_mode = 2, .priority = 3, .correlation_id = amqp_cstring_bytes("c-1"),
        .reply_to = amqp_cstring_bytes("reply"), .expiration = amqp_cstring_bytes("60000"),
        .message_id = amqp_cstring_bytes("m-1"), .timestamp = 1600000000, .type = amqp_cstring_bytes("order"),
        .user_id = amqp_cstring_bytes("guest"), .app_id = amqp_cstring_bytes("app"),
    };
    amqp_basic_properties_t found = round_trip(&sent, amqp_cstring_bytes("x")).content.properties;
    equal(sent._flags, found._flags, "which properties there are");
    same("application/json", found.content_type, "content type");
    same("utf-8", found.content_encoding, "content encoding");
    same("c-1", found.correlation_id, "correlation id");
    same("reply", found.reply_to, "reply to");
    same("60000", found.expiration, "expiration");
    same("m-1", found.message_id, "message id");
    same("order", found.type, "type");
    same("guest", found.user_id, "user id");
    same("app", found.app_id, "app id");
    equal(2, found.delivery_mode, "delivery mode");
    equal(3, found.priority, "priority");
    equal(1600000000, found.timestamp, "timestamp");
    equal(headers.num_entries, found.headers.num_entries, "headers");
    equal(42, field(found.headers, "int")->value.i32, "int");
    equal(1, field(found.headers, "yes")->value.boolean, "yes");
    equal(-(1LL << 40), field(found.headers, "long")->value.i64, "long");
    check(field(found.headers, "double")->value.f64 == 0.5, "double");
    equal(1700000000, field(found.headers, "when")->value.u64, "when");
    same("gr\xc3\xbc\xc3\x9f" "e", field(found.headers, "text")->value.bytes, "text");
    amqp_bytes_t bytes = field(found.headers, "bytes")->value.bytes;
    check(bytes.len == 3 && memcmp(bytes.bytes, "\0\xff\7", 3) == 0, "bytes");
    amqp_array_t array = field(found.headers, "array")->value.array;
    equal(2, array.num_entries, "length of the array");
    same("a", array.entries[0].value.bytes, "first of the array");
    equal(1, array.entries[1].value.i32, "second of the array");
    same("end", field(field(found.headers, "table")->value.table, "deep")->value.bytes, "table");
}

void empty_body(void) { equal(0, round_trip(NULL, amqp_empty_bytes).content.body.len, "length"); }

void large_message(void) {
    amqp_bytes_t body = amqp_bytes_malloc(8 << 20);
    for (size_t i = 0; i < body.len; i++) ((char *)body.bytes)[i] = (char)(random() >> 8);
    amqp_bytes_t found = round_trip(NULL, body).content.body;
    check(found.len == body.len && memcmp(found.bytes, body.bytes, body.len) == 0, "8 MiB are the same");
}

void binary_body(void) {
    unsigned char all[256];
    for (int i = 0; i < 256; i++) all[i] = (unsigned char)i;
    amqp_bytes_t found = round_trip(NULL, (amqp_bytes_t){ sizeof all, all }).content.body;
    check(found.len == sizeof all && memcmp(found.bytes, all, sizeof all) == 0, "all byte values are the same");
}
