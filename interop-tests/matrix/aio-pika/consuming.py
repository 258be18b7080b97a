"""Consumers and their acknowledgements."""

import asyncio

from broker import LIMIT_SECONDS, Inbox, channel, connect, count, drain, publish, queue, refused
from matrix import behaviour


@behaviour("consume-ack")
async def _(case):
    connection = await connect(case)
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"1", b"2", b"3")
    inbox = await (await Inbox.open(name)).wait(3)
    assert inbox.bodies == [b"1", b"2", b"3"] and inbox.redelivered == [False] * 3
    for message in inbox.messages:
        await message.ack()
    await connection.close()
    assert await count(await channel(case), name.name) == 0


@behaviour("consume-auto-ack")
async def _(case):
    connection = await connect(case)
    here = await connection.channel()
    name = await queue(case, here)
    bodies = [b"%d" % number for number in range(100)]
    await publish(here, name.name, *bodies)
    inbox = await (await Inbox.open(name, no_ack=True)).wait(100)
    assert inbox.bodies == bodies
    await connection.close()
    assert await count(await channel(case), name.name) == 0


@behaviour("redelivered")
async def _(case):
    connection = await connect(case)
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"1", b"2", b"3")
    assert (await (await Inbox.open(name)).wait(3)).redelivered == [False] * 3
    await here.close()
    again = await (await connection.channel()).get_queue(name.name)
    again = await (await Inbox.open(again)).wait(3)
    assert (again.bodies, again.redelivered) == ([b"1", b"2", b"3"], [True] * 3)
    await connection.close()
    last = await (await channel(case)).get_queue(name.name)
    last = await (await Inbox.open(last)).wait(3)
    assert (last.bodies, last.redelivered) == ([b"1", b"2", b"3"], [True] * 3)


@behaviour("nack-requeue")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    await publish(here, name.name, b"again")
    await (await name.get()).nack(requeue=True)
    got = await name.get()
    assert (got.redelivered, got.body) == (True, b"again")
    await got.reject(requeue=False)
    await name.declare()
    assert await drain(name) == []


@behaviour("multiple-ack")
async def _(case):
    connection = await connect(case)
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"1", b"2", b"3", b"4")
    inbox = await (await Inbox.open(name)).wait(4)
    await inbox.messages[2].ack(multiple=True)
    await connection.close()
    assert await drain(await (await channel(case)).get_queue(name.name)) == [b"4"]


@behaviour("prefetch")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    await publish(here, name.name, *[b"%d" % number for number in range(8)])
    await here.set_qos(prefetch_count=3)
    inbox = await (await (await Inbox.open(name)).wait(3)).settle()
    assert len(inbox.messages) == 3
    await inbox.messages[0].ack()
    await (await inbox.wait(4)).settle()
    assert len(inbox.messages) == 4
    await inbox.messages[3].ack(multiple=True)
    await (await inbox.wait(7)).settle()
    assert len(inbox.messages) == 7


@behaviour("consumer-cancel")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    inbox = await Inbox.open(name, no_ack=True)
    await publish(here, name.name, b"seen")
    await inbox.wait(1)
    await name.cancel(inbox.tag)
    await publish(here, name.name, b"unseen")
    await inbox.settle()
    assert inbox.bodies == [b"seen"]
    assert await drain(name) == [b"unseen"]


@behaviour("cancel-notify")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    told = asyncio.get_running_loop().create_future()
    # aio-pika leaves this to the library below it.
    underlay = await here.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(lambda frame: told.set_result(frame.consumer_tag))
    inbox = await Inbox.open(name)
    await (await channel(case)).queue_delete(name.name)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await told == inbox.tag
    # The answer that the library gives to the broker is no reason to close the channel.
    assert await here.declare_queue("", exclusive=True)


@behaviour("exclusive")
async def _(case):
    owner = await connect(case)
    name = case.name()
    await (await owner.channel()).declare_queue(name, exclusive=True)
    async with refused(405):
        await (await channel(case)).declare_queue(name, passive=True)
    await owner.close()
    async with refused(404):
        await (await channel(case)).declare_queue(name, passive=True)


@behaviour("passive-missing")
async def _(case):
    connection = await connect(case)
    async with refused(404):
        await (await connection.channel()).declare_queue(case.name(), passive=True)
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"goes on")
    assert await drain(name) == [b"goes on"]


@behaviour("inequivalent")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    async with refused(406):
        await here.declare_queue(name.name, durable=True, arguments={"x-max-length": 5})


@behaviour("single-active")
async def _(case):
    here = await channel(case)
    name = await queue(case, here, single_active_consumer=True)
    first, second = await Inbox.open(name, no_ack=True), await Inbox.open(name, no_ack=True)
    await publish(here, name.name, b"1", b"2", b"3")
    await (await first.wait(3)).settle()
    assert second.bodies == []
    await name.cancel(first.tag)
    await publish(here, name.name, b"4", b"5")
    assert (await second.wait(2)).bodies == [b"4", b"5"]
    assert len(first.bodies) == 3


@behaviour("consumer-priority")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    await here.set_qos(prefetch_count=5)
    low = await Inbox.open(name)
    high = await Inbox.open(name, arguments={"x-priority": 10})
    await publish(here, name.name, *[b"%d" % number for number in range(5)])
    await (await high.wait(5)).settle()
    assert low.bodies == []
    await publish(here, name.name, b"no credit left")
    assert (await low.wait(1)).bodies == [b"no credit left"]
    await high.messages[-1].ack(multiple=True)
    await publish(here, name.name, b"credit again")
    assert (await high.wait(6)).bodies[-1] == b"credit again"
