"""Asks the server for a Fibonacci number: rpc_client.py [N]"""

import os
import sys
import uuid

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))


class FibonacciClient:
    """Sends questions and waits for their answers in a queue of its own."""

    def __init__(self, connection):
        self.connection = connection
        self.channel = connection.channel()
        self.answers = {}
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.basic_consume(self.queue, self.on_answer, auto_ack=True)

    def on_answer(self, channel, method, properties, body):
        self.answers[properties.correlation_id] = int(body)

    def call(self, n):
        question = str(uuid.uuid4())
        properties = pika.BasicProperties(reply_to=self.queue, correlation_id=question)
        self.channel.basic_publish("", "rpc_queue", str(n), properties)
        while question not in self.answers:
            self.connection.process_data_events(time_limit=None)
        return self.answers.pop(question)


n = int(sys.argv[1]) if 1 < len(sys.argv) else 30
with pika.BlockingConnection(parameters) as connection:
    print(f"Requesting fib({n})")
    print(f"Got {FibonacciClient(connection).call(n)}")
