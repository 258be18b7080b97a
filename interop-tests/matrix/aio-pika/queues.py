"""What queue arguments do: lengths, times to live, dead letters, priorities."""

import time

from broker import Inbox, channel, count, drain, publish, queue, refused, until
from matrix import behaviour, dead_letters_to


async def _dead_lettering(case, here, dead, **arguments):
    arguments = dead_letters_to(dead.name, **arguments)
    return await here.declare_queue(case.name("source"), durable=True, arguments=arguments)


@behaviour("max-length")
async def _(case):
    here = await channel(case)
    name = await queue(case, here, max_length=3)
    await publish(here, name.name, b"1", b"2", b"3", b"4", b"5")
    assert await drain(name) == [b"3", b"4", b"5"]


@behaviour("message-ttl")
async def _(case):
    here = await channel(case)
    dead = await queue(case, here, "dead")
    source = await _dead_lettering(case, here, dead)
    await publish(here, source.name, b"late", expiration=0.2)
    (letter,) = (await (await Inbox.open(dead, no_ack=True)).wait(1)).messages
    assert (letter.body, letter.expiration) == (b"late", None)
    (death,) = letter.headers["x-death"]
    assert (death["reason"], death["queue"], death["count"]) == ("expired", source.name, 1)


@behaviour("queue-ttl")
async def _(case):
    here = await channel(case)
    name = await queue(case, here, message_ttl=200)
    await publish(here, name.name, b"1", b"2")
    assert await count(here, name.name) == 2
    await until(lambda: _is_empty(here, name.name), "the messages to expire")
    assert await drain(name) == []


async def _is_empty(here, name):
    return await count(here, name) == 0


@behaviour("queue-expires")
async def _(case):
    here = await channel(case)
    name = await queue(case, here, expires=300)
    # Being asked for may be use enough, so it is asked for only once: after three times its time.
    clock = await queue(case, here, "clock", message_ttl=900)
    await publish(here, clock.name, b"tick")
    await until(lambda: _is_empty(here, clock.name), "900 ms")
    async with refused(404):
        await here.declare_queue(name.name, passive=True)


@behaviour("dead-letter")
async def _(case):
    here = await channel(case)
    dead = await queue(case, here, "dead")
    source = await _dead_lettering(case, here, dead)
    await publish(here, source.name, b"bad", headers={"kept": "yes"})
    await (await source.get()).reject(requeue=False)
    (letter,) = (await (await Inbox.open(dead, no_ack=True)).wait(1)).messages
    (death,) = letter.headers["x-death"]
    assert (letter.body, letter.headers["kept"]) == (b"bad", "yes")
    assert (death["count"], death["reason"], death["queue"]) == (1, "rejected", source.name)
    assert (death["exchange"], death["routing-keys"]) == ("", [source.name])


@behaviour("retry-loop")
async def _(case):
    here = await channel(case)
    work, wait = case.name("work"), case.name("wait")
    queue = await here.declare_queue(work, durable=True, arguments=dead_letters_to(wait))
    await here.declare_queue(wait, durable=True, arguments=dead_letters_to(work, message_ttl=50))
    inbox = await Inbox.open(queue)
    await publish(here, work, b"again")
    for attempt in (1, 2, 3):
        await inbox.wait(attempt)
        await inbox.messages[-1].reject(requeue=False)
    await inbox.wait(4)
    deaths = {death["queue"]: death for death in inbox.messages[-1].headers["x-death"]}
    assert (deaths[work]["count"], deaths[work]["reason"]) == (3, "rejected")
    assert (deaths[wait]["count"], deaths[wait]["reason"]) == (3, "expired")


@behaviour("priority")
async def _(case):
    here = await channel(case)
    name = await queue(case, here, max_priority=5)
    for body, priority in ((b"low 1", 1), (b"high 1", 5), (b"low 2", 1), (b"high 2", 5), (b"none", None)):
        await publish(here, name.name, body, priority=priority)
    assert await drain(name) == [b"high 1", b"high 2", b"low 1", b"low 2", b"none"]


@behaviour("delivery-limit")
async def _(case):
    here = await channel(case)
    dead = await queue(case, here, "dead")
    source = await _dead_lettering(case, here, dead, queue_type="quorum", delivery_limit=2)
    inbox = await Inbox.open(source)
    await publish(here, source.name, b"poison")
    for attempt in (1, 2, 3):
        await inbox.wait(attempt)
        await inbox.messages[-1].reject(requeue=True)
    (letter,) = (await (await Inbox.open(dead, no_ack=True)).wait(1)).messages
    await inbox.settle()
    assert len(inbox.messages) == 3
    (death,) = letter.headers["x-death"]
    assert (letter.body, death["reason"]) == (b"poison", "delivery_limit")


@behaviour("delayed")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    exchange = await here.declare_exchange(
        case.name("exchange"), "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"}
    )
    await name.bind(exchange, "key")
    inbox = await Inbox.open(name, no_ack=True)
    published = time.monotonic()
    await publish(here, "key", b"later", exchange=exchange, headers={"x-delay": 300})
    assert (await inbox.wait(1)).bodies == [b"later"]
    assert 0.3 <= time.monotonic() - published
