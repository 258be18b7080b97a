"""Prints the logs of these severities: receive_logs_direct.py SEVERITY..."""

import os
import sys

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))
severities = sys.argv[1:]
if not severities:
    sys.exit(f"Usage: {sys.argv[0]} SEVERITY...   for example: info warning error")


def on_log(channel, method, properties, body):
    print(f"Received {method.routing_key}:{body.decode()!r}")


connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.exchange_declare("direct_logs", exchange_type="direct")
queue = channel.queue_declare("", exclusive=True).method.queue
for severity in severities:
    channel.queue_bind(queue, "direct_logs", routing_key=severity)
channel.basic_consume(queue, on_log, auto_ack=True)
try:
    print("Waiting for logs. To exit press Ctrl-C")
    channel.start_consuming()
except KeyboardInterrupt:
    print("Goodbye")
