"""pika's asyncio adapter with its callbacks turned into awaiting.

The adapter itself is what is tested: every reply of the broker comes in through one of its callbacks. A
channel that the broker closes fails whatever is awaited on it, with the broker's reason.
"""

import asyncio
import contextlib
import functools

from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection

import broker

# Methods that the broker does not answer.
SILENT = {"basic_publish", "basic_ack", "basic_nack", "basic_reject"}


async def within_limit(awaitable):
    return await asyncio.wait_for(awaitable, broker.LIMIT_SECONDS)


class Connection:
    """A connection that opens by `await Connection().open()`."""

    def __init__(self, **settings):
        loop = asyncio.get_running_loop()
        self.opened = loop.create_future()
        self.closed = loop.create_future()
        self.raw = AsyncioConnection(
            broker.parameters(**settings),
            on_open_callback=lambda _: self.opened.set_result(self),
            on_open_error_callback=lambda _, error: self.opened.set_exception(error),
            on_close_callback=lambda _, reason: self.closed.set_result(reason),
        )

    async def open(self):
        return await within_limit(self.opened)

    async def channel(self, number=None):
        channel = Channel()
        opened = asyncio.get_running_loop().create_future()
        channel.raw = self.raw.channel(number, on_open_callback=opened.set_result)
        channel.raw.add_on_close_callback(channel.on_close)
        channel.raw.add_callback(channel.on_get_empty, [spec.Basic.GetEmpty], one_shot=False)
        await within_limit(opened)
        return channel

    async def close(self):
        if self.raw.is_open:
            self.raw.close()
        await within_limit(self.closed)


class Channel:
    """A channel whose methods are awaited, except those that the broker does not answer."""

    def __init__(self):
        self.raw = None
        self.closed = asyncio.get_running_loop().create_future()
        self._awaited = set()
        self._getting = None

    def on_close(self, _channel, reason):
        self.closed.set_result(reason)
        for future in self._awaited:
            if not future.done():
                future.set_exception(reason)

    async def wait(self, future):
        """Waits for the future, or for the end of the channel."""
        self._awaited.add(future)
        try:
            return await within_limit(future)
        finally:
            self._awaited.discard(future)

    def __getattr__(self, name):
        method = getattr(self.raw, name)
        return method if name in SILENT else functools.partial(self._answered, method)

    async def _answered(self, method, *arguments, **options):
        future = asyncio.get_running_loop().create_future()
        method(*arguments, callback=lambda frame: future.set_result(frame.method), **options)
        return await self.wait(future)

    async def basic_get(self, queue, auto_ack=False):
        """Method, properties and body; three times None if there is nothing."""
        self._getting = asyncio.get_running_loop().create_future()
        self.raw.basic_get(queue, lambda _, *message: self._getting.set_result(message), auto_ack)
        return await self.wait(self._getting)

    def on_get_empty(self, _frame):
        self._getting.set_result((None, None, None))

    async def close(self):
        self.raw.close()
        return await within_limit(self.closed)

    async def drain(self, queue):
        bodies = []
        while (message := await self.basic_get(queue, auto_ack=True))[0] is not None:
            bodies.append(message[2])
        return bodies

    async def settle(self, queue):
        """As `broker.settle`."""
        for _ in range(3):
            await self.queue_declare(queue, passive=True)

    async def exclusive_queue(self):
        return (await self.queue_declare("", exclusive=True)).queue


class Inbox:
    """A consumer that keeps what it gets."""

    def __init__(self, channel):
        self.channel = channel
        self.methods = []
        self.properties = []
        self.bodies = []
        self.tag = None
        self._arrived = asyncio.Event()

    async def consume(self, queue, auto_ack=False, **options):
        ok = await self.channel.basic_consume(queue, self._keep, auto_ack=auto_ack, **options)
        self.tag = ok.consumer_tag
        return self

    def _keep(self, _channel, method, properties, body):
        self.methods.append(method)
        self.properties.append(properties)
        self.bodies.append(body)
        self._arrived.set()

    async def wait(self, count):
        while len(self.bodies) < count:
            self._arrived.clear()
            await within_limit(self._arrived.wait())
        return self

    @property
    def tags(self):
        return [method.delivery_tag for method in self.methods]

    @property
    def redelivered(self):
        return [method.redelivered for method in self.methods]


@contextlib.asynccontextmanager
async def connected(**settings):
    """An open connection, closed afterwards."""
    connection = await Connection(**settings).open()
    try:
        yield connection
    finally:
        await connection.close()
