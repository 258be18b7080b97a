"""Connections: logging in, staying, TLS, many channels, a broker out of memory."""

import contextlib
import os
import ssl
import time

import matrix
from amqp.exceptions import AccessRefused
from broker import channel, connect, drain, drain_events, publish, queue, tls, tls_url
from kombu import Queue
from matrix import behaviour, low_memory


@behaviour("connect")
def _(case):
    connection = connect(case)
    here = connection.channel()
    here.close()
    connection.close()
    assert not connection.connected


@behaviour("bad-password")
def _(case):
    try:
        connect(case, matrix.URL.replace("guest:guest", "guest:wrong"))
    except AccessRefused:
        return
    raise AssertionError("logged in with a wrong password")


@behaviour("heartbeats")
def _(case):
    connection = connect(case, heartbeat=2)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=0.5)
        connection.heartbeat_check()
    here = connection.channel()
    name = queue(case, here)
    publish(here, name.name, b"still here")
    assert drain(name) == [b"still here"]


@behaviour("many-channels")
def _(case):
    connection = connect(case)
    queues = [Queue("", channel=connection.channel(), exclusive=True) for _ in range(200)]
    for its in queues:
        its.declare()
    for its in queues:
        publish(its.channel, its.name, its.name.encode())
    for its in queues:
        assert drain(its) == [its.name.encode()]


@behaviour("blocked")
def _(case):
    with low_memory() as url:
        told = []
        connection = connect(case, url, transport_options={"on_blocked": told.append})
        publish(connection.channel(), "matrix.nowhere", b"too much")
        drain_events(connection, lambda: told, "connection.blocked")


@behaviour("tls")
def _(case):
    here = channel(case, url=tls_url(), ssl=tls())
    name = queue(case, here)
    publish(here, name.name, b"secret")
    assert drain(name) == [b"secret"]
    try:
        connect(case, tls_url(), ssl=tls("INTEROP_OTHER_CA"))
    except ssl.SSLCertVerificationError:
        return
    raise AssertionError("trusted a stranger")


@behaviour("tls-external")
def _(case):
    own = {"certfile": os.environ["INTEROP_CLIENT_CERT"], "keyfile": os.environ["INTEROP_CLIENT_KEY"]}
    here = channel(case, url=tls_url(), ssl=tls(**own), login_method="EXTERNAL")
    name = queue(case, here)
    # Only the user that the certificate names may say that a message is from it.
    publish(here, name.name, b"signed", user_id="guest")
    assert drain(name) == [b"signed"]
