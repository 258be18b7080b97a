"""Consumers and their acknowledgements."""

from amqp.exceptions import ConsumerCancelled
from broker import Inbox, channel, connect, count, drain, drain_events, passive, publish, queue, refused
from kombu import Queue
from matrix import behaviour


@behaviour("consume-ack")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here).name
    publish(here, name, b"1", b"2", b"3")
    inbox = Inbox(here, name).wait(3)
    assert inbox.bodies == [b"1", b"2", b"3"] and inbox.redelivered == [False] * 3
    for message in inbox.messages:
        message.ack()
    connection.close()
    assert count(channel(case), name) == 0


@behaviour("consume-auto-ack")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here).name
    bodies = [b"%d" % number for number in range(100)]
    publish(here, name, *bodies)
    assert Inbox(here, name, no_ack=True).wait(100).bodies == bodies
    connection.close()
    assert count(channel(case), name) == 0


@behaviour("redelivered")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here).name
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
    # What kombu calls requeue is basic.reject; it offers no basic.nack, which would do the same.
    here = channel(case)
    name = queue(case, here)
    publish(here, name.name, b"again")
    name.get().requeue()
    got = name.get()
    assert (got.delivery_info["redelivered"], got.body) == (True, b"again")
    got.reject()
    assert count(here, name.name) == 0
    assert drain(name) == []


@behaviour("multiple-ack")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here).name
    publish(here, name, b"1", b"2", b"3", b"4")
    Inbox(here, name).wait(4).messages[2].ack(multiple=True)
    connection.close()
    assert drain(Queue(name, channel=channel(case))) == [b"4"]


@behaviour("prefetch")
def _(case):
    here = channel(case)
    name = queue(case, here).name
    publish(here, name, *[b"%d" % number for number in range(8)])
    inbox = Inbox(here, name, prefetch_count=3).wait(3).settle()
    assert len(inbox.messages) == 3
    inbox.messages[0].ack()
    inbox.wait(4).settle()
    assert len(inbox.messages) == 4
    inbox.messages[3].ack(multiple=True)
    inbox.wait(7).settle()
    assert len(inbox.messages) == 7


@behaviour("consumer-cancel")
def _(case):
    here = channel(case)
    name = queue(case, here)
    inbox = Inbox(here, name.name, no_ack=True)
    publish(here, name.name, b"seen")
    inbox.wait(1)
    inbox.consumer.cancel()
    publish(here, name.name, b"unseen")
    inbox.settle()
    assert inbox.bodies == [b"seen"]
    assert drain(name) == [b"unseen"]


@behaviour("cancel-notify")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here).name
    Inbox(here, name)
    channel(case).queue_delete(name)
    try:
        drain_events(connection, lambda: False, "the cancellation")
    except ConsumerCancelled:
        return


@behaviour("exclusive")
def _(case):
    owner = connect(case)
    name = case.name()
    Queue(name, channel=owner.channel(), exclusive=True).declare()
    with refused(405):
        passive(channel(case), name)
    owner.close()
    with refused(404):
        passive(channel(case), name)


@behaviour("passive-missing")
def _(case):
    connection = connect(case)
    with refused(404):
        passive(connection.channel(), case.name())
    here = connection.channel()
    name = queue(case, here)
    publish(here, name.name, b"goes on")
    assert drain(name) == [b"goes on"]


@behaviour("inequivalent")
def _(case):
    here = channel(case)
    name = queue(case, here).name
    with refused(406):
        Queue(name, channel=here, durable=True, max_length=5).declare()


@behaviour("single-active")
def _(case):
    here = channel(case)
    name = queue(case, here, single_active_consumer=True).name
    first, second = Inbox(here, name, no_ack=True), Inbox(here, name, no_ack=True)
    publish(here, name, b"1", b"2", b"3")
    first.wait(3).settle()
    assert second.bodies == []
    first.consumer.cancel()
    publish(here, name, b"4", b"5")
    assert second.wait(2).bodies == [b"4", b"5"]
    assert len(first.bodies) == 3


@behaviour("consumer-priority")
def _(case):
    here = channel(case)
    name = queue(case, here).name
    low = Inbox(here, name, prefetch_count=5)
    high = Inbox(here, name, prefetch_count=5, arguments={"x-priority": 10})
    publish(here, name, *[b"%d" % number for number in range(5)])
    high.wait(5).settle()
    assert low.bodies == []
    publish(here, name, b"no credit left")
    assert low.wait(1).bodies == [b"no credit left"]
    high.messages[-1].ack(multiple=True)
    publish(here, name, b"credit again")
    assert high.wait(6).bodies[-1] == b"credit again"
