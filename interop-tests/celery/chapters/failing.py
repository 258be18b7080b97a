"""Workers that are killed or stopped, and a broker that is started again."""

import tasks

LIMIT = 20


def a_task_of_a_killed_worker_runs_again_if_it_is_acknowledged_late(app, start_worker, gate):
    doomed = start_worker("doomed")
    result = tasks.through_gate_acknowledged_late.delay(gate.port)
    gate.knock()
    doomed.kill()
    start_worker("heir")
    gate.knock()
    gate.open("second")
    assert result.get(timeout=LIMIT) == ["second", True]


def a_task_that_is_acknowledged_early_is_lost_with_its_worker(app, start_worker, gate):
    doomed = start_worker("doomed")
    lost = tasks.through_gate.delay(gate.port)
    gate.knock()
    doomed.kill()
    start_worker("heir")
    # What comes after it is run; nothing else is in the queue.
    assert tasks.redelivered.delay().get(timeout=LIMIT) is False
    assert lost.state in ("PENDING", "STARTED")


def a_task_that_waits_for_its_time_is_taken_over_by_another_worker(app, start_worker):
    doomed = start_worker("doomed")
    result = tasks.redelivered.apply_async(countdown=4)
    doomed.hears(result.id)
    doomed.kill()
    start_worker("heir")
    assert result.get(timeout=LIMIT) is True


def a_worker_that_is_stopped_finishes_what_it_runs(app, start_worker, gate):
    leaving = start_worker("leaving")
    running = tasks.through_gate.delay(gate.port)
    gate.knock()
    leaving.ask_to_stop()
    leaving.hears("Warm shutdown")
    waiting = tasks.add.delay(1, 2)
    gate.open("finished")
    assert running.get(timeout=LIMIT) == "finished"
    assert leaving.stop() == 0
    start_worker("heir")
    assert waiting.get(timeout=LIMIT) == 3


def a_worker_outlives_a_restart_of_the_broker(app, start_worker, restart_broker):
    staying = start_worker("staying")
    assert tasks.add.delay(1, 1).get(timeout=LIMIT) == 2
    since = len(staying.log)
    restart_broker()
    staying.hears("Connected to amqp", since)
    assert tasks.add.delay(2, 2).get(timeout=LIMIT) == 4


def a_task_outlives_a_restart_of_the_broker(app, start_worker, restart_broker):
    waiting = tasks.length.apply_async(("four",), retry=True)
    restart_broker()
    worker = start_worker("late")
    worker.hears(f"Task tasks.length[{waiting.id}] succeeded")
