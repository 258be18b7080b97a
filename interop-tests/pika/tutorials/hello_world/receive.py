"""Prints every greeting that arrives in the queue "hello", until Ctrl-C."""

import os

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))


def on_message(channel, method, properties, body):
    print(f"Received {body.decode()!r}")


connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.queue_declare("hello")
channel.basic_consume("hello", on_message, auto_ack=True)
try:
    print("Waiting for messages. To exit press Ctrl-C")
    channel.start_consuming()
except KeyboardInterrupt:
    print("Goodbye")
