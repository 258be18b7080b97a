"""Opening, keeping and losing a connection."""

import asyncio

import pika
import pytest

import aio


async def a_wrong_password_is_refused():
    connection = aio.Connection(credentials=pika.PlainCredentials("guest", "wrong"))
    with pytest.raises(pika.exceptions.ProbableAuthenticationError) as caught:
        await connection.open()
    assert "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN." in str(caught.value)


async def a_missing_vhost_is_refused():
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError) as caught:
        await aio.Connection(virtual_host="no-such-vhost").open()
    assert "(530) 'NOT_ALLOWED - vhost no-such-vhost not found'" in str(caught.value)


async def a_thousand_channels_work_side_by_side():
    async with aio.connected() as connection:
        # All opened at once: a thousand requests are under way before the first answer is read.
        channels = await asyncio.gather(*(connection.channel() for _ in range(1000)))
        queue = await channels[0].exclusive_queue()
        inbox = await aio.Inbox(channels[-1]).consume(queue, auto_ack=True)
        for n, channel in enumerate(channels):
            channel.basic_publish("", queue, str(n))
        await inbox.wait(1000)
        assert sorted(map(int, inbox.bodies)) == list(range(1000))
        await asyncio.gather(*(channel.close() for channel in channels))
        assert (await connection.channel()).raw.is_open


async def a_connection_that_only_idles_lives_on_its_heartbeats():
    async with aio.connected(heartbeat=1) as connection:
        # RabbitMQ gives up after two to three heartbeats of silence, so this is what has to be waited for.
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(connection.closed), 3.5)
        assert 3 <= connection.raw._heartbeat_checker._heartbeat_frames_received
        assert (await connection.channel()).raw.is_open


async def closing_a_connection_says_goodbye_and_ends_it():
    connection = await aio.Connection().open()
    await connection.channel()
    await connection.close()
    assert isinstance(await connection.closed, pika.exceptions.ConnectionClosedByClient)


async def a_publisher_is_told_to_stop_when_memory_is_low(low_memory):
    other = pika.URLParameters(low_memory.url)
    connection = aio.Connection(host=other.host, port=other.port, blocked_connection_timeout=0.5)
    reason = asyncio.get_running_loop().create_future()
    connection.raw.add_on_connection_blocked_callback(lambda _, frame: reason.set_result(frame.method.reason))
    channel = await (await connection.open()).channel()
    channel.basic_publish("", await channel.exclusive_queue(), b"too much")
    assert await aio.within_limit(reason) == "low on memory"
    assert isinstance(await aio.within_limit(connection.closed), pika.exceptions.ConnectionBlockedTimeout)
