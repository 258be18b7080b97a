"""Handing out messages: get, consume, prefetch, turns, priorities, cancelling."""

import aio


async def an_empty_queue_gives_nothing():
    async with aio.connected() as connection:
        channel = await connection.channel()
        assert await channel.basic_get(await channel.exclusive_queue()) == (None, None, None)


async def a_get_gives_the_oldest_message_and_counts_the_rest():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        for body in (b"1", b"2", b"3"):
            channel.basic_publish("", queue, body)
        got, _, body = await channel.basic_get(queue)
        assert (body, got.message_count, got.delivery_tag, got.redelivered) == (b"1", 2, 1, False)


async def a_consumer_gets_everything_in_order():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        inbox = await aio.Inbox(channel).consume(queue, auto_ack=True)
        bodies = [str(n).encode() for n in range(2000)]
        for body in bodies:
            channel.basic_publish("", queue, body)
        assert (await inbox.wait(len(bodies))).bodies == bodies
        assert inbox.tags == list(range(1, len(bodies) + 1))


async def prefetch_bounds_what_is_unacknowledged():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        for _ in range(10):
            channel.basic_publish("", queue, b"message")
        await channel.basic_qos(prefetch_count=3)
        inbox = await (await aio.Inbox(channel).consume(queue)).wait(3)
        await channel.settle(queue)
        assert inbox.tags == [1, 2, 3]
        channel.basic_ack(3, multiple=True)
        await inbox.wait(6)
        await channel.settle(queue)
        assert inbox.tags == [1, 2, 3, 4, 5, 6]


async def consumers_take_turns():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        inboxes = [await aio.Inbox(channel).consume(queue, auto_ack=True) for _ in range(3)]
        for _ in range(9):
            channel.basic_publish("", queue, b"message")
        for inbox in inboxes:
            await inbox.wait(3)
        await channel.settle(queue)
        assert [len(inbox.bodies) for inbox in inboxes] == [3, 3, 3]


async def a_consumer_of_higher_priority_is_served_first():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        await channel.basic_qos(prefetch_count=2)
        low = await aio.Inbox(channel).consume(queue, arguments={"x-priority": -1})
        high = await aio.Inbox(channel).consume(queue, arguments={"x-priority": 10})
        for body in (b"1", b"2", b"3"):
            channel.basic_publish("", queue, body)
        await low.wait(1)
        await high.wait(2)
        assert (high.bodies, low.bodies) == ([b"1", b"2"], [b"3"])


async def a_cancelled_consumer_gets_nothing_more():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        inbox = await aio.Inbox(channel).consume(queue, auto_ack=True)
        channel.basic_publish("", queue, b"before")
        await inbox.wait(1)
        await channel.basic_cancel(inbox.tag)
        channel.basic_publish("", queue, b"after")
        assert await channel.drain(queue) == [b"after"]
        assert inbox.bodies == [b"before"]
