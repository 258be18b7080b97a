"""Declaring, binding, deleting and purging: what is answered, and what is refused in which words."""

import pika
import pytest

import broker


def a_new_queue_has_no_messages_and_no_consumers(channel, fresh):
    name = fresh("queue")
    declared = channel.queue_declare(name, durable=True).method
    assert (declared.queue, declared.message_count, declared.consumer_count) == (name, 0, 0)


def a_declare_counts_ready_messages_and_consumers_but_not_unacknowledged_ones(channel, queue):
    broker.publish(channel, queue, b"1", b"2", b"3")
    channel.basic_get(queue)
    declared = channel.queue_declare(queue, passive=True).method
    assert (declared.message_count, declared.consumer_count) == (2, 0)
    broker.Inbox(channel, queue).wait(2)
    declared = channel.queue_declare(queue, passive=True).method
    assert (declared.message_count, declared.consumer_count) == (0, 1)


def declaring_a_queue_again_in_the_same_way_keeps_its_messages(channel, fresh):
    name = fresh("queue")
    arguments = {"x-message-ttl": 60_000}
    channel.queue_declare(name, durable=True, arguments=arguments)
    broker.publish(channel, name, b"kept")
    assert channel.queue_declare(name, durable=True, arguments=arguments).method.message_count == 1


def a_passive_declare_finds_a_queue_whatever_its_flags_are(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True, arguments={"x-message-ttl": 60_000})
    assert channel.queue_declare(name, passive=True).method.queue == name


def a_passive_declare_finds_an_exchange_whatever_its_type_is(channel, fresh):
    name = fresh("exchange")
    channel.exchange_declare(name, "topic", durable=True)
    channel.exchange_declare(name, "direct", passive=True)


def an_unknown_argument_is_kept_but_not_compared(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True, arguments={"x-of-some-plugin": "once"})
    channel.queue_declare(name, durable=True, arguments={"x-of-some-plugin": "twice"})


def an_integer_argument_is_compared_by_value_whatever_its_width(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True, arguments={"x-message-ttl": 60_000})
    channel.queue_declare(name, durable=True, arguments={"x-message-ttl": pika.compat.long(60_000)})


@pytest.mark.parametrize(
    "changed, complaint",
    [
        (
            {"durable": False},
            "inequivalent arg 'durable' for queue '{}' in vhost '/': received 'false' but current is 'true'",
        ),
        (
            {"auto_delete": True},
            "inequivalent arg 'auto_delete' for queue '{}' in vhost '/': "
            "received 'true' but current is 'false'",
        ),
        (
            {"arguments": {"x-message-ttl": 2000}},
            "inequivalent arg 'x-message-ttl' for queue '{}' in vhost '/': "
            "received '2000' but current is '1000'",
        ),
        (
            {"arguments": {}},
            "inequivalent arg 'x-message-ttl' for queue '{}' in vhost '/': "
            "received none but current is the value '1000' of type 'signedint'",
        ),
        (
            {"arguments": {"x-message-ttl": 1000, "x-max-length": 5}},
            "inequivalent arg 'x-max-length' for queue '{}' in vhost '/': "
            "received the value '5' of type 'signedint' but current is none",
        ),
    ],
    ids=["durable", "auto delete", "another value", "argument missing", "argument added"],
)
def a_queue_declared_otherwise_is_refused_with_what_differs(channel, fresh, changed, complaint):
    name = fresh("queue")
    first = {"durable": True, "arguments": {"x-message-ttl": 1000}}
    channel.queue_declare(name, **first)
    with broker.channel_error(406, "PRECONDITION_FAILED - " + complaint.format(name)):
        channel.queue_declare(name, **(first | changed))


@pytest.mark.parametrize(
    "changed, complaint",
    [
        (
            {"exchange_type": "fanout"},
            "'type' for exchange '{}' in vhost '/': received 'fanout' but current is 'direct'",
        ),
        (
            {"durable": False},
            "'durable' for exchange '{}' in vhost '/': received 'false' but current is 'true'",
        ),
        (
            {"auto_delete": True},
            "'auto_delete' for exchange '{}' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            {"internal": True},
            "'internal' for exchange '{}' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            {"arguments": {"alternate-exchange": "other"}},
            "'alternate-exchange' for exchange '{}' in vhost '/': "
            "received the value 'other' of type 'longstr' but current is none",
        ),
    ],
    ids=["type", "durable", "auto delete", "internal", "alternate exchange"],
)
def an_exchange_declared_otherwise_is_refused_with_what_differs(channel, fresh, changed, complaint):
    name = fresh("exchange")
    first = {"exchange_type": "direct", "durable": True}
    channel.exchange_declare(name, **first)
    with broker.channel_error(406, "PRECONDITION_FAILED - inequivalent arg " + complaint.format(name)):
        channel.exchange_declare(name, **(first | changed))


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"x-message-ttl": -1}, "'x-message-ttl' for queue '{}' in vhost '/': {{value_negative,-1}}"),
        (
            {"x-message-ttl": "1000"},
            "'x-message-ttl' for queue '{}' in vhost '/': \"expected integer, got longstr\"",
        ),
        ({"x-expires": 0}, "'x-expires' for queue '{}' in vhost '/': {{value_zero,0}}"),
        ({"x-max-priority": 256}, "'x-max-priority' for queue '{}' in vhost '/': {{max_value_exceeded,256}}"),
        ({"x-overflow": "explode"}, "'x-overflow' for queue '{}' in vhost '/': invalid_overflow"),
        (
            {"x-queue-type": "foo"},
            "'x-queue-type' for queue '{}' in vhost '/': \"unsupported queue type 'foo'\"",
        ),
        (
            {"x-dead-letter-routing-key": "k"},
            "'x-dead-letter-routing-key' for queue '{}' in vhost '/': routing_key_but_no_dlx_defined",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def an_argument_that_makes_no_sense_is_refused(channel, fresh, arguments, complaint):
    name = fresh("queue")
    with broker.channel_error(406, "PRECONDITION_FAILED - invalid arg " + complaint.format(name)):
        channel.queue_declare(name, durable=True, arguments=arguments)


def an_unknown_exchange_type_closes_only_the_channel(connection, channel, fresh):
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        channel.exchange_declare(fresh("exchange"), "x-nobody-has-this")
    assert caught.value.reply_code == 406
    assert "exchange type 'x-nobody-has-this'" in caught.value.reply_text
    assert connection.channel().is_open


@pytest.mark.parametrize(
    "forbidden, complaint",
    [
        (lambda c: c.queue_declare("amq.mine"), "queue name 'amq.mine' contains reserved prefix 'amq.*'"),
        (
            lambda c: c.exchange_declare("amq.mine"),
            "exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            lambda c: c.exchange_delete("amq.direct"),
            "deletion of system exchange 'amq.direct' in vhost '/' not allowed",
        ),
        (lambda c: c.exchange_bind("amq.fanout", ""), "operation not permitted on the default exchange"),
    ],
    ids=["queue name", "exchange name", "deleting amq.direct", "binding the default exchange"],
)
def what_belongs_to_the_broker_cannot_be_changed(channel, forbidden, complaint):
    with broker.channel_error(403, "ACCESS_REFUSED - " + complaint):
        forbidden(channel)


def the_default_exchange_takes_no_bindings_of_queues(channel, queue):
    with broker.channel_error(403, "ACCESS_REFUSED - operation not permitted on the default exchange"):
        channel.queue_bind(queue, "", "key")


def the_exchanges_that_are_always_there_may_be_declared_as_they_are(channel):
    for name, kind in [
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ]:
        channel.exchange_declare(name, kind, durable=True)


def an_empty_queue_name_means_the_queue_declared_last(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, exclusive=True)
    channel.queue_bind("", "amq.direct", name)
    channel.basic_publish("amq.direct", name, b"found")
    assert channel.basic_get("", auto_ack=True)[2] == b"found"


def an_unbound_queue_gets_nothing_more(channel, queue):
    channel.queue_bind(queue, "amq.direct", queue)
    channel.basic_publish("amq.direct", queue, b"bound")
    channel.queue_unbind(queue, "amq.direct", queue)
    channel.basic_publish("amq.direct", queue, b"unbound")
    assert broker.drain(channel, queue) == [b"bound"]


def unbinding_what_is_not_bound_is_no_error(channel, queue):
    channel.queue_unbind(queue, "amq.direct", "never bound")


def binding_twice_routes_once(channel, queue):
    for _ in range(2):
        channel.queue_bind(queue, "amq.direct", queue)
    channel.basic_publish("amq.direct", queue, b"one")
    assert broker.drain(channel, queue) == [b"one"]


def a_purge_counts_and_removes_ready_messages_only(channel, queue):
    broker.publish(channel, queue, b"1", b"2", b"3")
    taken, _, _ = channel.basic_get(queue)
    assert channel.queue_purge(queue).method.message_count == 2
    channel.basic_reject(taken.delivery_tag, requeue=True)
    assert broker.drain(channel, queue) == [b"1"]


def a_delete_counts_ready_messages(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    broker.publish(channel, name, b"1", b"2")
    assert channel.queue_delete(name).method.message_count == 2


def deleting_what_is_not_there_succeeds(channel, fresh):
    assert channel.queue_delete(fresh("queue")).method.message_count == 0
    channel.exchange_delete(fresh("exchange"))


def a_queue_with_a_consumer_is_not_deleted_if_unused_is_asked(channel, queue):
    broker.Inbox(channel, queue)
    other = channel.connection.channel()
    with broker.channel_error(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' in use"):
        other.queue_delete(queue, if_unused=True)


def a_queue_with_a_message_is_not_deleted_if_empty_is_asked(channel, queue):
    broker.publish(channel, queue, b"still here")
    with broker.channel_error(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty"):
        channel.queue_delete(queue, if_empty=True)


def an_unused_empty_queue_is_deleted_when_that_is_asked(channel, queue):
    channel.queue_delete(queue, if_unused=True, if_empty=True)
    with broker.channel_error(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'"):
        channel.queue_declare(queue, passive=True)


def an_exchange_with_a_binding_is_not_deleted_if_unused_is_asked(channel, queue, fresh):
    name = fresh("exchange")
    channel.exchange_declare(name, "fanout")
    channel.queue_bind(queue, name)
    with broker.channel_error(406, f"PRECONDITION_FAILED - exchange '{name}' in vhost '/' in use"):
        channel.exchange_delete(name, if_unused=True)
