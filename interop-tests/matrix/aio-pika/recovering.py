"""After a restart of the broker: the robust connection and what it declares again."""

import asyncio

import aio_pika
from broker import Inbox, connect, publish, queue
from matrix import behaviour, control


async def _robust(case):
    return await connect(case, how=aio_pika.connect_robust, reconnect_interval=0.1)


async def _restart(connection):
    reconnected = asyncio.Event()
    connection.reconnect_callbacks.add(lambda *_: reconnected.set())
    await asyncio.to_thread(control, "restart")
    await reconnected.wait()
    await connection.ready()


@behaviour("reconnect")
async def _(case):
    connection = await _robust(case)
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"persistent", delivery_mode=2)
    await _restart(connection)
    await here.ready()
    got = await name.get()
    assert (got.body, await name.get(fail=False)) == (b"persistent", None)
    await got.ack()


@behaviour("topology")
async def _(case):
    connection = await _robust(case)
    here = await connection.channel()
    exchange = await here.declare_exchange(case.name("exchange"), "direct", auto_delete=True)
    private = await here.declare_queue(case.name("private"), exclusive=True)
    passing = await here.declare_queue(case.name("passing"), durable=True, auto_delete=True)
    for name in (private, passing):
        await name.bind(exchange, "key")
    inboxes = [await Inbox.open(private, no_ack=True), await Inbox.open(passing, no_ack=True)]
    await publish(here, "key", b"before", exchange=exchange)
    for inbox in inboxes:
        await inbox.wait(1)
    await _restart(connection)
    await here.ready()
    await publish(here, "key", b"after", exchange=exchange)
    for inbox in inboxes:
        assert (await inbox.wait(2)).bodies == [b"before", b"after"]
