"""Transactions: publishes and acknowledgements that take effect together, or not at all."""

import aio


async def what_is_published_appears_with_the_commit():
    async with aio.connected() as connection:
        channel, outside = await connection.channel(), await connection.channel()
        queue = await channel.exclusive_queue()
        await channel.tx_select()
        channel.basic_publish("", queue, b"1")
        channel.basic_publish("", queue, b"2")
        await channel.settle(queue)
        assert await outside.drain(queue) == []
        await channel.tx_commit()
        assert await outside.drain(queue) == [b"1", b"2"]


async def what_is_published_vanishes_with_the_rollback():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        await channel.tx_select()
        channel.basic_publish("", queue, b"never")
        await channel.tx_rollback()
        await channel.tx_commit()
        assert await channel.drain(queue) == []
