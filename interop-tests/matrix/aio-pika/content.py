"""Messages: what is put in comes out."""

import datetime

from aio_pika import Message
from broker import Inbox, channel, drain, publish, queue
from matrix import HEADERS, behaviour


async def _through(case, body, **properties):
    """What such a message is when it is got."""
    here = await channel(case)
    name = await queue(case, here)
    await publish(here, name.name, body, **properties)
    return await name.get(no_ack=True)


@behaviour("publish-get")
async def _(case):
    here = await channel(case)
    name = await queue(case, here)
    await publish(here, name.name, b"hello")
    got = await name.get(no_ack=True)
    assert (got.exchange, got.routing_key, got.body) == ("", name.name, b"hello")
    assert not got.redelivered and got.message_count == 0
    assert await name.get(fail=False) is None


@behaviour("properties")
async def _(case):
    sent = {
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "headers": HEADERS | {"bytes": bytearray(b"\x00\xff")},
        "delivery_mode": 2,
        "priority": 7,
        "correlation_id": "correlation",
        "reply_to": "somewhere",
        "expiration": 60,
        "message_id": "message",
        "timestamp": datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.UTC),
        "type": "greeting",
        "user_id": "guest",
        "app_id": "matrix",
    }
    got = await _through(case, b"", **sent)
    different = {name: getattr(got, name) for name, value in sent.items() if getattr(got, name) != value}
    assert not different, different


@behaviour("empty-body")
async def _(case):
    assert (await _through(case, b"")).body == b""


@behaviour("large-message")
async def _(case):
    sent = (bytes(range(251)) * (8 * 1024 * 1024 // 251 + 1))[: 8 * 1024 * 1024]
    got = await _through(case, sent)
    assert got.body == sent, f"{got.body_size} bytes came back"


@behaviour("binary-body")
async def _(case):
    assert (await _through(case, bytes(range(256)))).body == bytes(range(256))


@behaviour("transactions")
async def _(case):
    here, witness = await channel(case, publisher_confirms=False), await channel(case)
    name = await queue(case, here)
    seen = await witness.get_queue(name.name)
    transaction = here.transaction()
    await transaction.select()
    await publish(here, name.name, b"1", b"2")
    assert await drain(seen) == []
    await transaction.commit()
    assert await drain(seen) == [b"1", b"2"]
    await publish(here, name.name, b"3")
    await transaction.rollback()
    await transaction.commit()
    assert await drain(seen) == []


@behaviour("direct-reply")
async def _(case):
    here, server = await channel(case), await channel(case)
    requests = await queue(case, server, "requests")

    async def answer(message):
        reply = Message(str(2 * int(message.body)).encode(), correlation_id=message.correlation_id)
        await server.default_exchange.publish(reply, message.reply_to)

    await requests.consume(answer, no_ack=True)
    replies = await Inbox.open(await here.get_queue("amq.rabbitmq.reply-to", ensure=False), no_ack=True)
    await publish(here, requests.name, b"21", reply_to="amq.rabbitmq.reply-to", correlation_id="7")
    (reply,) = (await replies.wait(1)).messages
    assert (reply.correlation_id, reply.body) == ("7", b"42")
