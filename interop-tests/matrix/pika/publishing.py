"""What a publisher is told."""

import pika
from broker import channel, drain, publish, queue
from matrix import behaviour
from pika.exceptions import NackError, UnroutableError


@behaviour("confirms")
def _(case):
    here = channel(case)
    name = queue(case, here)
    here.confirm_delivery()
    for number in range(1000):
        here.basic_publish("", name, b"%d" % number)  # returns when it is confirmed
    assert drain(here, name) == [b"%d" % number for number in range(1000)]


@behaviour("mandatory")
def _(case):
    here = channel(case)
    here.confirm_delivery()
    try:
        here.basic_publish("", case.name("nowhere"), b"lost", pika.BasicProperties(type="t"), mandatory=True)
    except UnroutableError as error:
        (returned,) = error.messages
        assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
        assert (returned.body, returned.properties.type) == (b"lost", "t")
        return
    raise AssertionError("confirmed without having been returned")


@behaviour("reject-publish")
def _(case):
    here = channel(case)
    name = queue(case, here, max_length=2, overflow="reject-publish")
    publish(here, name, b"1", b"2")
    here.confirm_delivery()
    try:
        here.basic_publish("", name, b"3")
    except NackError:
        assert drain(here, name) == [b"1", b"2"]
        return
    raise AssertionError("confirmed by a full queue")
