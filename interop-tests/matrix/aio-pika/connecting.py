"""Connections: logging in, staying, TLS, many channels, a broker out of memory."""

import asyncio
import logging
import ssl

import matrix
from aio_pika.exceptions import ProbableAuthenticationError
from broker import connect, drain, publish, queue, tls_url
from matrix import behaviour, low_memory, trusting, with_certificate


@behaviour("connect")
async def _(case):
    connection = await connect(case)
    here = await connection.channel()
    await here.close()
    await connection.close()
    assert here.is_closed and connection.is_closed


@behaviour("bad-password")
async def _(case):
    try:
        await connect(case, matrix.URL.replace("guest:guest", "guest:wrong"))
    except ProbableAuthenticationError:
        return
    raise AssertionError("logged in with a wrong password")


@behaviour("heartbeats")
async def _(case):
    connection = await connect(case, matrix.URL + "?heartbeat=2")
    closed = asyncio.ensure_future(connection.closed())
    await asyncio.wait([closed], timeout=5)
    assert not closed.done(), "closed"
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"still here")
    assert await drain(name) == [b"still here"]


@behaviour("many-channels")
async def _(case):
    connection = await connect(case)
    channels = [await connection.channel() for _ in range(200)]
    queues = await asyncio.gather(*(one.declare_queue("", exclusive=True) for one in channels))
    pairs = list(zip(channels, queues, strict=True))
    await asyncio.gather(*(publish(one, its.name, its.name.encode()) for one, its in pairs))
    assert await asyncio.gather(*(drain(its) for its in queues)) == [[its.name.encode()] for its in queues]


@behaviour("blocked")
async def _(case):
    # The library tells by a warning in its log, and waits before it publishes again.
    told = asyncio.Event()
    handler = logging.Handler()
    handler.emit = lambda record: "was blocked by" in record.getMessage() and told.set()
    logger = logging.getLogger("aiormq.connection")
    logger.addHandler(handler)
    case.stack.callback(logger.removeHandler, handler)
    with low_memory() as url:
        connection = await connect(case, url)
        here = await connection.channel(publisher_confirms=False)
        await publish(here, "matrix.nowhere", b"too much")
        async with asyncio.timeout(10):
            await told.wait()
    logger.removeHandler(handler)


@behaviour("tls")
async def _(case):
    connection = await connect(case, tls_url(), ssl_context=trusting())
    here = await connection.channel()
    name = await queue(case, here)
    await publish(here, name.name, b"secret")
    assert await drain(name) == [b"secret"]
    try:
        await connect(case, tls_url(), ssl_context=trusting("INTEROP_OTHER_CA"))
    except ConnectionError as error:
        cause = error
        while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
            cause = cause.__cause__ or cause.__context__
        assert cause or "CERTIFICATE_VERIFY_FAILED" in repr(error), repr(error)
        return
    raise AssertionError("trusted a stranger")


@behaviour("tls-external")
async def _(case):
    connection = await connect(case, tls_url("?auth=external"), ssl_context=with_certificate())
    here = await connection.channel()
    name = await queue(case, here)
    # Only the user that the certificate names may say that a message is from it.
    await publish(here, name.name, b"signed", user_id="guest")
    assert await drain(name) == [b"signed"]
