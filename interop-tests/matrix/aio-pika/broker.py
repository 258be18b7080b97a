"""How the program talks to the broker through aio-pika: connections, consumers, refusals."""

import asyncio
import contextlib
import os
import time

import aio_pika
import aiormq
import matrix
from aio_pika import Message

LIMIT_SECONDS = 10

REFUSALS = {
    404: aio_pika.exceptions.ChannelNotFoundEntity,
    405: aiormq.exceptions.ChannelLockedResource,
    406: aio_pika.exceptions.ChannelPreconditionFailed,
}


async def connect(case, url=matrix.URL, how=aio_pika.connect, **settings):
    """A connection that is closed after the behaviour."""
    connection = await how(url, **settings)
    case.async_stack.push_async_callback(_close, connection)
    return connection


async def _close(connection):
    # The broker may have ended it a moment ago.
    with contextlib.suppress(ConnectionError):
        await connection.close()


def tls_url(query=""):
    """The address for TLS, without the credentials' being all that it says."""
    return os.environ["INTEROP_TLS_URL"] + query


async def channel(case, **settings):
    """A channel on a connection of its own."""
    return await (await connect(case)).channel(**settings)


async def queue(case, channel, noun="queue", **arguments):
    """A new durable queue with these x-arguments (underscores for dashes)."""
    dashed = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    return await channel.declare_queue(case.name(noun), durable=True, arguments=dashed)


async def publish(channel, key, *bodies, exchange=None, **properties):
    """Publishes; the messages are where they belong on return, since the channel waits for its confirms."""
    exchange = exchange or channel.default_exchange
    for body in bodies:
        await exchange.publish(Message(body, **properties), key, mandatory=False)


async def drain(queue):
    """Takes everything out of a queue; the bodies."""
    bodies = []
    while got := await queue.get(fail=False, no_ack=True):
        bodies.append(got.body)
    return bodies


async def count(channel, name):
    """How many messages wait there."""
    return (await channel.declare_queue(name, passive=True)).declaration_result.message_count


async def until(condition, what):
    """Asks until the broker says yes."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_SECONDS} s for {what}"


class Inbox:
    """A consumer that keeps what it gets."""

    @classmethod
    async def open(cls, queue, **options):
        inbox = cls()
        inbox.queue, inbox.messages, inbox._arrived = queue, [], asyncio.Event()
        inbox.tag = await queue.consume(inbox._keep, **options)
        return inbox

    async def _keep(self, message):
        self.messages.append(message)
        self._arrived.set()

    @property
    def bodies(self):
        return [message.body for message in self.messages]

    @property
    def redelivered(self):
        return [message.redelivered for message in self.messages]

    async def wait(self, count):
        """Returns when so many messages are here."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(self.messages) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self

    async def settle(self):
        """Returns when everything that is on its way is here."""
        for _ in range(3):
            await self.queue.declare()
        return self


@contextlib.asynccontextmanager
async def refused(code):
    """The block ends with the broker closing the channel with this code."""
    try:
        yield
    except REFUSALS[code]:
        return
    raise AssertionError(f"not refused with {code}")


def clean(names):
    """Deletes what a behaviour has declared."""

    async def delete():
        async with await aio_pika.connect(matrix.URL) as connection:
            channel = await connection.channel()
            for name in names:
                await channel.queue_delete(name)
                await channel.exchange_delete(name)

    asyncio.run(delete())
