"""Properties, headers and bodies come out as they went in."""

import pika

import aio


async def large_messages_reach_a_consumer_complete_and_in_order():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        inbox = await aio.Inbox(channel).consume(queue, auto_ack=True)
        bodies = [bytes([n]) * (n << 18) for n in range(1, 9)] + [bytes(10 * 1024 * 1024)]
        for body in bodies:
            channel.basic_publish("", queue, body)
        assert (await inbox.wait(len(bodies))).bodies == bodies


async def channels_interleave_their_messages_without_mixing_them():
    async with aio.connected() as connection:
        channels = [await connection.channel() for _ in range(8)]
        queues = [await channel.exclusive_queue() for channel in channels]
        inboxes = [
            await aio.Inbox(channel).consume(queue, auto_ack=True) for channel, queue in zip(channels, queues)
        ]
        for _ in range(10):
            for n, (channel, queue) in enumerate(zip(channels, queues)):
                channel.basic_publish(
                    "", queue, bytes([n]) * 150_000, pika.BasicProperties(message_id=str(n))
                )
        for n, inbox in enumerate(inboxes):
            await inbox.wait(10)
            assert inbox.bodies == [bytes([n]) * 150_000] * 10
            assert {properties.message_id for properties in inbox.properties} == {str(n)}
