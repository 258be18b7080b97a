"""Routing: every kind of exchange, and exchanges that feed others."""

import asyncio

from broker import channel, count, drain, publish, queue
from matrix import TOPIC_KEYS, TOPICS, behaviour, spread


async def _exchange(case, here, kind, **arguments):
    return await here.declare_exchange(case.name(kind), kind, durable=True, arguments=arguments or None)


@behaviour("topic")
async def _(case):
    here = await channel(case)
    exchange = await _exchange(case, here, "topic")
    queues = {pattern: await queue(case, here) for pattern in TOPICS}
    for pattern, its in queues.items():
        await its.bind(exchange, pattern)
    for key in TOPIC_KEYS:
        await publish(here, key, key.encode(), exchange=exchange)
    assert {pattern: await drain(its) for pattern, its in queues.items()} == TOPICS


@behaviour("headers-exchange")
async def _(case):
    here = await channel(case)
    exchange = await _exchange(case, here, "headers")
    every, some = await queue(case, here, "all"), await queue(case, here, "any")
    await every.bind(exchange, "", arguments={"x-match": "all", "format": "pdf", "pages": 2})
    await some.bind(exchange, "", arguments={"x-match": "any", "format": "pdf", "pages": 2})
    await publish(here, "", b"both", exchange=exchange, headers={"format": "pdf", "pages": 2, "more": True})
    await publish(here, "", b"one", exchange=exchange, headers={"format": "pdf", "pages": 3})
    await publish(here, "", b"none", exchange=exchange, headers={"format": "zip"})
    assert await drain(every) == [b"both"]
    assert await drain(some) == [b"both", b"one"]


@behaviour("e2e-binding")
async def _(case):
    here = await channel(case)
    source, target = await _exchange(case, here, "direct"), await _exchange(case, here, "fanout")
    name = await queue(case, here)
    await target.bind(source, "key")
    await name.bind(target)
    await publish(here, "key", b"through", exchange=source)
    await publish(here, "other", b"nowhere", exchange=source)
    assert await drain(name) == [b"through"]
    await target.unbind(source, "key")
    await publish(here, "key", b"no more", exchange=source)
    assert await drain(name) == []


@behaviour("alternate")
async def _(case):
    here = await channel(case)
    other, name = await _exchange(case, here, "fanout"), await queue(case, here)
    exchange = await _exchange(case, here, "direct", **{"alternate-exchange": other.name})
    await name.bind(other)
    await publish(here, "nobody", b"caught", exchange=exchange)
    assert await drain(name) == [b"caught"]


@behaviour("consistent-hash")
async def _(case):
    here = await channel(case)
    exchange = await _exchange(case, here, "x-consistent-hash")
    queues = [await queue(case, here), await queue(case, here)]
    for its in queues:
        await its.bind(exchange, "10")
    keys = [f"key {number}" for number in range(1000)]
    await asyncio.gather(*(publish(here, key, b"", exchange=exchange) for key in keys))
    spread([await count(here, its.name) for its in queues])
    for its in queues:
        await its.purge()
    for _ in range(20):
        await publish(here, "key 7", b"", exchange=exchange)
    assert sorted([await count(here, its.name) for its in queues]) == [0, 20]
