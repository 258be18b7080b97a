/* Between the parent, which keeps the table, and the process of a behaviour. */
#ifndef MATRIX_H
#define MATRIX_H

#define REASON_FD 3
#define NAMES 8
enum { PASSED = 0, FAILED = 10, NOT_OFFERED = 11 };

/* Of all names of the behaviour. */
extern char prefix[];

#define BEHAVIOURS(row) \
    row("connect", connects) row("bad-password", bad_password) row("heartbeats", heartbeats) \
    row("publish-get", publish_get) row("properties", properties) row("empty-body", empty_body) \
    row("large-message", large_message) row("binary-body", binary_body) \
    row("consume-ack", consume_ack) row("consume-auto-ack", consume_auto_ack) row("redelivered", redelivered) \
    row("nack-requeue", nack_requeue) row("multiple-ack", multiple_ack) row("prefetch", prefetch) \
    row("consumer-cancel", consumer_cancel) row("cancel-notify", cancel_notify) \
    row("exclusive", exclusive) row("passive-missing", passive_missing) row("inequivalent", inequivalent) \
    row("confirms", confirms) row("mandatory", mandatory) row("reject-publish", reject_publish) \
    row("max-length", max_length) row("message-ttl", message_ttl) row("queue-ttl", queue_ttl) \
    row("queue-expires", queue_expires) row("dead-letter", dead_letter) row("retry-loop", retry_loop) \
    row("priority", priority) row("single-active", single_active) row("consumer-priority", consumer_priority) \
    row("topic", topic) row("headers-exchange", headers) row("e2e-binding", exchange_to_exchange) \
    row("alternate", alternate) row("consistent-hash", consistent_hash) row("delayed", delayed) \
    row("delivery-limit", delivery_limit) row("transactions", transactions) row("direct-reply", direct_reply) \
    row("many-channels", many_channels) row("blocked", blocked) row("tls", tls) row("tls-external", tls_external) \
    row("reconnect", reconnect) row("topology", topology)

#define DECLARE(id, function) void function(void);
BEHAVIOURS(DECLARE)
#undef DECLARE

#endif
