"""Routing: every kind of exchange, and exchanges that feed others."""

from broker import channel, count, drain, publish, queue
from kombu import Exchange
from matrix import TOPIC_KEYS, TOPICS, behaviour, spread


def _exchange(case, here, kind, **arguments):
    exchange = Exchange(case.name(kind), kind, channel=here, arguments=arguments)
    exchange.declare()
    return exchange


@behaviour("topic")
def _(case):
    here = channel(case)
    exchange = _exchange(case, here, "topic")
    queues = {pattern: queue(case, here) for pattern in TOPICS}
    for pattern, its in queues.items():
        its.bind_to(exchange, pattern)
    for key in TOPIC_KEYS:
        publish(here, key, key.encode(), exchange=exchange.name)
    assert {pattern: drain(its) for pattern, its in queues.items()} == TOPICS


@behaviour("headers-exchange")
def _(case):
    here = channel(case)
    exchange = _exchange(case, here, "headers")
    every, some = queue(case, here, "all"), queue(case, here, "any")
    every.bind_to(exchange, "", arguments={"x-match": "all", "format": "pdf", "pages": 2})
    some.bind_to(exchange, "", arguments={"x-match": "any", "format": "pdf", "pages": 2})
    to = exchange.name
    publish(here, "", b"both", exchange=to, headers={"format": "pdf", "pages": 2, "more": True})
    publish(here, "", b"one", exchange=to, headers={"format": "pdf", "pages": 3})
    publish(here, "", b"none", exchange=to, headers={"format": "zip"})
    assert drain(every) == [b"both"]
    assert drain(some) == [b"both", b"one"]


@behaviour("e2e-binding")
def _(case):
    here = channel(case)
    source, target = _exchange(case, here, "direct"), _exchange(case, here, "fanout")
    name = queue(case, here)
    target.bind_to(source, "key")
    name.bind_to(target)
    publish(here, "key", b"through", exchange=source.name)
    publish(here, "other", b"nowhere", exchange=source.name)
    assert drain(name) == [b"through"]
    target.unbind_from(source, "key")
    publish(here, "key", b"no more", exchange=source.name)
    assert drain(name) == []


@behaviour("alternate")
def _(case):
    here = channel(case)
    other, name = _exchange(case, here, "fanout"), queue(case, here)
    exchange = _exchange(case, here, "direct", **{"alternate-exchange": other.name})
    name.bind_to(other)
    publish(here, "nobody", b"caught", exchange=exchange.name)
    assert drain(name) == [b"caught"]


@behaviour("consistent-hash")
def _(case):
    here = channel(case)
    exchange = _exchange(case, here, "x-consistent-hash")
    queues = [queue(case, here), queue(case, here)]
    for its in queues:
        its.bind_to(exchange, "10")
    for number in range(1000):
        publish(here, f"key {number}", b"", exchange=exchange.name)
    spread([count(here, its.name) for its in queues])
    for its in queues:
        its.purge()
    for _ in range(20):
        publish(here, "key 7", b"", exchange=exchange.name)
    assert sorted(count(here, its.name) for its in queues) == [0, 20]
