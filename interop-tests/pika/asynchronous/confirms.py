"""Publisher confirms as they come from the broker: numbers, alone or several at once, in their order."""

import asyncio

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

import aio


class _Ledger:
    """Everything the broker says about what was published on a channel, in the order in which it came."""

    def __init__(self, channel):
        self.channel = channel
        self.events = []
        self.settled = {}
        self._changed = asyncio.Event()

    async def open(self):
        await self.channel.confirm_delivery(self._on_confirm)
        self.channel.raw.add_on_return_callback(self._on_return)
        return self

    def _on_return(self, _channel, method, _properties, body):
        self.events.append(("return", method.reply_code, body))

    def _on_confirm(self, frame):
        method = frame.method
        word = {"Basic.Ack": "ack", "Basic.Nack": "nack"}[method.NAME]
        self.events.append((word, method.delivery_tag))
        first = max(self.settled, default=0) + 1 if method.multiple else method.delivery_tag
        for tag in range(min(first, method.delivery_tag), method.delivery_tag + 1):
            assert tag not in self.settled, f"{tag} was settled twice"
            self.settled[tag] = word
        self._changed.set()

    async def wait(self, count):
        while len(self.settled) < count:
            self._changed.clear()
            await aio.within_limit(self._changed.wait())
        return self


async def every_publish_is_confirmed_once_alone_or_with_others():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        ledger = await _Ledger(channel).open()
        for _ in range(1000):
            channel.basic_publish("", queue, b"message")
        await ledger.wait(1000)
        assert ledger.settled == {tag: "ack" for tag in range(1, 1001)}


async def persistent_messages_are_confirmed_once_alone_or_with_others(fresh):
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = fresh("queue")
        await channel.queue_declare(queue, durable=True)
        ledger = await _Ledger(channel).open()
        for _ in range(500):
            channel.basic_publish("", queue, b"message", pika.BasicProperties(delivery_mode=2))
        await ledger.wait(500)
        assert ledger.settled == {tag: "ack" for tag in range(1, 501)}


async def numbers_start_with_the_confirm_mode_and_count_every_publish():
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = await channel.exclusive_queue()
        channel.basic_publish("", queue, b"before")
        ledger = await _Ledger(channel).open()
        channel.basic_publish("amq.direct", "nobody listens", b"unroutable")
        channel.basic_publish("", queue, b"routable")
        await ledger.wait(2)
        assert ledger.settled == {1: "ack", 2: "ack"}


async def a_mandatory_unroutable_message_is_returned_before_its_confirm():
    async with aio.connected() as connection:
        channel = await connection.channel()
        ledger = await _Ledger(channel).open()
        channel.basic_publish("amq.direct", "nobody listens", b"back", mandatory=True)
        await ledger.wait(1)
        assert ledger.events == [("return", 312, b"back"), ("ack", 1)]


async def a_full_queue_that_rejects_publishes_refuses_them(fresh):
    async with aio.connected() as connection:
        channel = await connection.channel()
        queue = fresh("queue")
        limit = {"x-max-length": 2, "x-overflow": "reject-publish"}
        await channel.queue_declare(queue, durable=True, arguments=limit)
        confirms = []
        await channel.confirm_delivery(lambda frame: confirms.append(frame.method))
        for count in range(1, 6):  # one by one: in a burst nacks may overtake acks
            channel.basic_publish("", queue, str(count))
            while len(confirms) < count:
                await channel.settle(queue)
        assert [method.NAME for method in confirms] == ["Basic.Ack"] * 2 + ["Basic.Nack"] * 3
        assert [method.delivery_tag for method in confirms] == [1, 2, 3, 4, 5]
        assert await channel.drain(queue) == [b"1", b"2"]


async def publishing_to_a_missing_exchange_closes_the_channel(fresh):
    async with aio.connected() as connection:
        channel = await connection.channel()
        await _Ledger(channel).open()
        name = fresh("exchange")
        channel.basic_publish(name, "key", b"message")
        reason = await aio.within_limit(channel.closed)
        assert (reason.reply_code, reason.reply_text) == (
            404,
            f"NOT_FOUND - no exchange '{name}' in vhost '/'",
        )


async def confirms_and_transactions_exclude_each_other():
    async with aio.connected() as connection:
        channel = await connection.channel()
        await channel.tx_select()
        with pytest.raises(ChannelClosedByBroker) as caught:
            await channel.confirm_delivery(print)
        assert caught.value.reply_text == "PRECONDITION_FAILED - cannot switch from tx to confirm mode"
