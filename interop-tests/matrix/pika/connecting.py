"""Connections: logging in, staying, TLS, many channels, a broker out of memory."""

import os
import ssl
import time

import pika
from broker import connect, drain, publish, queue, until
from matrix import behaviour, low_memory, trusting, with_certificate
from pika.exceptions import ProbableAuthenticationError


@behaviour("connect")
def _(case):
    connection = connect(case)
    channel = connection.channel()
    channel.close()
    connection.close()
    assert channel.is_closed and connection.is_closed


@behaviour("bad-password")
def _(case):
    try:
        connect(case, credentials=pika.PlainCredentials("guest", "wrong"))
    except ProbableAuthenticationError:
        return
    raise AssertionError("logged in with a wrong password")


@behaviour("heartbeats")
def _(case):
    connection = connect(case, heartbeat=2)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        connection.process_data_events(time_limit=end - time.monotonic())
    channel = connection.channel()
    name = queue(case, channel)
    publish(channel, name, b"still here")
    assert drain(channel, name) == [b"still here"]


@behaviour("many-channels")
def _(case):
    connection = connect(case)
    channels = [connection.channel() for _ in range(200)]
    queues = [channel.queue_declare("", exclusive=True).method.queue for channel in channels]
    for channel, name in zip(channels, queues, strict=True):
        channel.basic_publish("", name, name.encode())
    for channel, name in zip(channels, queues, strict=True):
        got = []
        while not got:
            got = drain(channel, name)
        assert got == [name.encode()]


@behaviour("blocked")
def _(case):
    with low_memory() as url:
        connection = connect(case, url)
        told = []
        connection.add_on_connection_blocked_callback(lambda _connection, method: told.append(method))
        channel = connection.channel()
        channel.basic_publish("", "matrix.nowhere", b"too much")
        until(connection, lambda: told, "connection.blocked")


@behaviour("tls")
def _(case):
    options = pika.SSLOptions(trusting(), "localhost")
    url = os.environ["INTEROP_TLS_URL"]
    channel = connect(case, url, ssl_options=options).channel()
    name = queue(case, channel)
    publish(channel, name, b"secret")
    assert drain(channel, name) == [b"secret"]
    wrong = pika.SSLOptions(trusting("INTEROP_OTHER_CA"), "localhost")
    try:
        connect(case, url, ssl_options=wrong)
    except ssl.SSLCertVerificationError:
        return
    raise AssertionError("trusted a stranger")


@behaviour("tls-external")
def _(case):
    options = pika.SSLOptions(with_certificate(), "localhost")
    credentials = pika.credentials.ExternalCredentials()
    url = os.environ["INTEROP_TLS_URL"]
    channel = connect(case, url, ssl_options=options, credentials=credentials).channel()
    name = queue(case, channel)
    # Only the user that the certificate names may say that a message is from it.
    publish(channel, name, b"signed", user_id="guest")
    assert drain(channel, name) == [b"signed"]
