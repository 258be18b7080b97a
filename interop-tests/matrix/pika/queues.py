"""What queue arguments do: lengths, times to live, dead letters, priorities."""

import time

from broker import Inbox, channel, count, drain, publish, queue, refused, settle, until
from matrix import behaviour, dead_letters_to


def _dead_lettering(case, here, dead, **arguments):
    name = case.name("source")
    here.queue_declare(name, durable=True, arguments=dead_letters_to(dead, **arguments))
    return name


@behaviour("max-length")
def _(case):
    here = channel(case)
    name = queue(case, here, max_length=3)
    publish(here, name, b"1", b"2", b"3", b"4", b"5")
    assert drain(here, name) == [b"3", b"4", b"5"]


@behaviour("message-ttl")
def _(case):
    here = channel(case)
    dead = queue(case, here, "dead")
    source = _dead_lettering(case, here, dead)
    publish(here, source, b"late", expiration="200")
    inbox = Inbox(here, dead, auto_ack=True).wait(1)
    (properties,) = inbox.properties
    assert (inbox.bodies, properties.expiration) == ([b"late"], None)
    (death,) = properties.headers["x-death"]
    assert (death["reason"], death["queue"], death["count"]) == ("expired", source, 1)


@behaviour("queue-ttl")
def _(case):
    here = channel(case)
    name = queue(case, here, message_ttl=200)
    publish(here, name, b"1", b"2")
    assert count(here, name) == 2
    until(here.connection, lambda: count(here, name) == 0, "the messages to expire")
    assert drain(here, name) == []


@behaviour("queue-expires")
def _(case):
    here = channel(case)
    name = queue(case, here, expires=300)
    # Being asked for is use enough, so it is asked for only once: after three times its time.
    clock = queue(case, here, "clock", message_ttl=900)
    publish(here, clock, b"tick")
    until(here.connection, lambda: count(here, clock) == 0, "900 ms")
    with refused(404):
        here.queue_declare(name, passive=True)


@behaviour("dead-letter")
def _(case):
    here = channel(case)
    dead = queue(case, here, "dead")
    source = _dead_lettering(case, here, dead)
    publish(here, source, b"bad", headers={"kept": "yes"})
    here.basic_reject(here.basic_get(source)[0].delivery_tag, requeue=False)
    inbox = Inbox(here, dead, auto_ack=True).wait(1)
    headers = inbox.properties[0].headers
    (death,) = headers["x-death"]
    assert (inbox.bodies, headers["kept"]) == ([b"bad"], "yes")
    assert (death["count"], death["reason"], death["queue"]) == (1, "rejected", source)
    assert (death["exchange"], death["routing-keys"]) == ("", [source])


@behaviour("retry-loop")
def _(case):
    here = channel(case)
    work, wait = case.name("work"), case.name("wait")
    here.queue_declare(work, durable=True, arguments=dead_letters_to(wait))
    here.queue_declare(wait, durable=True, arguments=dead_letters_to(work, message_ttl=50))
    inbox = Inbox(here, work)
    publish(here, work, b"again")
    for attempt in (1, 2, 3):
        inbox.wait(attempt)
        here.basic_reject(inbox.tags[-1], requeue=False)
    inbox.wait(4)
    deaths = {death["queue"]: death for death in inbox.properties[-1].headers["x-death"]}
    assert (deaths[work]["count"], deaths[work]["reason"]) == (3, "rejected")
    assert (deaths[wait]["count"], deaths[wait]["reason"]) == (3, "expired")


@behaviour("priority")
def _(case):
    here = channel(case)
    name = queue(case, here, max_priority=5)
    for body, priority in ((b"low 1", 1), (b"high 1", 5), (b"low 2", 1), (b"high 2", 5), (b"none", None)):
        publish(here, name, body, priority=priority)
    assert drain(here, name) == [b"high 1", b"high 2", b"low 1", b"low 2", b"none"]


@behaviour("delivery-limit")
def _(case):
    here = channel(case)
    dead = queue(case, here, "dead")
    source = _dead_lettering(case, here, dead, queue_type="quorum", delivery_limit=2)
    inbox = Inbox(here, source)
    publish(here, source, b"poison")
    for attempt in (1, 2, 3):
        inbox.wait(attempt)
        here.basic_reject(inbox.tags[-1], requeue=True)
    letters = Inbox(here, dead, auto_ack=True).wait(1)
    settle(here, source)
    assert len(inbox.bodies) == 3
    (death,) = letters.properties[0].headers["x-death"]
    assert (letters.bodies, death["reason"]) == ([b"poison"], "delivery_limit")


@behaviour("delayed")
def _(case):
    here = channel(case)
    exchange, name = case.name("exchange"), queue(case, here)
    here.exchange_declare(exchange, "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"})
    here.queue_bind(name, exchange, "key")
    inbox = Inbox(here, name, auto_ack=True)
    published = time.monotonic()
    publish(here, "key", b"later", exchange=exchange, headers={"x-delay": 300})
    assert inbox.wait(1).bodies == [b"later"]
    assert 0.3 <= time.monotonic() - published
