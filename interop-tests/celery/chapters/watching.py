"""Flower, the page on which people watch Celery: what it tells of workers and, from the HTTP API, of queues."""

import json
import os

import pytest

import pages
import tasks


@pytest.fixture
def flower(app, worker):
    if "INTEROP_API" not in os.environ:
        pytest.skip("INTEROP_API does not say where the HTTP API of this broker is")
    running = pages.Flower(os.environ["INTEROP_API"])
    yield running
    running.stop()


def flower_shows_the_queue_with_its_numbers(app, worker, flower, gate):
    # Two run, acknowledged as they were begun; three wait in the worker, which has not acknowledged them.
    results = [tasks.through_gate.delay(gate.port) for _ in range(5)]
    gate.knock()
    gate.knock()
    name = f"{tasks.SUITE}.tasks"

    def held(page):
        return next((row for row in pages.rows(page) if row[:2] == [name, "3"]), None)

    # Queue, messages, unacknowledged, ready, consumers, idle since.
    assert flower.shows("/broker", held)[2:5] == ["3", "0", "1"]
    for later in (True, True, True, False, False):
        gate.open()
        if later:
            gate.knock()
    assert [result.get(timeout=pages.LIMIT) for result in results] == ["go"] * 5


def flower_shows_the_worker(app, worker, flower):
    def online(page):
        workers = json.loads(page)["data"] if page else []
        return next((row for row in workers if row["hostname"] == worker.name and row["status"]), None)

    assert flower.shows("/workers?json=1", online)["hostname"] == worker.name
