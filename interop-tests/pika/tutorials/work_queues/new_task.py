"""Hands in a task: its words are the arguments, each dot in them a tenth of a second of work."""

import os
import sys

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))
task = " ".join(sys.argv[1:]) or "Hello World..."

with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()

    # A durable queue and persistent messages: the tasks survive a restart of the broker.
    channel.queue_declare("task_queue", durable=True)
    persistent = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)

    # With confirms, publishing returns only when the broker has taken responsibility for the task.
    channel.confirm_delivery()
    channel.basic_publish("", "task_queue", task, persistent, mandatory=True)
    print(f"Sent {task!r}")
