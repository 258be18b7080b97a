"""Computes Fibonacci numbers for whoever asks through the queue "rpc_queue"."""

import os

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))


def fibonacci(n):
    before, current = 1, 0
    for _ in range(n):
        before, current = current, before + current
    return current


def on_request(channel, method, properties, body):
    n = int(body)
    print(f"Computing fib({n})")
    # The caller said where the answer is to go, and under which number it will look for it.
    answer = pika.BasicProperties(correlation_id=properties.correlation_id)
    channel.basic_publish("", properties.reply_to, str(fibonacci(n)), answer)
    channel.basic_ack(method.delivery_tag)


connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.queue_declare("rpc_queue")
channel.basic_qos(prefetch_count=1)
channel.basic_consume("rpc_queue", on_request)
try:
    print("Waiting for requests. To exit press Ctrl-C")
    channel.start_consuming()
except KeyboardInterrupt:
    print("Goodbye")
