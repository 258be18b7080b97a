"""What queue arguments do: time to live, dead letters, limits, priorities, a single active consumer."""

import pytest

import broker


@pytest.fixture
def dead(channel):
    """Where dead letters go."""
    return channel.queue_declare("", exclusive=True).method.queue


def _queue(channel, **arguments):
    dashed = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    return channel.queue_declare("", exclusive=True, arguments=dashed).method.queue


def _dead_lettering(channel, dead, **arguments):
    return _queue(channel, dead_letter_exchange="", dead_letter_routing_key=dead, **arguments)


def _next(channel, queue):
    """Waits for a message by consuming one."""
    inbox = broker.Inbox(channel, queue).wait(1)
    channel.basic_ack(inbox.tags[0])
    channel.basic_cancel(inbox.tag)
    return inbox.methods[0], inbox.properties[0], inbox.bodies[0]


def a_rejected_message_is_dead_lettered_with_its_history(channel, dead):
    source = _dead_lettering(channel, dead)
    broker.publish(channel, source, b"bad", headers={"kept": "yes"}, correlation_id="c")
    channel.basic_reject(channel.basic_get(source)[0].delivery_tag, requeue=False)
    method, properties, body = _next(channel, dead)
    assert (method.exchange, method.routing_key, body) == ("", dead, b"bad")
    assert (properties.correlation_id, properties.headers["kept"]) == ("c", "yes")
    (death,) = properties.headers["x-death"]
    assert set(death) == {"count", "reason", "queue", "time", "exchange", "routing-keys"}
    assert (death["count"], death["reason"], death["queue"]) == (1, "rejected", source)
    assert (death["exchange"], death["routing-keys"]) == ("", [source])
    for when in ("first", "last"):
        history = [properties.headers[f"x-{when}-death-{what}"] for what in ("reason", "queue", "exchange")]
        assert history == ["rejected", source, ""]


def an_expired_message_is_dead_lettered_without_its_expiration(channel, dead):
    source = _dead_lettering(channel, dead)
    broker.publish(channel, source, b"late", expiration="30")
    _, properties, body = _next(channel, dead)
    (death,) = properties.headers["x-death"]
    assert (body, properties.expiration) == (b"late", None)
    assert (death["reason"], death["original-expiration"]) == ("expired", "30")


def a_queue_ttl_applies_to_every_message(channel, dead):
    source = _dead_lettering(channel, dead, message_ttl=30)
    broker.publish(channel, source, b"1", b"2")
    assert broker.Inbox(channel, dead).wait(2).bodies == [b"1", b"2"]
    assert broker.drain(channel, source) == []


def a_message_behind_a_longer_lived_one_is_never_delivered_late(channel, dead):
    # Whether it is counted until then is another question: leveret's go when they are due, RabbitMQ's at the head.
    source = _dead_lettering(channel, dead)
    broker.publish(channel, source, b"long", expiration="60000")
    broker.publish(channel, source, b"short", expiration="1")
    clock = _queue(channel, message_ttl=50)
    broker.publish(channel, clock, b"tick")
    broker.until(channel.connection, lambda: _count(channel, clock) == 0, "50 ms")
    assert broker.drain(channel, source) == [b"long"]
    assert broker.Inbox(channel, dead).wait(1).bodies == [b"short"]


def _count(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def a_message_goes_when_its_time_is_up_without_anybody_looking(channel, queue):
    broker.publish(channel, queue, b"short", expiration="30")
    broker.publish(channel, queue, b"long", expiration="60000")
    broker.until(channel.connection, lambda: _count(channel, queue) == 1, "the message to expire")
    assert broker.drain(channel, queue) == [b"long"]


def the_shorter_of_both_times_to_live_counts(channel):
    queue = _queue(channel, message_ttl=30)
    broker.publish(channel, queue, b"asks for more", expiration="60000")
    other = _queue(channel, message_ttl=60_000)
    broker.publish(channel, other, b"asks for less", expiration="30")
    for each in (queue, other):
        broker.until(channel.connection, lambda: _count(channel, each) == 0, "the message to expire")


def a_message_that_is_handed_out_does_not_expire_but_its_time_goes_on(channel):
    queue, clock = _queue(channel, message_ttl=300), _queue(channel, message_ttl=300)
    broker.publish(channel, queue, b"held")
    got, _, _ = channel.basic_get(queue)
    broker.publish(channel, clock, b"tick")
    broker.until(channel.connection, lambda: _count(channel, clock) == 0, "300 ms")
    channel.basic_nack(got.delivery_tag, requeue=True)
    broker.settle(channel, queue)
    assert broker.drain(channel, queue) == []


def a_ttl_of_zero_delivers_at_once_or_never(channel):
    queue = _queue(channel, message_ttl=0)
    broker.publish(channel, queue, b"nobody waits")
    inbox = broker.Inbox(channel, queue, auto_ack=True)
    broker.publish(channel, queue, b"somebody waits")
    assert inbox.wait(1).settle().bodies == [b"somebody waits"]


def a_retry_through_a_waiting_queue_keeps_counting(channel, fresh):
    work, wait = fresh("work"), fresh("wait")
    for queue, other, more in ((work, wait, {}), (wait, work, {"x-message-ttl": 10})):
        letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other}
        channel.queue_declare(queue, durable=True, arguments=letters | more)
    inbox = broker.Inbox(channel, work)
    broker.publish(channel, work, b"again")
    for attempt in (1, 2, 3):
        inbox.wait(attempt)
        channel.basic_reject(inbox.tags[-1], requeue=False)
    inbox.wait(4)
    deaths = inbox.properties[3].headers["x-death"]
    found = [(death["queue"], death["reason"], death["count"]) for death in deaths]
    assert found == [(wait, "expired", 3), (work, "rejected", 3)]
    channel.basic_ack(inbox.tags[-1])


def messages_that_only_expire_in_a_circle_vanish(channel, fresh):
    one, two = fresh("one"), fresh("two")
    for queue, other in ((one, two), (two, one)):
        letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other, "x-message-ttl": 10}
        channel.queue_declare(queue, durable=True, arguments=letters)
    broker.publish(channel, one, b"round and round")

    def both_are_empty():
        return all(channel.queue_declare(q, passive=True).method.message_count == 0 for q in (one, two))

    broker.until(channel.connection, both_are_empty, "the message to vanish")


def a_full_queue_drops_its_oldest_messages(channel, dead):
    queue = _dead_lettering(channel, dead, max_length=2)
    broker.publish(channel, queue, b"1", b"2", b"3", b"4")
    assert broker.drain(channel, queue) == [b"3", b"4"]
    inbox = broker.Inbox(channel, dead).wait(2)
    assert inbox.bodies == [b"1", b"2"]
    assert inbox.properties[0].headers["x-first-death-reason"] == "maxlen"


def a_limit_in_bytes_counts_bodies(channel):
    queue = _queue(channel, max_length_bytes=10)
    broker.publish(channel, queue, b"12345", b"67890", b"x")
    assert broker.drain(channel, queue) == [b"67890", b"x"]


def higher_priorities_come_first_and_equal_ones_in_order(channel):
    queue = _queue(channel, max_priority=5)
    for body, priority in [(b"a", 1), (b"b", 5), (b"c", None), (b"d", 5), (b"e", 1), (b"f", 200)]:
        broker.publish(channel, queue, body, priority=priority)
    assert broker.drain(channel, queue) == [b"b", b"d", b"f", b"a", b"e", b"c"]


def a_single_active_consumer_is_followed_by_the_next(channel):
    queue = _queue(channel, single_active_consumer=True)
    first, second = (broker.Inbox(channel, queue, auto_ack=True) for _ in range(2))
    broker.publish(channel, queue, b"1", b"2")
    first.wait(2)
    channel.basic_cancel(first.tag)
    broker.publish(channel, queue, b"3")
    second.wait(1)
    assert (first.bodies, second.bodies) == ([b"1", b"2"], [b"3"])


def a_quorum_queue_serves_like_any_other(channel, fresh):
    name = fresh("quorum")
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
    broker.publish(channel, name, b"1", b"2")
    inbox = broker.Inbox(channel, name).wait(2)
    channel.basic_ack(inbox.tags[0])
    channel.basic_nack(inbox.tags[1], requeue=True)
    inbox.wait(3)
    assert (inbox.bodies, inbox.redelivered) == ([b"1", b"2", b"2"], [False, False, True])


def a_quorum_queue_gives_up_on_a_message_that_fails_too_often(channel, dead, fresh):
    name = fresh("quorum")
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 2}
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(name, durable=True, arguments=arguments | letters)
    broker.publish(channel, name, b"poison")
    inbox = broker.Inbox(channel, name)
    for attempt in (1, 2, 3):
        inbox.wait(attempt)
        channel.basic_reject(inbox.tags[-1], requeue=True)
    _, properties, body = _next(channel, dead)
    assert (body, properties.headers["x-first-death-reason"]) == (b"poison", "delivery_limit")
    assert len(inbox.bodies) == 3
