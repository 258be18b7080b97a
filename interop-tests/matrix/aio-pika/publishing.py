"""What a publisher is told."""

import asyncio

from aio_pika import Message
from aio_pika.exceptions import DeliveryError, PublishError
from broker import channel, drain, publish, queue
from matrix import behaviour


@behaviour("confirms")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    bodies = [b"%d" % number for number in range(1000)]
    await asyncio.gather(*(publish(here, name.name, body) for body in bodies))
    assert sorted(await drain(name)) == sorted(bodies)


@behaviour("mandatory")
async def _(case):
    here = await channel(case, on_return_raises=True)
    try:
        await here.default_exchange.publish(Message(b"lost", type="t"), case.name("nowhere"), mandatory=True)
    except PublishError as error:
        returned = error.message
        assert (returned.delivery.reply_code, returned.delivery.reply_text) == (312, "NO_ROUTE")
        assert (returned.body, returned.header.properties.message_type) == (b"lost", "t")
        return
    raise AssertionError("confirmed without having been returned")


@behaviour("reject-publish")
async def _(case):
    here = await channel(case)
    name = await queue(case, here, max_length=2, overflow="reject-publish")
    await publish(here, name.name, b"1", b"2")
    try:
        await publish(here, name.name, b"3")
    except DeliveryError:
        assert await drain(name) == [b"1", b"2"]
        return
    raise AssertionError("confirmed by a full queue")
