"""A refusal closes one channel, in RabbitMQ's words; the connection and its other channels go on."""

import pytest
from pika.exceptions import ChannelClosedByBroker

import aio
import broker


async def every_soft_refusal_leaves_the_connection_alive(fresh):
    locked = fresh("locked")
    expected = [
        (
            "amq.reserved",
            {},
            403,
            "ACCESS_REFUSED - queue name 'amq.reserved' contains reserved prefix 'amq.*'",
        ),
        ("nowhere", {"passive": True}, 404, "NOT_FOUND - no queue 'nowhere' in vhost '/'"),
        (locked, {"exclusive": True}, 405, broker.locked(locked)),
        (
            locked + "-free",
            {"arguments": {"x-message-ttl": "soon"}},
            406,
            f"PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '{locked}-free' in vhost '/': "
            '"expected integer, got longstr"',
        ),
    ]
    async with aio.connected() as owner, aio.connected() as connection:
        await (await owner.channel()).queue_declare(locked, exclusive=True)
        alive = await connection.channel()
        for name, options, code, text in expected:
            with pytest.raises(ChannelClosedByBroker) as caught:
                await (await connection.channel()).queue_declare(name, **options)
            assert (caught.value.reply_code, caught.value.reply_text) == (code, text)
        await alive.exclusive_queue()


async def several_refusals_at_once_close_just_their_channels():
    async with aio.connected() as connection:
        channels = [await connection.channel() for _ in range(20)]
        for channel in channels[::2]:
            channel.basic_publish("interop.nowhere", "key", b"lost")
        for channel in channels[::2]:
            assert (await aio.within_limit(channel.closed)).reply_code == 404
        for channel in channels[1::2]:
            await channel.exclusive_queue()
