"""What becomes of a message once it is handed out."""

import pytest

import broker


def _take(channel, queue, *bodies):
    """Publishes and gets them; their delivery tags."""
    broker.publish(channel, queue, *bodies)
    return [channel.basic_get(queue)[0].delivery_tag for _ in bodies]


def _contents(channel, queue):
    """What a new channel finds: bodies, and whether they were handed out before."""
    reader = channel.connection.channel()
    found = []
    while True:
        got, _, body = reader.basic_get(queue, auto_ack=True)
        if got is None:
            reader.close()
            return found
        found.append((body, got.redelivered))


def an_acknowledged_message_is_gone(channel, queue):
    (tag,) = _take(channel, queue, b"done")
    channel.basic_ack(tag)
    channel.close()
    assert _contents(channel, queue) == []


def closing_the_channel_gives_unacknowledged_messages_back_in_order(channel, queue):
    _take(channel, queue, b"1", b"2", b"3")
    channel.close()
    other = channel.connection.channel()
    broker.settle(other, queue)
    assert _contents(other, queue) == [(b"1", True), (b"2", True), (b"3", True)]


def losing_the_connection_gives_unacknowledged_messages_back(connect, channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    broker.publish(channel, name, b"1", b"2")
    other = connect()
    assert broker.Inbox(other.channel(), name).wait(2).redelivered == [False, False]
    broker.cut(other)
    back = broker.Inbox(channel, name).wait(2)
    assert (back.bodies, back.redelivered) == ([b"1", b"2"], [True, True])


def acknowledging_several_settles_everything_up_to_the_tag(channel, queue):
    tags = _take(channel, queue, b"1", b"2", b"3", b"4")
    channel.basic_ack(tags[2], multiple=True)
    channel.basic_reject(tags[3], requeue=True)
    broker.settle(channel, queue)
    assert _contents(channel, queue) == [(b"4", True)]


def acknowledging_several_with_tag_zero_settles_everything(channel, queue):
    _take(channel, queue, b"1", b"2", b"3")
    channel.basic_ack(0, multiple=True)
    channel.basic_ack(0, multiple=True)  # also when there is nothing
    channel.close()
    assert _contents(channel, queue) == []


def a_requeued_message_returns_to_its_old_place(channel, queue):
    tags = _take(channel, queue, b"1", b"2", b"3")
    broker.publish(channel, queue, b"4")
    for tag in (tags[2], tags[0], tags[1]):
        channel.basic_reject(tag, requeue=True)
    broker.settle(channel, queue)
    assert _contents(channel, queue) == [(b"1", True), (b"2", True), (b"3", True), (b"4", False)]


def a_nack_gives_several_back_at_once(channel, queue):
    tags = _take(channel, queue, b"1", b"2", b"3")
    channel.basic_nack(tags[1], multiple=True, requeue=True)
    broker.settle(channel, queue)
    assert _contents(channel, queue) == [(b"1", True), (b"2", True)]


def a_nack_of_everything_gives_everything_back(channel, queue):
    _take(channel, queue, b"1", b"2", b"3")
    channel.basic_nack(0, multiple=True, requeue=True)
    broker.settle(channel, queue)
    assert _contents(channel, queue) == [(b"1", True), (b"2", True), (b"3", True)]


@pytest.mark.parametrize("refuse", ["basic_nack", "basic_reject"])
def a_message_refused_without_requeue_is_dropped(channel, queue, refuse):
    one, two = _take(channel, queue, b"1", b"2")
    getattr(channel, refuse)(one, requeue=False)
    getattr(channel, refuse)(two, requeue=True)
    broker.settle(channel, queue)
    assert _contents(channel, queue) == [(b"2", True)]


def a_message_requeued_by_its_only_consumer_comes_right_back(channel, queue):
    channel.basic_qos(prefetch_count=1)
    inbox = broker.Inbox(channel, queue)
    broker.publish(channel, queue, b"hot")
    for count in range(1, 6):
        inbox.wait(count)
        channel.basic_nack(inbox.tags[-1], requeue=True)
    assert inbox.wait(6).redelivered == [False, True, True, True, True, True]
    assert inbox.tags == [1, 2, 3, 4, 5, 6]


def recover_gives_everything_unacknowledged_back_with_new_tags(channel, queue):
    broker.publish(channel, queue, b"1", b"2")
    inbox = broker.Inbox(channel, queue).wait(2)
    channel.basic_recover(requeue=True)
    inbox.wait(4)
    assert inbox.bodies == [b"1", b"2", b"1", b"2"]
    assert (inbox.tags, inbox.redelivered) == ([1, 2, 3, 4], [False, False, True, True])


def recover_without_requeue_is_not_implemented(channel):
    with broker.connection_error(540, "NOT_IMPLEMENTED - requeue=false"):
        channel.basic_recover(requeue=False)


def _settle_by(method, **options):
    def settle(channel, tag):
        getattr(channel, method)(tag, **options)

    return settle


@pytest.mark.parametrize(
    "settle",
    [
        _settle_by("basic_ack"),
        _settle_by("basic_ack", multiple=True),
        _settle_by("basic_nack"),
        _settle_by("basic_reject"),
    ],
    ids=["ack", "ack multiple", "nack", "reject"],
)
def a_tag_that_is_not_outstanding_closes_the_channel(channel, queue, settle):
    with broker.channel_error(406, "PRECONDITION_FAILED - unknown delivery tag 5"):
        settle(channel, 5)
        channel.queue_declare(queue, passive=True)


def acknowledging_twice_closes_the_channel(channel, queue):
    (tag,) = _take(channel, queue, b"message")
    channel.basic_ack(tag)
    with broker.channel_error(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}"):
        channel.basic_ack(tag)
        channel.queue_declare(queue, passive=True)


def acknowledging_what_was_acknowledged_automatically_closes_the_channel(channel, queue):
    broker.publish(channel, queue, b"message")
    channel.basic_get(queue, auto_ack=True)
    with broker.channel_error(406, "PRECONDITION_FAILED - unknown delivery tag 1"):
        channel.basic_ack(1)
        channel.queue_declare(queue, passive=True)


def a_tag_of_another_channel_is_unknown(channel, queue):
    (tag,) = _take(channel, queue, b"message")
    other = channel.connection.channel()
    with broker.channel_error(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}"):
        other.basic_ack(tag)
        other.queue_declare(queue, passive=True)


def a_message_whose_queue_was_deleted_may_still_be_acknowledged(channel, fresh):
    name = fresh("queue")
    channel.queue_declare(name, durable=True)
    (tag,) = _take(channel, name, b"message")
    channel.queue_delete(name)
    channel.basic_ack(tag)
    channel.queue_declare(name, durable=True)
