"""Prints the logs whose keys match one of these patterns: receive_logs_topic.py PATTERN..."""

import os
import sys

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))
patterns = sys.argv[1:]
if not patterns:
    sys.exit(f"Usage: {sys.argv[0]} PATTERN...   for example: 'kern.*' '*.critical' '#'")


def on_log(channel, method, properties, body):
    print(f"Received {method.routing_key}:{body.decode()!r}")


connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.exchange_declare("topic_logs", exchange_type="topic")
queue = channel.queue_declare("", exclusive=True).method.queue
for pattern in patterns:
    channel.queue_bind(queue, "topic_logs", routing_key=pattern)
channel.basic_consume(queue, on_log, auto_ack=True)
try:
    print("Waiting for logs. To exit press Ctrl-C")
    channel.start_consuming()
except KeyboardInterrupt:
    print("Goodbye")
