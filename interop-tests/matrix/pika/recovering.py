"""After a restart of the broker."""

import pika
from broker import Inbox, channel, connect, drain, publish, queue
from matrix import behaviour, control, not_offered


@behaviour("reconnect")
def _(case):
    here = channel(case)
    name = queue(case, here)
    publish(here, name, b"persistent", delivery_mode=2)
    inbox = Inbox(here, name)
    control("restart")
    seen = []
    while not seen:  # what the documentation of pika recommends: a loop around consuming
        try:
            inbox.wait(2)
        except pika.exceptions.AMQPConnectionError:
            again = connect(case, connection_attempts=20, retry_delay=0.1).channel()
            inbox = Inbox(again, name).wait(1)
            seen = inbox.bodies
    assert (seen, inbox.redelivered) == ([b"persistent"], [True])
    again.basic_ack(inbox.tags[0])
    publish(again, name, b"new")
    assert inbox.wait(2).bodies[1] == b"new"
    again.basic_ack(inbox.tags[1])
    assert drain(again, name) == []


not_offered("topology", "has no topology recovery")
