"""What becomes of a message once it is handed out."""

import pytest
from pika.exceptions import ChannelClosedByBroker

import aio


async def closing_the_channel_gives_unacknowledged_messages_back_in_order():
    async with aio.connected() as connection:
        channel, other = await connection.channel(), await connection.channel()
        queue = await channel.exclusive_queue()
        for body in (b"1", b"2", b"3"):
            channel.basic_publish("", queue, body)
        await (await aio.Inbox(channel).consume(queue)).wait(3)
        await channel.close()
        inbox = await (await aio.Inbox(other).consume(queue)).wait(3)
        assert (inbox.bodies, inbox.redelivered) == ([b"1", b"2", b"3"], [True, True, True])


async def acknowledging_several_settles_everything_up_to_the_tag():
    async with aio.connected() as connection:
        channel, other = await connection.channel(), await connection.channel()
        queue = await channel.exclusive_queue()
        for body in (b"1", b"2", b"3", b"4"):
            channel.basic_publish("", queue, body)
        await (await aio.Inbox(channel).consume(queue)).wait(4)
        channel.basic_ack(3, multiple=True)
        await channel.close()
        await other.settle(queue)
        assert await other.drain(queue) == [b"4"]


async def a_requeued_message_returns_to_its_old_place():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        for body in (b"1", b"2", b"3"):
            channel.basic_publish("", queue, body)
        tags = [(await channel.basic_get(queue))[0].delivery_tag for _ in range(2)]
        channel.basic_nack(tags[1], requeue=True)
        channel.basic_reject(tags[0], requeue=True)
        await channel.settle(queue)
        assert await channel.drain(queue) == [b"1", b"2", b"3"]


async def recover_gives_everything_unacknowledged_back_with_new_tags():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        for body in (b"1", b"2"):
            channel.basic_publish("", queue, body)
        inbox = await (await aio.Inbox(channel).consume(queue)).wait(2)
        await channel.basic_recover(requeue=True)
        await inbox.wait(4)
        assert inbox.bodies == [b"1", b"2", b"1", b"2"]
        assert (inbox.tags, inbox.redelivered) == ([1, 2, 3, 4], [False, False, True, True])


async def acknowledging_twice_closes_the_channel():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        channel.basic_publish("", queue, b"message")
        tag = (await channel.basic_get(queue))[0].delivery_tag
        channel.basic_ack(tag)
        channel.basic_ack(tag)
        with pytest.raises(ChannelClosedByBroker) as caught:
            await channel.settle(queue)
        assert caught.value.reply_code == 406
        assert caught.value.reply_text == f"PRECONDITION_FAILED - unknown delivery tag {tag}"
