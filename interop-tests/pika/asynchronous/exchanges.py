"""Which queues a message reaches, by type of exchange."""

import pika
import pytest

import aio


@pytest.mark.parametrize(
    "kind, bindings, key, headers, expected",
    [
        ("direct", [("a", None), ("b", None)], "a", None, [1, 0]),
        ("fanout", [("a", None), ("b", None)], "c", None, [1, 1]),
        ("topic", [("*.b", None), ("#.c", None), ("a.#", None)], "a.b", None, [1, 0, 1]),
        (
            "headers",
            [("", {"x-match": "all", "n": 1, "m": 2}), ("", {"x-match": "any", "n": 1})],
            "",
            {"n": 1},
            [0, 1],
        ),
    ],
    ids=["direct", "fanout", "topic", "headers"],
)
async def every_type_of_exchange_routes(fresh, kind, bindings, key, headers, expected):
    async with aio.connected() as connection:
        channel = await connection.channel()
        name = fresh(kind)
        await channel.exchange_declare(name, kind)
        queues = [await channel.exclusive_queue() for _ in bindings]
        for queue, (binding_key, arguments) in zip(queues, bindings):
            await channel.queue_bind(queue, name, binding_key, arguments=arguments)
        channel.basic_publish(name, key, b"message", pika.BasicProperties(headers=headers))
        assert [len(await channel.drain(queue)) for queue in queues] == expected


async def exchanges_bound_to_each_other_pass_messages_on(fresh):
    async with aio.connected() as connection:
        channel = await connection.channel()
        source, destination, queue = fresh("source"), fresh("destination"), await channel.exclusive_queue()
        await channel.exchange_declare(source, "topic")
        await channel.exchange_declare(destination, "direct")
        await channel.exchange_bind(destination, source, "orders.*")
        await channel.queue_bind(queue, destination, "orders.new")
        channel.basic_publish(source, "orders.new", b"both match")
        channel.basic_publish(source, "orders.old", b"only the source matches")
        assert await channel.drain(queue) == [b"both match"]


async def an_alternate_exchange_gets_what_the_first_could_not_route(fresh):
    async with aio.connected() as connection:
        channel = await connection.channel()
        first, alternate, queue = fresh("first"), fresh("alternate"), await channel.exclusive_queue()
        await channel.exchange_declare(alternate, "fanout")
        await channel.exchange_declare(first, "direct", arguments={"alternate-exchange": alternate})
        await channel.queue_bind(queue, alternate)
        channel.basic_publish(first, "unknown", b"unrouted")
        assert await channel.drain(queue) == [b"unrouted"]
