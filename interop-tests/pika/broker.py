"""The broker under test: where it is, what it may answer, and how to wait for it.

Nothing here sleeps: waiting means handling what the broker sends until a condition holds, up to a limit that
is only reached when the test fails.
"""

import contextlib
import os
import socket
import subprocess
import time

import pika
import pytest
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker

URL = os.environ.get("INTEROP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
LIMIT_SECONDS = 10


def parameters(url=URL, **settings):
    """Connection parameters of the broker under test, with these attributes changed."""
    changed = pika.URLParameters(url)
    for name, value in settings.items():
        setattr(changed, name, value)
    return changed


def until(connection, condition, what):
    """Handles what arrives on the connection until the condition holds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if deadline < time.monotonic():
            pytest.fail(f"waited {LIMIT_SECONDS} s for {what}")
        connection.process_data_events(time_limit=0.1)


def settle(channel, queue):
    """Returns when all consequences of what the channel has done to the queue have arrived here.

    A question to the queue is answered after what was sent to it before has been dealt with: in RabbitMQ
    not by the first answer, since its queues take questions before publishes and its channels answer before
    they look at their deliveries, but in the time that two more questions need.
    """
    for _ in range(3):
        channel.queue_declare(queue, passive=True)
    channel.connection.process_data_events(time_limit=0)


def publish(channel, queue, *bodies, **properties):
    """Puts messages straight into a queue: on a channel of their own, and they are there on return."""
    publisher = channel.connection.channel()
    publisher.confirm_delivery()
    for body in bodies:
        publisher.basic_publish("", queue, body, pika.BasicProperties(**properties))
    publisher.close()


def drain(channel, queue):
    """Takes everything out of a queue; the bodies."""
    bodies = []
    while True:
        got, _, body = channel.basic_get(queue, auto_ack=True)
        if got is None:
            return bodies
        bodies.append(body)


def cut(connection):
    """Ends the TCP connection without a goodbye, as if the client's process had died."""
    connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(AMQPConnectionError):
        until(connection, lambda: False, "the client to notice")


class Inbox:
    """A consumer that keeps what it gets."""

    def __init__(self, channel, queue, auto_ack=False, **options):
        self.channel = channel
        self.queue = queue
        self.methods = []
        self.properties = []
        self.bodies = []
        self.tag = channel.basic_consume(queue, self._keep, auto_ack=auto_ack, **options)

    def _keep(self, _channel, method, properties, body):
        self.methods.append(method)
        self.properties.append(properties)
        self.bodies.append(body)

    @property
    def tags(self):
        return [method.delivery_tag for method in self.methods]

    @property
    def redelivered(self):
        return [method.redelivered for method in self.methods]

    def wait(self, count):
        """Returns when so many messages are here."""
        until(self.channel.connection, lambda: count <= len(self.bodies), f"message {count}")
        return self

    def settle(self):
        """Returns when everything that is on its way is here."""
        settle(self.channel, self.queue)
        return self


@contextlib.contextmanager
def channel_error(code, text):
    """The block ends with the broker closing the channel, in exactly these words."""
    with pytest.raises(ChannelClosedByBroker) as caught:
        yield
    assert (caught.value.reply_code, caught.value.reply_text) == (code, text)


@contextlib.contextmanager
def connection_error(code, text):
    """The block ends with the broker closing the whole connection, in exactly these words."""
    with pytest.raises(ConnectionClosedByBroker) as caught:
        yield
    assert (caught.value.reply_code, caught.value.reply_text) == (code, text)


def locked(queue):
    """What everyone but the owner of an exclusive queue is told."""
    return (
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'. "
        "It could be originally declared on another connection or the exclusive property value "
        "does not match that of the original declaration."
    )


class Alarm:
    """A broker that is out of memory."""

    def __init__(self, url, relief):
        self.url = url
        self._relief = relief

    def must_be_relievable(self):
        if self._relief is None:
            pytest.skip("INTEROP_ALARM_OFF does not say how to relieve this broker")

    def relieve(self):
        """Gives the broker memory again."""
        subprocess.run(self._relief, shell=True, check=True, timeout=20, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def low_memory():
    """Either a second broker that is always out of memory, or this one, told to think that it is.

    INTEROP_ALARM_ON and INTEROP_ALARM_OFF are shell commands that raise and clear the alarm of the broker.
    """
    on, off = os.environ.get("INTEROP_ALARM_ON"), os.environ.get("INTEROP_ALARM_OFF")
    if on and off:
        subprocess.run(on, shell=True, check=True, timeout=20, stdout=subprocess.DEVNULL)
        try:
            yield Alarm(URL, off)
        finally:
            subprocess.run(off, shell=True, check=True, timeout=20, stdout=subprocess.DEVNULL)
    elif "INTEROP_BLOCKED_URL" in os.environ:
        yield Alarm(os.environ["INTEROP_BLOCKED_URL"], None)
    else:
        pytest.skip("neither INTEROP_BLOCKED_URL nor INTEROP_ALARM_ON names a broker that is out of memory")
