"""Routing: every kind of exchange, and exchanges that feed others."""

from broker import channel, count, drain, publish, queue
from matrix import TOPIC_KEYS, TOPICS, behaviour, spread


def _exchange(case, here, kind, **arguments):
    name = case.name(kind)
    here.exchange_declare(name, kind, durable=True, arguments=arguments or None)
    return name


@behaviour("topic")
def _(case):
    here = channel(case)
    exchange = _exchange(case, here, "topic")
    queues = {pattern: queue(case, here) for pattern in TOPICS}
    for pattern, name in queues.items():
        here.queue_bind(name, exchange, pattern)
    for key in TOPIC_KEYS:
        publish(here, key, key.encode(), exchange=exchange)
    assert {pattern: drain(here, name) for pattern, name in queues.items()} == TOPICS


@behaviour("headers-exchange")
def _(case):
    here = channel(case)
    exchange = _exchange(case, here, "headers")
    every, some = queue(case, here, "all"), queue(case, here, "any")
    here.queue_bind(every, exchange, "", {"x-match": "all", "format": "pdf", "pages": 2})
    here.queue_bind(some, exchange, "", {"x-match": "any", "format": "pdf", "pages": 2})
    publish(here, "", b"both", exchange=exchange, headers={"format": "pdf", "pages": 2, "more": True})
    publish(here, "", b"one", exchange=exchange, headers={"format": "pdf", "pages": 3})
    publish(here, "", b"none", exchange=exchange, headers={"format": "zip"})
    assert drain(here, every) == [b"both"]
    assert drain(here, some) == [b"both", b"one"]


@behaviour("e2e-binding")
def _(case):
    here = channel(case)
    source, target, name = _exchange(case, here, "direct"), _exchange(case, here, "fanout"), queue(case, here)
    here.exchange_bind(target, source, "key")
    here.queue_bind(name, target)
    publish(here, "key", b"through", exchange=source)
    publish(here, "other", b"nowhere", exchange=source)
    assert drain(here, name) == [b"through"]
    here.exchange_unbind(target, source, "key")
    publish(here, "key", b"no more", exchange=source)
    assert drain(here, name) == []


@behaviour("alternate")
def _(case):
    here = channel(case)
    other, name = _exchange(case, here, "fanout"), queue(case, here)
    exchange = _exchange(case, here, "direct", **{"alternate-exchange": other})
    here.queue_bind(name, other)
    publish(here, "nobody", b"caught", exchange=exchange)
    assert drain(here, name) == [b"caught"]


@behaviour("consistent-hash")
def _(case):
    here = channel(case)
    exchange = _exchange(case, here, "x-consistent-hash")
    queues = [queue(case, here), queue(case, here)]
    for name in queues:
        here.queue_bind(name, exchange, "10")
    publisher = here.connection.channel()
    publisher.confirm_delivery()
    for number in range(1000):
        publisher.basic_publish(exchange, f"key {number}", b"")
    spread([count(here, name) for name in queues])
    for name in queues:
        here.queue_purge(name)
    for _ in range(20):
        publisher.basic_publish(exchange, "key 7", b"")
    assert sorted(count(here, name) for name in queues) == [0, 20]
