"""What a publisher is told."""

from amqp.exceptions import MessageNacked
from broker import RAW, channel, drain, publish, queue
from kombu import Producer
from matrix import behaviour


@behaviour("confirms")
def _(case):
    here = channel(case)
    name = queue(case, here)
    bodies = [b"%d" % number for number in range(1000)]
    publish(here, name.name, *bodies)  # each returns when it is confirmed
    assert drain(name) == bodies


@behaviour("mandatory")
def _(case):
    returned = []
    producer = Producer(channel(case), on_return=lambda *told: returned.append(told))
    producer.publish(b"lost", routing_key=case.name("nowhere"), mandatory=True, type="t", **RAW)
    # Publishing returns with the confirm, and the message was back before.
    ((error, _, key, message),) = returned
    assert (error.reply_code, message.body, message.properties["type"]) == (312, b"lost", "t"), returned
    assert key


@behaviour("reject-publish")
def _(case):
    here = channel(case)
    name = queue(case, here, max_length=2, overflow="reject-publish")
    publish(here, name.name, b"1", b"2")
    try:
        publish(here, name.name, b"3")
    except MessageNacked:
        assert drain(name) == [b"1", b"2"]
        return
    raise AssertionError("confirmed by a full queue")
