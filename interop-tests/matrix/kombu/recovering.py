"""After a restart of the broker: `autoretry`, and what the worker loop `ConsumerMixin` does by itself."""

from broker import bytes_of, connect, drain, publish, queue
from kombu import Exchange, Queue
from kombu.mixins import ConsumerMixin
from matrix import behaviour, control


class Worker(ConsumerMixin):
    """Restarts the broker after the first message of each queue, and ends after the next of each."""

    def __init__(self, connection, queues, ready):
        self.connection, self.queues, self.ready = connection, queues, ready
        self.bodies, self.connects = [], 0

    def get_consumers(self, Consumer, channel):  # noqa: N803 (kombu's name)
        return [Consumer(self.queues, on_message=self.on_message)]

    def on_consume_ready(self, connection, channel, consumers, **_):
        self.connects += 1
        self.ready(channel, self.connects)

    def on_message(self, message):
        self.bodies.append(bytes_of(message))
        message.ack()
        if len(self.bodies) == len(self.queues):
            control("restart")
        self.should_stop = len(self.bodies) == 2 * len(self.queues)


@behaviour("reconnect")
def _(case):
    connection = connect(case)
    here = connection.channel()
    name = queue(case, here).name
    publish(here, name, b"persistent", delivery_mode=2)
    control("restart")
    # Reconnects until it succeeds.
    fetch = connection.autoretry(
        lambda channel: Queue(name, channel=channel).get(no_ack=True), here, interval_start=0.1
    )
    got, after = fetch()
    assert after is not here and bytes_of(got) == b"persistent"
    assert drain(Queue(name, channel=after)) == []


@behaviour("topology")
def _(case):
    exchange = Exchange(case.name("exchange"), "direct", durable=False, auto_delete=True)
    queues = [
        Queue(case.name("private"), exchange, "key", exclusive=True),
        Queue(case.name("passing"), exchange, "key", auto_delete=True),
    ]

    def ready(channel, connects):
        publish(channel, "key", b"%d" % connects, exchange=exchange.name)

    worker = Worker(connect(case), queues, ready)
    worker.run()
    assert (worker.bodies, worker.connects) == ([b"1", b"1", b"2", b"2"], 2)
