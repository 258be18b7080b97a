"""Tells everyone who is listening; the arguments are the words."""

import os
import sys

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))
message = " ".join(sys.argv[1:]) or "info: Hello World!"

with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()
    # A fanout exchange copies each message to every queue that is bound to it, and drops it if none is.
    channel.exchange_declare("logs", exchange_type="fanout")
    channel.basic_publish(exchange="logs", routing_key="", body=message)
    print(f"Sent {message!r}")
