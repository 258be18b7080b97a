"""A refusal closes one channel, in RabbitMQ's words; the connection and its other channels go on."""

import pika
import pytest

import broker

NOWHERE = "interop.nowhere"
NO_QUEUE = f"NOT_FOUND - no queue '{NOWHERE}' in vhost '/'"
NO_EXCHANGE = f"NOT_FOUND - no exchange '{NOWHERE}' in vhost '/'"


@pytest.mark.parametrize(
    "attempt, text",
    [
        (lambda c: c.queue_declare(NOWHERE, passive=True), NO_QUEUE),
        (lambda c: c.basic_get(NOWHERE), NO_QUEUE),
        (lambda c: c.basic_consume(NOWHERE, print), NO_QUEUE),
        (lambda c: c.queue_purge(NOWHERE), NO_QUEUE),
        (lambda c: c.queue_bind(NOWHERE, "amq.direct", "key"), NO_QUEUE),
        (lambda c: c.exchange_declare(NOWHERE, passive=True), NO_EXCHANGE),
        (lambda c: c.exchange_bind("amq.direct", NOWHERE), NO_EXCHANGE),
        (lambda c: c.exchange_bind(NOWHERE, "amq.direct"), NO_EXCHANGE),
        (
            lambda c: c.queue_bind(c.queue_declare("", exclusive=True).method.queue, NOWHERE, "key"),
            NO_EXCHANGE,
        ),
    ],
    ids=[
        "passive declare",
        "get",
        "consume",
        "purge",
        "bind a queue",
        "passive declare of an exchange",
        "bind from an exchange",
        "bind to an exchange",
        "bind a queue to an exchange",
    ],
)
def what_is_not_there_is_not_found(connection, channel, attempt, text):
    other = connection.channel()
    with broker.channel_error(404, text):
        attempt(channel)
    assert channel.is_closed and other.is_open and connection.is_open
    other.queue_declare("", exclusive=True)


def no_queue_declared_yet_is_not_found(channel):
    with broker.channel_error(404, "NOT_FOUND - no previously declared queue"):
        channel.basic_get("")


def _pipeline(channel, *addresses):
    """Publishes without looking whether the broker has something to say in between."""
    for n, (exchange, key) in enumerate(addresses):
        channel._impl.basic_publish(exchange, key, str(n).encode())


def publishing_to_a_missing_exchange_is_refused_later_and_only_once(connection, channel):
    other = connection.channel()
    queue = other.queue_declare("", exclusive=True).method.queue
    _pipeline(channel, *[(NOWHERE, "key")] * 100)
    with broker.channel_error(404, NO_EXCHANGE):
        channel.queue_declare(queue, passive=True)
    broker.publish(other, queue, b"not lost")
    assert broker.drain(other, queue) == [b"not lost"]


def what_was_published_after_the_refusal_on_that_channel_is_discarded(connection, channel):
    other = connection.channel()
    queue = other.queue_declare("", exclusive=True).method.queue
    _pipeline(channel, ("", queue), (NOWHERE, "key"), ("", queue))
    with broker.channel_error(404, NO_EXCHANGE):
        channel.queue_declare(queue, passive=True)
    broker.settle(other, queue)
    assert broker.drain(other, queue) == [b"0"]


def a_refused_channel_number_starts_anew(connection):
    for _ in range(3):
        channel = connection.channel(5)
        with broker.channel_error(404, NO_QUEUE):
            channel.queue_declare(NOWHERE, passive=True)
    channel = connection.channel(5)
    queue = channel.queue_declare("", exclusive=True).method.queue
    broker.publish(channel, queue, b"message")
    assert channel.basic_get(queue)[0].delivery_tag == 1


def a_refusal_gives_back_what_the_channel_held(connection, channel):
    other = connection.channel()
    queue = other.queue_declare("", exclusive=True).method.queue
    broker.publish(other, queue, b"held")
    channel.basic_get(queue)
    with broker.channel_error(404, NO_QUEUE):
        channel.queue_declare(NOWHERE, passive=True)
    broker.settle(other, queue)
    got, _, body = other.basic_get(queue, auto_ack=True)
    assert (body, got.redelivered) == (b"held", True)


def every_soft_refusal_leaves_the_connection_alive(connect, connection, fresh):
    locked = fresh("locked")
    connect_owner = connect().channel()
    connect_owner.queue_declare(locked, exclusive=True)
    refused = []
    for attempt in (
        lambda c: c.queue_declare("amq.reserved"),
        lambda c: c.queue_declare(NOWHERE, passive=True),
        lambda c: c.queue_declare(locked, exclusive=True),
        lambda c: c.queue_declare(fresh("queue"), durable=True, arguments={"x-message-ttl": "soon"}),
    ):
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
            attempt(connection.channel())
        refused.append((caught.value.reply_code, caught.value.reply_text.split(" - ")[0]))
    assert refused == [
        (403, "ACCESS_REFUSED"),
        (404, "NOT_FOUND"),
        (405, "RESOURCE_LOCKED"),
        (406, "PRECONDITION_FAILED"),
    ]
    assert connection.channel().is_open
