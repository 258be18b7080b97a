"""The application: its settings and its tasks, the same for workers and callers.

Every name that it uses on the broker begins with `CELERY_SUITE`, so that runs do not meet.
"""

import os
import socket

from celery import Celery
from kombu import Exchange, Queue

SUITE = os.environ.get("CELERY_SUITE", "interop.celery")


def _queue(noun, **options):
    name = f"{SUITE}.{noun}"
    return Queue(name, Exchange(name), name, **options)


app = Celery("suite", broker=os.environ.get("INTEROP_URL"), backend="rpc://")
app.conf.update(
    task_default_queue=f"{SUITE}.tasks",
    task_default_exchange=f"{SUITE}.tasks",
    task_default_routing_key=f"{SUITE}.tasks",
    task_queues=[
        _queue("tasks"),
        _queue("priorities", max_priority=10),
    ],
    control_exchange=f"{SUITE}.pidbox",
    event_exchange=f"{SUITE}.events",
    event_queue_prefix=f"{SUITE}.events",
    task_track_started=True,
    task_send_sent_event=True,
    worker_send_task_events=True,
    # A worker that has lost its broker asks again at once, not after seconds.
    broker_connection_retry_on_startup=True,
    broker_transport_options={"interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.5},
    worker_cancel_long_running_tasks_on_connection_loss=False,
)


class Broken(Exception):
    """What a task raises that is meant to fail."""


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def fail(reason):
    raise Broken(reason)


@app.task
def length(data):
    return len(data)


@app.task(bind=True, max_retries=5)
def succeed_at(self, attempt):
    """Fails and is tried again until it is this attempt."""
    if self.request.retries < attempt:
        raise self.retry(countdown=0.1, exc=Broken(f"attempt {self.request.retries}"))
    return self.request.retries


@app.task(bind=True)
def redelivered(self):
    return self.request.delivery_info["redelivered"]


def _through(port):
    """Knocks at the test's gate and waits to be told to go on."""
    with socket.create_connection(("127.0.0.1", port)) as gate:
        return gate.makefile().readline().strip()


@app.task
def through_gate(port):
    return _through(port)


@app.task(bind=True, acks_late=True, reject_on_worker_lost=True)
def through_gate_acknowledged_late(self, port):
    return _through(port), self.request.delivery_info["redelivered"]
