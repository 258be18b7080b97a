"""Remote control and events, which workers and callers exchange over the broker."""

import celery.exceptions
import pytest

import tasks

LIMIT = 20


def a_worker_answers_a_ping(app, worker):
    assert app.control.ping(timeout=5, destination=[worker.name]) == [{worker.name: {"ok": "pong"}}]


def all_workers_answer_a_broadcast(app, worker, start_worker):
    second = start_worker("second")
    answers = app.control.ping(timeout=5, limit=2)
    assert {name for answer in answers for name in answer} == {worker.name, second.name}


def a_worker_tells_what_it_can_and_what_it_reads(app, worker):
    inspect = app.control.inspect(destination=[worker.name], timeout=5, limit=1)
    assert "tasks.add" in inspect.registered()[worker.name]
    assert [queue["name"] for queue in inspect.active_queues()[worker.name]] == [f"{tasks.SUITE}.tasks"]
    assert inspect.stats()[worker.name]["broker"]["transport"] == "amqp"


def a_worker_tells_what_it_runs(app, worker, gate):
    result = tasks.through_gate.delay(gate.port)
    gate.knock()
    inspect = app.control.inspect(destination=[worker.name], timeout=5, limit=1)
    assert [task["id"] for task in inspect.active()[worker.name]] == [result.id]
    gate.open()
    assert result.get(timeout=LIMIT) == "go"


def a_revoked_task_is_not_run(app, worker):
    waiting = tasks.add.apply_async((1, 1), countdown=2)
    inspect = app.control.inspect(destination=[worker.name], timeout=5, limit=1)
    while waiting.id not in [task["request"]["id"] for task in inspect.scheduled()[worker.name]]:
        pass
    app.control.revoke(waiting.id, reply=True, timeout=5, limit=1)
    with pytest.raises(celery.exceptions.TaskRevokedError):
        waiting.get(timeout=LIMIT)


def a_worker_can_be_told_to_read_another_queue(app, worker):
    name = f"{tasks.SUITE}.others"
    to = {"destination": [worker.name], "reply": True, "timeout": 5, "limit": 1}
    app.control.add_consumer(name, **to)
    assert tasks.add.apply_async((1, 1), queue=name).get(timeout=LIMIT) == 2
    app.control.cancel_consumer(name, **to)
    inspect = app.control.inspect(destination=[worker.name], timeout=5, limit=1)
    assert [queue["name"] for queue in inspect.active_queues()[worker.name]] == [f"{tasks.SUITE}.tasks"]


def _watch(app, handle):
    """Hands events to `handle` until it says that it has seen enough; workers tell at once that they live."""
    with app.connection_for_read() as connection:

        def see(event):
            receiver.should_stop = handle(event)

        receiver = app.events.Receiver(connection, handlers={"*": see})
        receiver.capture(limit=None, timeout=LIMIT, wakeup=True)


def a_worker_tells_that_it_is_alive(app, worker):
    seen = []

    def handle(event):
        seen.append((event["type"], event["hostname"]))
        return seen[-1] == ("worker-heartbeat", worker.name)

    _watch(app, handle)
    assert ("worker-heartbeat", worker.name) in seen


def events_tell_the_life_of_a_task(app, worker):
    called, life = [], []

    def handle(event):
        if not called:  # somebody is heard, so nothing is missed from now on
            called.append(tasks.add.delay(1, 1).id)
        if event.get("uuid") in called:
            life.append(event["type"])
        return {"task-sent", "task-succeeded"} <= set(life)

    _watch(app, handle)
    life.remove("task-sent")  # by the caller, whose events the worker's may overtake
    assert life == ["task-received", "task-started", "task-succeeded"]
