"""How the program talks to the broker through kombu: connections, consumers, refusals."""

import contextlib
import os
import time

import matrix
from amqp.exceptions import NotFound, PreconditionFailed, ResourceLocked
from kombu import Connection, Consumer, Producer, Queue

LIMIT_SECONDS = 10

REFUSALS = {404: NotFound, 405: ResourceLocked, 406: PreconditionFailed}

# With these, kombu leaves bodies alone.
RAW = {"content_type": "application/octet-stream", "content_encoding": "binary"}


def connect(case, url=matrix.URL, **settings):
    """A connection that is closed after the behaviour; publishing on it waits for the confirm."""
    settings.setdefault("transport_options", {"confirm_publish": True})
    connection = Connection(url, **settings)
    case.stack.callback(_close, connection)
    connection.connect()
    return connection


def _close(connection):
    # The broker may have ended it a moment ago.
    with contextlib.suppress(OSError):
        connection.release()


def channel(case, **settings):
    """A channel on a connection of its own."""
    return connect(case, **settings).channel()


def tls(ca="INTEROP_CA", **more):
    """What `ssl` is to be: trust in the authority that this variable names, and in no other."""
    return {"ca_certs": os.environ[ca], "cert_reqs": 2, "server_hostname": "localhost"} | more


def tls_url():
    """The address for TLS; kombu itself turns localhost into 127.0.0.1."""
    return os.environ["INTEROP_TLS_URL"]


def queue(case, channel, noun="queue", **arguments):
    """A new durable queue with these x-arguments (underscores for dashes)."""
    dashed = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    return declared(channel, case.name(noun), dashed)


def declared(channel, name, arguments):
    """A durable queue, declared with these arguments."""
    bound = Queue(name, channel=channel, durable=True, queue_arguments=arguments)
    bound.declare()
    return bound


def publish(channel, key, *bodies, exchange="", **properties):
    """Publishes; the messages are where they belong on return."""
    producer = Producer(channel, auto_declare=False)
    for body in bodies:
        producer.publish(body, routing_key=key, exchange=exchange, **RAW, **properties)


def drain(queue):
    """Takes everything out of a queue; the bodies."""
    bodies = []
    while message := queue.get(no_ack=True):
        bodies.append(bytes_of(message))
    return bodies


def bytes_of(message):
    """A body; an empty one comes as text."""
    return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


def passive(channel, name):
    """A passive declare: name, messages, consumers."""
    return Queue(name, channel=channel).queue_declare(passive=True)


def count(channel, name):
    """How many messages wait there."""
    return passive(channel, name).message_count


def until(condition, what):
    """Asks until the broker says yes."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_SECONDS} s for {what}"


def drain_events(connection, condition, what):
    """Handles what arrives on the connection until the condition holds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_SECONDS} s for {what}"
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=0.1)


class Inbox:
    """A consumer that keeps what it gets."""

    def __init__(self, channel, name, no_ack=False, prefetch_count=None, arguments=None):
        self.channel, self.name, self.messages = channel, name, []
        source = Queue(name, consumer_arguments=arguments, no_declare=True)
        self.consumer = Consumer(
            channel, [source], no_ack=no_ack, prefetch_count=prefetch_count, on_message=self.messages.append
        )
        self.consumer.consume()

    @property
    def bodies(self):
        return [bytes_of(message) for message in self.messages]

    @property
    def redelivered(self):
        return [message.delivery_info["redelivered"] for message in self.messages]

    def wait(self, count):
        """Returns when so many messages are here."""
        client = self.channel.connection.client
        drain_events(client, lambda: count <= len(self.messages), f"message {count}")
        return self

    def settle(self):
        """Returns when everything that is on its way is here."""
        for _ in range(3):
            count(self.channel, self.name)
        return self


@contextlib.contextmanager
def refused(code):
    """The block ends with the broker closing the channel with this code."""
    try:
        yield
    except REFUSALS[code] as error:
        assert error.reply_code == code, error
        return
    raise AssertionError(f"not refused with {code}")


def clean(names):
    """Deletes what a behaviour has declared."""
    with Connection(matrix.URL) as connection:
        channel = connection.channel()
        for name in names:
            channel.queue_delete(name)
            channel.exchange_delete(name)
