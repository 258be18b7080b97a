"""The application: its settings and its tasks, the same for workers and callers.

Every name that it uses on the broker begins with `CELERY_SUITE`, so that runs do not meet.
"""

import os
import socket

from celery import Celery
from kombu import Exchange, Queue

SUITE = os.environ.get("CELERY_SUITE", "interop.celery")


def _queue(noun, kind="direct", **options):
    name = f"{SUITE}.{noun}"
    return Queue(name, Exchange(name, kind), name, **options)


def application(quorum):
    """The application with classic queues; or with one quorum queue alone, which changes much in Celery."""
    if quorum:
        # Celery lets the broker keep the time of a task, but not behind a direct exchange.
        queues = [_queue("quorum", "topic", queue_arguments={"x-queue-type": "quorum"})]
    else:
        queues = [_queue("tasks"), _queue("priorities", max_priority=10)]
    made = Celery("suite", broker=os.environ.get("INTEROP_URL"), backend="rpc://", set_as_current=False)
    made.conf.update(
        task_queues=queues,
        task_default_queue=queues[0].name,
        task_default_exchange=queues[0].name,
        task_default_exchange_type=queues[0].exchange.type,
        task_default_routing_key=queues[0].name,
        control_exchange=f"{SUITE}.pidbox",
        event_exchange=f"{SUITE}.events",
        event_queue_prefix=f"{SUITE}.events",
        # Nobody chooses the names of reply queues: they go by themselves.
        result_expires=120,
        task_track_started=True,
        task_send_sent_event=True,
        worker_send_task_events=True,
        broker_connection_retry_on_startup=True,
    )
    return made


app = application(quorum="CELERY_SUITE_QUORUM" in os.environ)
app.set_current()


class Broken(Exception):
    """What a task raises that is meant to fail."""


@app.task
def add(a, b):
    return a + b


@app.task
def fail(reason):
    raise Broken(reason)


@app.task
def length(data):
    return len(data)


@app.task(bind=True, max_retries=5)
def succeed_at(self, attempt, pause=0.1):
    """Fails and, so many seconds later, is tried again until it is this attempt."""
    if self.request.retries < attempt:
        raise self.retry(countdown=pause, exc=Broken(f"attempt {self.request.retries}"))
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
