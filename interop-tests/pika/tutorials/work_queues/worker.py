"""Does the tasks of the queue "task_queue" one after the other. Start as many workers as you like."""

import os
import time

import pika

parameters = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F"))


def on_task(channel, method, properties, body):
    print(f"Received {body.decode()!r}")
    time.sleep(body.count(b".") / 10)
    # Only now: a worker that dies before has not lost the task, another one gets it.
    channel.basic_ack(method.delivery_tag)
    print(f"Done {body.decode()!r}")


connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.queue_declare("task_queue", durable=True)
# Not more than one task at a time, so that a busy worker does not hoard what an idle one could do.
channel.basic_qos(prefetch_count=1)
channel.basic_consume("task_queue", on_task)
try:
    print("Waiting for tasks. To exit press Ctrl-C")
    channel.start_consuming()
except KeyboardInterrupt:
    print("Goodbye")
