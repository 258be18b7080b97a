"""Queues that come and go: server-named, exclusive, auto-delete; and who is told when one goes."""

import asyncio

import pytest
from pika.exceptions import ChannelClosedByBroker

import aio
import broker


async def an_exclusive_queue_is_locked_for_other_connections(fresh):
    name = fresh("exclusive")
    async with aio.connected() as owner, aio.connected() as stranger:
        await (await owner.channel()).queue_declare(name, exclusive=True)
        with pytest.raises(ChannelClosedByBroker) as caught:
            await (await stranger.channel()).queue_declare(name, exclusive=True)
        assert (caught.value.reply_code, caught.value.reply_text) == (405, broker.locked(name))


async def an_auto_delete_queue_goes_with_its_last_consumer(fresh):
    name = fresh("queue")
    async with aio.connected() as connection:
        channel = await connection.channel()
        await channel.queue_declare(name, auto_delete=True, durable=True)
        inbox = await aio.Inbox(channel).consume(name)
        await channel.basic_cancel(inbox.tag)
        with pytest.raises(ChannelClosedByBroker) as caught:
            await channel.queue_declare(name, passive=True)
        assert caught.value.reply_text == f"NOT_FOUND - no queue '{name}' in vhost '/'"


async def a_consumer_is_told_when_its_queue_is_deleted(fresh):
    name = fresh("queue")
    async with aio.connected() as connection:
        channel = await connection.channel()
        await channel.queue_declare(name, durable=True)
        told = asyncio.get_running_loop().create_future()
        channel.raw.add_on_cancel_callback(lambda frame: told.set_result(frame.method.consumer_tag))
        inbox = await aio.Inbox(channel).consume(name)
        await (await connection.channel()).queue_delete(name)
        assert await aio.within_limit(told) == inbox.tag
        assert channel.raw.is_open
