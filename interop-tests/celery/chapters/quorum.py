"""Tasks on a quorum queue: Celery prefetches otherwise, and leaves it to the broker to keep their time.

For that it declares 28 levels of an exchange and a queue, `celery_delayed_0` to `_27`; each level keeps a
message for twice as long as the one below, and topic patterns decide which levels a message passes.
"""

import time

import pytest

import tasks
import workers

LIMIT = 20


@pytest.fixture(scope="module")
def quorum(app):
    """An application whose worker reads a quorum queue."""
    running = workers.Worker("quorum", queue="quorum", CELERY_SUITE_QUORUM="1")
    yield tasks.application(quorum=True)
    running.stop()


def a_task_on_a_quorum_queue_gives_its_result(quorum):
    results = [quorum.send_task("tasks.add", (number, 1)) for number in range(20)]
    assert [result.get(timeout=LIMIT) for result in results] == list(range(1, 21))


def the_broker_keeps_the_time_of_a_task_on_a_quorum_queue(quorum):
    called = time.monotonic()
    results = {seconds: quorum.send_task("tasks.length", ("four",), countdown=seconds) for seconds in (3, 1)}
    for seconds in (1, 3):
        assert results[seconds].get(timeout=LIMIT) == 4
        assert seconds <= time.monotonic() - called


def a_task_on_a_quorum_queue_is_tried_again(quorum):
    # Whole seconds are all that the levels can keep.
    assert quorum.send_task("tasks.succeed_at", (2, 1)).get(timeout=LIMIT) == 2


def a_task_of_a_killed_worker_runs_again_from_a_quorum_queue(quorum, start_worker, gate):
    quorum.control.cancel_consumer(f"{tasks.SUITE}.quorum", reply=True, timeout=5, limit=1)
    doomed = start_worker("doomed", queue="quorum", CELERY_SUITE_QUORUM="1")
    result = quorum.send_task("tasks.through_gate_acknowledged_late", (gate.port,))
    gate.knock()
    doomed.kill()
    quorum.control.add_consumer(f"{tasks.SUITE}.quorum", reply=True, timeout=5, limit=1)
    gate.knock()
    gate.open("second")
    assert result.get(timeout=LIMIT) == ["second", True]
