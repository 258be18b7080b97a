"""Queues that come and go: server-named, exclusive, auto-delete; and who is told when one goes."""

import re

import pytest

import broker


def a_queue_without_a_name_gets_a_new_one_each_time(channel):
    names = [channel.queue_declare("", exclusive=True).method.queue for _ in range(2)]
    assert names[0] != names[1]
    assert all(re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", name) for name in names)


@pytest.mark.parametrize(
    "use",
    [
        lambda c, q: c.queue_declare(q, exclusive=True),
        lambda c, q: c.queue_declare(q, passive=True),
        lambda c, q: c.basic_get(q),
        lambda c, q: c.basic_consume(q, print),
        lambda c, q: c.queue_purge(q),
        lambda c, q: c.queue_delete(q),
        lambda c, q: c.queue_bind(q, "amq.direct", "key"),
    ],
    ids=["declare", "passive declare", "get", "consume", "purge", "delete", "bind"],
)
def an_exclusive_queue_is_locked_for_other_connections(connect, channel, fresh, use):
    name = fresh("exclusive")
    channel.queue_declare(name, exclusive=True)
    with broker.channel_error(405, broker.locked(name)):
        use(connect().channel(), name)


def an_exclusive_queue_serves_all_channels_of_its_connection(connection, channel, fresh):
    name = fresh("exclusive")
    channel.queue_declare(name, exclusive=True)
    channel.close()
    other = connection.channel()
    broker.publish(other, name, b"message")
    assert broker.drain(other, name) == [b"message"]


def anyone_may_publish_to_an_exclusive_queue(connect, channel, queue):
    broker.publish(connect().channel(), queue, b"from outside")
    assert broker.drain(channel, queue) == [b"from outside"]


def an_exclusive_queue_declared_without_that_flag_is_locked_even_for_its_owner(channel, fresh):
    name = fresh("exclusive")
    channel.queue_declare(name, exclusive=True)
    with broker.channel_error(405, broker.locked(name)):
        channel.queue_declare(name)


@pytest.mark.parametrize("end", [lambda connection: connection.close(), broker.cut], ids=["closed", "cut"])
def an_exclusive_queue_goes_with_its_connection(connect, connection, fresh, end):
    name = fresh("exclusive")
    owner = connect()
    owner.channel().queue_declare(name, exclusive=True)
    end(owner)

    def is_gone():
        try:
            connection.channel().queue_declare(name, passive=True)
        except broker.ChannelClosedByBroker as closed:
            # RabbitMQ may still be at it for some milliseconds: until then it is locked.
            return closed.reply_code == 404
        return False

    broker.until(connection, is_gone, "the queue to go")


def an_auto_delete_queue_goes_with_its_last_consumer(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, auto_delete=True, durable=True)
    inboxes = [broker.Inbox(channel, name) for _ in range(2)]
    channel.basic_cancel(inboxes[0].tag)
    channel.queue_declare(name, passive=True)
    channel.basic_cancel(inboxes[1].tag)
    with broker.channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost '/'"):
        channel.queue_declare(name, passive=True)


def an_auto_delete_queue_goes_with_the_channel_of_its_last_consumer(connection, channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, auto_delete=True, durable=True)
    broker.Inbox(channel, name)
    channel.close()
    with broker.channel_error(404, f"NOT_FOUND - no queue '{name}' in vhost '/'"):
        connection.channel().queue_declare(name, passive=True)


def an_auto_delete_queue_that_was_never_consumed_stays(connection, channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, auto_delete=True, durable=True)
    broker.publish(channel, name, b"message")
    channel.basic_get(name, auto_ack=True)
    channel.close()
    connection.channel().queue_declare(name, passive=True)


def a_consumer_is_told_when_its_queue_is_deleted(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame.method.consumer_tag))
    inbox = broker.Inbox(channel, name)
    channel.connection.channel().queue_delete(name)
    broker.until(channel.connection, lambda: told, "the cancellation")
    assert told == [inbox.tag]
    assert channel.is_open and channel.consumer_tags == []


def the_consuming_loop_ends_when_the_queue_is_deleted(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    broker.Inbox(channel, name)
    channel.connection.channel().queue_delete(name)
    channel.start_consuming()


def a_durable_queue_outlives_its_connection(connect, channel, fresh):
    name = fresh("queue")
    owner = connect()
    owner.channel().queue_declare(name, durable=True)
    owner.close()
    assert channel.queue_declare(name, passive=True).method.queue == name


def a_queue_without_any_flags_outlives_its_connection_too(connect, channel, fresh):
    name = fresh("queue")
    owner = connect()
    owner.channel().queue_declare(name)
    owner.close()
    assert channel.queue_declare(name, passive=True).method.queue == name


def a_queue_that_expires_goes_when_nobody_uses_it(connection, channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True, arguments={"x-expires": 200})
    destination = fresh("exchange")
    # A passive declare would renew the lease; an exchange that goes with its only binding does not ask.
    channel.exchange_declare(destination, "fanout", auto_delete=True)
    channel.queue_bind(name, destination)

    def is_gone():
        try:
            connection.channel().exchange_declare(destination, passive=True)
        except broker.ChannelClosedByBroker:
            return True
        return False

    broker.until(connection, is_gone, "the queue to expire")


def a_queue_with_a_consumer_does_not_expire(connection, channel, fresh):
    name, other = fresh("queue"), fresh("other")
    for queue in (other, name):
        channel.queue_declare(queue, durable=True, arguments={"x-expires": 200})
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame))
    broker.Inbox(channel, name)
    bound = fresh("exchange")
    channel.exchange_declare(bound, "fanout", auto_delete=True)
    channel.queue_bind(other, bound)

    def other_is_gone():
        try:
            connection.channel().exchange_declare(bound, passive=True)
        except broker.ChannelClosedByBroker:
            return True
        return False

    broker.until(connection, other_is_gone, "the other queue to expire")
    assert told == []
    assert channel.queue_declare(name, passive=True).method.consumer_count == 1
