"""How the program talks to the broker through pika: connections, consumers, refusals."""

import contextlib
import time

import matrix
import pika
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

LIMIT_SECONDS = 10


def connect(case, url=matrix.URL, **settings):
    """A connection that is closed after the behaviour, with these parameters changed."""
    parameters = pika.URLParameters(url)
    for name, value in settings.items():
        setattr(parameters, name, value)
    connection = pika.BlockingConnection(parameters)
    case.stack.callback(_close, connection)
    return connection


def _close(connection):
    # The broker may have ended it a moment ago.
    with contextlib.suppress(AMQPConnectionError):
        if connection.is_open:
            connection.close()


def channel(case, **settings):
    """A channel on a connection of its own."""
    return connect(case, **settings).channel()


def queue(case, channel, noun="queue", **arguments):
    """A new durable queue with these x-arguments (underscores for dashes)."""
    dashed = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    name = case.name(noun)
    channel.queue_declare(name, durable=True, arguments=dashed)
    return name


def publish(channel, queue, *bodies, exchange="", **properties):
    """Publishes on a channel of its own; the messages are where they belong on return."""
    publisher = channel.connection.channel()
    publisher.confirm_delivery()
    for body in bodies:
        publisher.basic_publish(exchange, queue, body, pika.BasicProperties(**properties))
    publisher.close()


def drain(channel, queue):
    """Takes everything out of a queue; the bodies."""
    bodies = []
    while True:
        got, _, body = channel.basic_get(queue, auto_ack=True)
        if got is None:
            return bodies
        bodies.append(body)


def count(channel, queue):
    """How many messages wait there."""
    return channel.queue_declare(queue, passive=True).method.message_count


def until(connection, condition, what):
    """Handles what arrives on the connection until the condition holds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_SECONDS} s for {what}"
        connection.process_data_events(time_limit=0.05)


def settle(channel, queue):
    """Returns when all consequences of what the channel has done to the queue have arrived here."""
    for _ in range(3):
        count(channel, queue)
    channel.connection.process_data_events(time_limit=0)


class Inbox:
    """A consumer that keeps what it gets."""

    def __init__(self, channel, queue, auto_ack=False, **options):
        self.channel, self.queue = channel, queue
        self.methods, self.properties, self.bodies = [], [], []
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
def refused(code):
    """The block ends with the broker closing the channel with this code."""
    try:
        yield
    except ChannelClosedByBroker as error:
        assert error.reply_code == code, error
    else:
        raise AssertionError(f"not refused with {code}")


def clean(names):
    """Deletes what a behaviour has declared."""
    connection = pika.BlockingConnection(pika.URLParameters(matrix.URL))
    channel = connection.channel()
    for name in names:
        channel.queue_delete(name)
        channel.exchange_delete(name)
    connection.close()
