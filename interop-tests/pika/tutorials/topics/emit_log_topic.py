"""Logs under a key of words with dots between them: emit_log_topic.py [KEY [WORDS...]]"""

import os
import sys

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))
key = sys.argv[1] if 1 < len(sys.argv) else "anonymous.info"
message = " ".join(sys.argv[2:]) or "Hello World!"

with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()
    # A topic exchange compares keys with patterns: * is one word, # any number of words.
    channel.exchange_declare("topic_logs", exchange_type="topic")
    channel.basic_publish(exchange="topic_logs", routing_key=key, body=message)
    print(f"Sent {key}:{message!r}")
