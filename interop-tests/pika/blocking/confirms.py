"""Publisher confirms as the blocking adapter shows them: publishing returns once the broker has answered."""

import pika
import pytest

import broker


@pytest.fixture
def publisher(channel):
    channel.confirm_delivery()
    return channel


def a_confirmed_message_is_in_its_queue(publisher, queue):
    publisher.basic_publish("", queue, b"message", mandatory=True)
    assert publisher.queue_declare(queue, passive=True).method.message_count == 1


def a_persistent_message_to_a_durable_queue_is_confirmed(publisher, fresh):
    name = fresh("queue")
    publisher.queue_declare(name, durable=True)
    persistent = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
    for n in range(20):
        publisher.basic_publish("", name, str(n), persistent, mandatory=True)
    assert broker.drain(publisher, name) == [str(n).encode() for n in range(20)]


def an_unroutable_message_is_confirmed(publisher):
    publisher.basic_publish("amq.direct", "nobody listens", b"lost")


def a_mandatory_unroutable_message_is_returned_before_its_confirm(publisher):
    properties = pika.BasicProperties(headers={"n": 1}, correlation_id="c")
    # The adapter raises this only if the return is there by the time of the confirm.
    with pytest.raises(pika.exceptions.UnroutableError) as caught:
        publisher.basic_publish("amq.direct", "nobody listens", b"back", properties, mandatory=True)
    (returned,) = caught.value.messages
    assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
    assert (returned.method.exchange, returned.method.routing_key) == ("amq.direct", "nobody listens")
    assert (returned.properties.headers, returned.properties.correlation_id) == ({"n": 1}, "c")
    assert returned.body == b"back"


def a_mandatory_message_without_a_body_is_returned_too(publisher):
    with pytest.raises(pika.exceptions.UnroutableError) as caught:
        publisher.basic_publish("", "no such queue", b"", mandatory=True)
    assert caught.value.messages[0].body == b""


def without_confirms_a_mandatory_unroutable_message_is_still_returned(channel):
    returned = []
    channel.add_on_return_callback(
        lambda _channel, method, _properties, body: returned.append((method, body))
    )
    channel.basic_publish("amq.direct", "nobody listens", b"back", mandatory=True)
    broker.until(channel.connection, lambda: returned, "the return")
    assert (returned[0][0].reply_code, returned[0][1]) == (312, b"back")


def without_mandatory_an_unroutable_message_is_dropped_silently(channel, queue):
    returned = []
    channel.add_on_return_callback(lambda *arguments: returned.append(arguments))
    channel.basic_publish("amq.direct", "nobody listens", b"lost")
    broker.settle(channel, queue)
    assert returned == []


def a_full_queue_that_rejects_publishes_refuses_them(publisher, fresh):
    name = fresh("queue")
    publisher.queue_declare(name, durable=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    for body in (b"1", b"2"):
        publisher.basic_publish("", name, body)
    with pytest.raises(pika.exceptions.NackError):
        publisher.basic_publish("", name, b"3")
    assert broker.drain(publisher, name) == [b"1", b"2"]


def publishing_to_a_missing_exchange_closes_the_channel(publisher, fresh):
    name = fresh("exchange")
    with broker.channel_error(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'"):
        publisher.basic_publish(name, "key", b"message")


def confirms_and_transactions_exclude_each_other(connection):
    first, second = connection.channel(), connection.channel()
    first.confirm_delivery()
    with broker.channel_error(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode"):
        first.tx_select()
    second.tx_select()
    with broker.channel_error(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode"):
        second.confirm_delivery()
