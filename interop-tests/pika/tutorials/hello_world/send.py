"""Puts one greeting into the queue "hello" and leaves."""

import os

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))

with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()

    # Whoever comes first creates the queue: declaring one that is there already changes nothing.
    channel.queue_declare("hello")

    # The exchange without a name delivers straight to the queue that the routing key names.
    channel.basic_publish(exchange="", routing_key="hello", body="Hello World!")
    print("Sent 'Hello World!'")
