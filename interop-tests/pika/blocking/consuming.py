"""Handing out messages: get, consume, prefetch, turns, priorities, cancelling."""

import pytest

import broker


def an_empty_queue_gives_nothing(channel, queue):
    assert channel.basic_get(queue) == (None, None, None)


def a_get_gives_the_oldest_message_and_counts_the_rest(channel, queue):
    broker.publish(channel, queue, b"1", b"2", b"3")
    got, _, body = channel.basic_get(queue)
    assert (body, got.message_count, got.delivery_tag, got.redelivered) == (b"1", 2, 1, False)
    assert (got.exchange, got.routing_key) == ("", queue)


def a_consumer_gets_everything_in_order(channel, queue):
    bodies = [str(n).encode() for n in range(500)]
    broker.publish(channel, queue, *bodies[:250])
    inbox = broker.Inbox(channel, queue, auto_ack=True)
    broker.publish(channel, queue, *bodies[250:])
    assert inbox.wait(500).bodies == bodies
    assert inbox.tags == list(range(1, 501))


def gets_and_deliveries_share_one_sequence_of_tags(channel, queue):
    broker.publish(channel, queue, b"1")
    assert channel.basic_get(queue)[0].delivery_tag == 1
    broker.publish(channel, queue, b"2")
    assert broker.Inbox(channel, queue).wait(1).tags == [2]


def prefetch_bounds_what_is_unacknowledged(channel, queue):
    broker.publish(channel, queue, *[b"message"] * 10)
    channel.basic_qos(prefetch_count=3)
    inbox = broker.Inbox(channel, queue).wait(3).settle()
    assert inbox.tags == [1, 2, 3]
    channel.basic_ack(2)
    assert inbox.wait(4).settle().tags == [1, 2, 3, 4]
    channel.basic_ack(4, multiple=True)
    assert inbox.wait(7).settle().tags == [1, 2, 3, 4, 5, 6, 7]


def prefetch_belongs_to_each_consumer_made_after_it_was_set(channel, fresh):
    first, second = fresh("first"), fresh("second")
    for name in (first, second):
        channel.queue_declare(name, exclusive=True)
        broker.publish(channel, name, *[b"message"] * 5)
    channel.basic_qos(prefetch_count=2)
    two = broker.Inbox(channel, first).wait(2)
    channel.basic_qos(prefetch_count=1)
    one = broker.Inbox(channel, second).wait(1)
    assert (len(two.settle().bodies), len(one.settle().bodies)) == (2, 1)


def prefetch_does_not_bound_automatic_acknowledgement(channel, queue):
    channel.basic_qos(prefetch_count=1)
    broker.publish(channel, queue, *[b"message"] * 5)
    broker.Inbox(channel, queue, auto_ack=True).wait(5)


def prefetch_does_not_bound_get(channel, queue):
    channel.basic_qos(prefetch_count=1)
    broker.publish(channel, queue, b"1", b"2")
    assert [channel.basic_get(queue)[2] for _ in range(2)] == [b"1", b"2"]


def a_global_prefetch_is_accepted(channel, queue):
    # RabbitMQ 3.13 bounds the channel with it, 4.3 each consumer: with one consumer that is the same.
    channel.basic_qos(prefetch_count=2, global_qos=True)
    broker.publish(channel, queue, *[b"message"] * 4)
    assert broker.Inbox(channel, queue).wait(2).settle().tags == [1, 2]


def a_prefetch_in_bytes_is_not_implemented(connection, channel):
    with broker.connection_error(540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)"):
        channel.basic_qos(prefetch_size=1)


def consumers_take_turns(channel, queue):
    inboxes = [broker.Inbox(channel, queue, auto_ack=True) for _ in range(3)]
    broker.publish(channel, queue, *[str(n).encode() for n in range(9)])
    broker.until(
        channel.connection, lambda: sum(len(inbox.bodies) for inbox in inboxes) == 9, "nine messages"
    )
    assert [len(inbox.bodies) for inbox in inboxes] == [3, 3, 3]


def a_busy_consumer_does_not_get_what_an_idle_one_can_take(connect, fresh):
    name = fresh("queue")
    busy, idle = connect().channel(), connect().channel()
    busy.queue_declare(name, durable=True)
    for channel in (busy, idle):
        channel.basic_qos(prefetch_count=1)
    stuck = broker.Inbox(busy, name)
    broker.publish(busy, name, b"slow")
    stuck.wait(1)
    quick = broker.Inbox(idle, name)
    broker.publish(busy, name, b"a", b"b", b"c")
    for count in (1, 2, 3):
        quick.wait(count)
        idle.basic_ack(quick.tags[-1])
    assert (stuck.settle().bodies, quick.bodies) == ([b"slow"], [b"a", b"b", b"c"])


def a_consumer_of_higher_priority_is_served_first(channel, queue):
    channel.basic_qos(prefetch_count=2)
    low = broker.Inbox(channel, queue, arguments={"x-priority": -1})
    high = broker.Inbox(channel, queue, arguments={"x-priority": 10})
    broker.publish(channel, queue, b"1", b"2", b"3")
    broker.until(channel.connection, lambda: len(low.bodies) + len(high.bodies) == 3, "three messages")
    assert (high.bodies, low.bodies) == ([b"1", b"2"], [b"3"])


def a_consumer_priority_that_is_no_number_is_refused(channel, queue):
    text = f"PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{queue}' in vhost '/': "
    with broker.channel_error(406, text + '"expected integer, got longstr"'):
        broker.Inbox(channel, queue, arguments={"x-priority": "high"})


def a_cancelled_consumer_gets_nothing_more(channel, queue):
    inbox = broker.Inbox(channel, queue, auto_ack=True)
    broker.publish(channel, queue, b"before")
    inbox.wait(1)
    channel.basic_cancel(inbox.tag)
    broker.publish(channel, queue, b"after")
    assert inbox.settle().bodies == [b"before"]
    assert broker.drain(channel, queue) == [b"after"]


def what_a_cancelled_consumer_holds_can_still_be_acknowledged(channel, queue):
    broker.publish(channel, queue, b"1", b"2")
    inbox = broker.Inbox(channel, queue).wait(2)
    channel.basic_cancel(inbox.tag)
    channel.basic_ack(1)
    channel.basic_reject(2, requeue=True)
    assert broker.drain(channel, queue) == [b"2"]


def an_exclusive_consumer_keeps_others_away(channel, queue):
    broker.Inbox(channel, queue, exclusive=True)
    other = channel.connection.channel()
    with broker.channel_error(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"):
        broker.Inbox(other, queue)


def a_consumer_cannot_be_exclusive_where_others_are(channel, queue):
    broker.Inbox(channel, queue)
    other = channel.connection.channel()
    with broker.channel_error(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"):
        broker.Inbox(other, queue, exclusive=True)


def the_same_consumer_name_serves_on_two_channels(channel, queue):
    other = channel.connection.channel()
    for each in (channel, other):
        broker.Inbox(each, queue, consumer_tag="the same")
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 2


def the_generator_of_the_blocking_adapter_consumes_and_gives_back(channel, queue):
    broker.publish(channel, queue, b"1", b"2", b"3", b"4")
    for method, _, _ in channel.consume(queue):
        channel.basic_ack(method.delivery_tag)
        if method.delivery_tag == 2:
            break
    channel.cancel()
    broker.settle(channel, queue)
    assert broker.drain(channel, queue) == [b"3", b"4"]


def start_consuming_runs_until_it_is_stopped(channel, queue):
    seen = []

    def take(taker, method, _properties, body):
        seen.append(body)
        taker.basic_ack(method.delivery_tag)
        if len(seen) == 3:
            taker.stop_consuming()

    broker.publish(channel, queue, b"1", b"2", b"3")
    channel.basic_consume(queue, take)
    channel.start_consuming()
    assert seen == [b"1", b"2", b"3"]


def a_consumer_that_does_not_read_holds_up_nobody_and_loses_nothing(connect, channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    slow = connect()
    inbox = broker.Inbox(slow.channel(), name, auto_ack=True)
    bodies = [bytes([n]) * (1 << 20) for n in range(40)]  # more than sockets and buffers take
    broker.publish(channel, name, *bodies)
    other = channel.queue_declare("", exclusive=True).method.queue
    broker.publish(channel, other, b"meanwhile")
    assert broker.drain(channel, other) == [b"meanwhile"]
    assert inbox.wait(len(bodies)).bodies == bodies


@pytest.mark.parametrize("consumers", [1, 50])
def a_thousand_messages_are_shared_without_loss_or_repetition(channel, queue, consumers):
    sent = [str(n).encode() for n in range(1000)]
    inboxes = [broker.Inbox(channel, queue, auto_ack=True) for _ in range(consumers)]
    for body in sent:
        channel.basic_publish("", queue, body)
    broker.until(
        channel.connection, lambda: sum(len(inbox.bodies) for inbox in inboxes) == len(sent), "all messages"
    )
    assert sorted(body for inbox in inboxes for body in inbox.bodies) == sorted(sent)
