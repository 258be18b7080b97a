"""Consumers and their acknowledgements."""

from broker import Inbox, channel, connect, count, drain, publish, queue, refused, settle, until
from matrix import behaviour


@behaviour("consume-ack")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, b"1", b"2", b"3")
    inbox = Inbox(here, name).wait(3)
    assert inbox.bodies == [b"1", b"2", b"3"] and inbox.redelivered == [False] * 3
    for tag in inbox.tags:
        here.basic_ack(tag)
    here.connection.close()
    assert count(channel(case), name) == 0


@behaviour("consume-auto-ack")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, *[b"%d" % number for number in range(100)])
    inbox = Inbox(here, name, auto_ack=True).wait(100)
    assert inbox.bodies == [b"%d" % number for number in range(100)]
    here.connection.close()
    assert count(channel(case), name) == 0


@behaviour("redelivered")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here)
    publish(here, name, b"1", b"2", b"3")
    assert Inbox(here, name).wait(3).redelivered == [False] * 3
    here.close()
    again = Inbox(connection.channel(), name).wait(3)
    assert (again.bodies, again.redelivered) == ([b"1", b"2", b"3"], [True] * 3)
    connection.close()
    last = Inbox(channel(case), name).wait(3)
    assert (last.bodies, last.redelivered) == ([b"1", b"2", b"3"], [True] * 3)


@behaviour("nack-requeue")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, b"again")
    method, _, _ = here.basic_get(name)
    here.basic_nack(method.delivery_tag, requeue=True)
    method, _, body = here.basic_get(name)
    assert (method.redelivered, body) == (True, b"again")
    here.basic_reject(method.delivery_tag, requeue=False)
    settle(here, name)
    assert drain(here, name) == []


@behaviour("multiple-ack")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, b"1", b"2", b"3", b"4")
    inbox = Inbox(here, name).wait(4)
    here.basic_ack(inbox.tags[2], multiple=True)
    here.connection.close()
    assert drain(channel(case), name) == [b"4"]


@behaviour("prefetch")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, *[b"%d" % number for number in range(8)])
    here.basic_qos(prefetch_count=3)
    inbox = Inbox(here, name).wait(3).settle()
    assert len(inbox.bodies) == 3
    here.basic_ack(inbox.tags[0])
    inbox.wait(4).settle()
    assert len(inbox.bodies) == 4
    here.basic_ack(inbox.tags[3], multiple=True)
    inbox.wait(7).settle()
    assert len(inbox.bodies) == 7


@behaviour("consumer-cancel")
def _(case):
    here = channel(case)
    name = queue(case, here)
    inbox = Inbox(here, name, auto_ack=True)
    publish(here, name, b"seen")
    inbox.wait(1)
    here.basic_cancel(inbox.tag)
    publish(here, name, b"unseen")
    inbox.settle()
    assert inbox.bodies == [b"seen"]
    assert drain(here, name) == [b"unseen"]


@behaviour("cancel-notify")
def _(case):
    here = channel(case)
    name = queue(case, here)
    told = []
    here.add_on_cancel_callback(lambda frame: told.append(frame.method.consumer_tag))
    inbox = Inbox(here, name)
    channel(case).queue_delete(name)
    until(here.connection, lambda: told, "the cancellation")
    assert told == [inbox.tag]


@behaviour("exclusive")
def _(case):
    owner = connect(case)
    name = case.name()
    owner.channel().queue_declare(name, exclusive=True)
    with refused(405):
        channel(case).queue_declare(name, passive=True)
    owner.close()
    with refused(404):
        channel(case).queue_declare(name, passive=True)


@behaviour("passive-missing")
def _(case):
    connection = connect(case)
    with refused(404):
        connection.channel().queue_declare(case.name(), passive=True)
    here = connection.channel()
    name = queue(case, here)
    publish(here, name, b"goes on")
    assert drain(here, name) == [b"goes on"]


@behaviour("inequivalent")
def _(case):
    here = channel(case)
    name = queue(case, here)
    with refused(406):
        here.queue_declare(name, durable=True, arguments={"x-max-length": 5})


@behaviour("single-active")
def _(case):
    here = channel(case)
    name = queue(case, here, single_active_consumer=True)
    first, second = Inbox(here, name, auto_ack=True), Inbox(here, name, auto_ack=True)
    publish(here, name, b"1", b"2", b"3")
    first.wait(3).settle()
    assert second.bodies == []
    here.basic_cancel(first.tag)
    publish(here, name, b"4", b"5")
    assert second.wait(2).bodies == [b"4", b"5"]
    assert len(first.bodies) == 3


@behaviour("consumer-priority")
def _(case):
    here = channel(case)
    name = queue(case, here)
    here.basic_qos(prefetch_count=5)
    low = Inbox(here, name)
    high = Inbox(here, name, arguments={"x-priority": 10})
    publish(here, name, *[b"%d" % number for number in range(5)])
    high.wait(5).settle()
    assert low.bodies == []
    publish(here, name, b"no credit left")
    assert low.wait(1).bodies == [b"no credit left"]
    here.basic_ack(high.tags[-1], multiple=True)
    publish(here, name, b"credit again")
    assert high.wait(6).bodies[-1] == b"credit again"
