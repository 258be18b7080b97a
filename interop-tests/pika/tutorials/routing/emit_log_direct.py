"""Logs with a severity: emit_log_direct.py [SEVERITY [WORDS...]]"""

import os
import sys

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))
severity = sys.argv[1] if 1 < len(sys.argv) else "info"
message = " ".join(sys.argv[2:]) or "Hello World!"

with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()
    # A direct exchange delivers to the queues bound with exactly the message's routing key.
    channel.exchange_declare("direct_logs", exchange_type="direct")
    channel.basic_publish(exchange="direct_logs", routing_key=severity, body=message)
    print(f"Sent {severity}:{message!r}")
