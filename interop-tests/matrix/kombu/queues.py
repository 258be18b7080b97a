"""What queue arguments do: lengths, times to live, dead letters, priorities."""

import time

from broker import Inbox, channel, count, declared, drain, passive, publish, queue, refused, until
from kombu import Exchange
from matrix import behaviour, dead_letters_to


def _dead_lettering(case, here, dead, **arguments):
    return declared(here, case.name("source"), dead_letters_to(dead.name, **arguments))


@behaviour("max-length")
def _(case):
    here = channel(case)
    name = queue(case, here, max_length=3)
    publish(here, name.name, b"1", b"2", b"3", b"4", b"5")
    assert drain(name) == [b"3", b"4", b"5"]


@behaviour("message-ttl")
def _(case):
    here = channel(case)
    dead = queue(case, here, "dead")
    source = _dead_lettering(case, here, dead)
    publish(here, source.name, b"late", expiration=0.2)
    (letter,) = Inbox(here, dead.name, no_ack=True).wait(1).messages
    assert (letter.body, letter.properties.get("expiration")) == (b"late", None)
    (death,) = letter.headers["x-death"]
    assert (death["reason"], death["queue"], death["count"]) == ("expired", source.name, 1)


@behaviour("queue-ttl")
def _(case):
    here = channel(case)
    name = queue(case, here, message_ttl=200)
    publish(here, name.name, b"1", b"2")
    assert count(here, name.name) == 2
    until(lambda: count(here, name.name) == 0, "the messages to expire")
    assert drain(name) == []


@behaviour("queue-expires")
def _(case):
    here = channel(case)
    name = queue(case, here, expires=300)
    # Being asked for may be use enough, so it is asked for only once: after three times its time.
    clock = queue(case, here, "clock", message_ttl=900)
    publish(here, clock.name, b"tick")
    until(lambda: count(here, clock.name) == 0, "900 ms")
    with refused(404):
        passive(here, name.name)


@behaviour("dead-letter")
def _(case):
    here = channel(case)
    dead = queue(case, here, "dead")
    source = _dead_lettering(case, here, dead)
    publish(here, source.name, b"bad", headers={"kept": "yes"})
    source.get().reject()
    (letter,) = Inbox(here, dead.name, no_ack=True).wait(1).messages
    (death,) = letter.headers["x-death"]
    assert (letter.body, letter.headers["kept"]) == (b"bad", "yes")
    assert (death["count"], death["reason"], death["queue"]) == (1, "rejected", source.name)
    assert (death["exchange"], death["routing-keys"]) == ("", [source.name])


@behaviour("retry-loop")
def _(case):
    here = channel(case)
    work, wait = case.name("work"), case.name("wait")
    declared(here, work, dead_letters_to(wait))
    declared(here, wait, dead_letters_to(work, message_ttl=50))
    inbox = Inbox(here, work)
    publish(here, work, b"again")
    for attempt in (1, 2, 3):
        inbox.wait(attempt)
        inbox.messages[-1].reject()
    inbox.wait(4)
    deaths = {death["queue"]: death for death in inbox.messages[-1].headers["x-death"]}
    assert (deaths[work]["count"], deaths[work]["reason"]) == (3, "rejected")
    assert (deaths[wait]["count"], deaths[wait]["reason"]) == (3, "expired")


@behaviour("priority")
def _(case):
    here = channel(case)
    name = queue(case, here, max_priority=5)
    for body, priority in ((b"low 1", 1), (b"high 1", 5), (b"low 2", 1), (b"high 2", 5), (b"none", 0)):
        publish(here, name.name, body, priority=priority)
    assert drain(name) == [b"high 1", b"high 2", b"low 1", b"low 2", b"none"]


@behaviour("delivery-limit")
def _(case):
    here = channel(case)
    dead = queue(case, here, "dead")
    source = _dead_lettering(case, here, dead, queue_type="quorum", delivery_limit=2)
    inbox = Inbox(here, source.name)
    publish(here, source.name, b"poison")
    for attempt in (1, 2, 3):
        inbox.wait(attempt)
        inbox.messages[-1].requeue()
    (letter,) = Inbox(here, dead.name, no_ack=True).wait(1).messages
    inbox.settle()
    assert len(inbox.messages) == 3
    (death,) = letter.headers["x-death"]
    assert (letter.body, death["reason"]) == (b"poison", "delivery_limit")


@behaviour("delayed")
def _(case):
    here = channel(case)
    name = queue(case, here)
    arguments = {"x-delayed-type": "direct"}
    exchange = Exchange(case.name("exchange"), "x-delayed-message", channel=here, arguments=arguments)
    exchange.declare()
    name.bind_to(exchange, "key")
    inbox = Inbox(here, name.name, no_ack=True)
    published = time.monotonic()
    publish(here, "key", b"later", exchange=exchange.name, headers={"x-delay": 300})
    assert inbox.wait(1).bodies == [b"later"]
    assert 0.3 <= time.monotonic() - published
