"""A client for the listings: a connection with a channel that consumes, until the broker or its starter ends it.

client.py URL QUEUE
"""

import sys

import pika

url, queue = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.basic_qos(prefetch_count=7)
channel.basic_consume(queue, lambda *delivery: None, consumer_tag="interop.admin.consumer")
print("consuming", flush=True)
try:
    channel.start_consuming()
except pika.exceptions.ConnectionClosed:
    print("closed", flush=True)
