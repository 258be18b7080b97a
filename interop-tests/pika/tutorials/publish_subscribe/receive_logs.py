"""Prints everything that is said from now on, until Ctrl-C."""

import os

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))


def on_log(channel, method, properties, body):
    print(f"Received {body.decode()!r}")


connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.exchange_declare("logs", exchange_type="fanout")
# A queue of one's own: the broker makes up its name, and removes it when this connection ends.
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "logs")
channel.basic_consume(queue, on_log, auto_ack=True)
try:
    print("Waiting for logs. To exit press Ctrl-C")
    channel.start_consuming()
except KeyboardInterrupt:
    print("Goodbye")
