"""Tasks and their results, over the rpc backend."""

import datetime
import time

import celery.exceptions
import pytest

import tasks

LIMIT = 20


def a_task_gives_its_result(worker):
    assert tasks.add.delay(2, 3).get(timeout=LIMIT) == 5


def a_task_that_fails_raises_at_its_caller(worker):
    with pytest.raises(tasks.Broken, match="on purpose"):
        tasks.fail.delay("on purpose").get(timeout=LIMIT)


def a_hundred_results_come_back_each_to_its_call(worker):
    results = [tasks.add.delay(number, number) for number in range(100)]
    assert [result.get(timeout=LIMIT) for result in results] == [2 * number for number in range(100)]


def an_argument_of_a_mebibyte_arrives(worker):
    assert tasks.length.delay("x" * 1024 * 1024).get(timeout=LIMIT) == 1024 * 1024


def a_task_with_a_countdown_waits_for_it(worker):
    called = time.monotonic()
    assert tasks.add.apply_async((1, 1), countdown=1).get(timeout=LIMIT) == 2
    assert 1 <= time.monotonic() - called


def a_task_with_an_eta_waits_for_it(worker):
    eta = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    assert tasks.add.apply_async((1, 1), eta=eta).get(timeout=LIMIT) == 2
    assert eta <= datetime.datetime.now(datetime.UTC)


def a_task_whose_time_is_over_is_not_run(worker):
    late = tasks.add.apply_async((1, 1), countdown=0.5, expires=0.1)
    with pytest.raises(celery.exceptions.TaskRevokedError):
        late.get(timeout=LIMIT)


def a_task_that_retries_is_run_until_it_succeeds(worker):
    assert tasks.succeed_at.delay(3).get(timeout=LIMIT) == 3


def a_task_that_retries_too_often_fails_with_its_error(worker):
    with pytest.raises(tasks.Broken, match="attempt 5"):
        tasks.succeed_at.delay(99).get(timeout=LIMIT)


def a_chain_hands_each_result_to_the_next(worker):
    chain = tasks.add.s(1, 2) | tasks.add.s(10) | tasks.add.s(100)
    assert chain.apply_async().get(timeout=LIMIT) == 113


def a_group_runs_side_by_side_and_keeps_its_order(worker):
    group = celery.group(tasks.add.s(number, 1) for number in range(20))
    assert group.apply_async().get(timeout=LIMIT) == list(range(1, 21))


def a_group_of_chains_gives_the_result_of_each(worker):
    group = celery.group(tasks.add.s(number, 1) | tasks.add.s(10) for number in range(3))
    assert group.apply_async().get(timeout=LIMIT) == [11, 12, 13]


def a_task_can_go_to_a_queue_that_nobody_has_declared(app, start_worker):
    result = tasks.add.apply_async((4, 5), queue=f"{tasks.SUITE}.others")
    start_worker("others", "--pool", "solo", queue="others")
    assert result.get(timeout=LIMIT) == 9


def tasks_of_higher_priority_are_run_first(app, start_worker, gate):
    queue = f"{tasks.SUITE}.priorities"
    results = {
        priority: tasks.through_gate.apply_async((gate.port,), queue=queue, priority=priority)
        for priority in (1, 9, 5)
    }
    start_worker("priorities", "--pool", "solo", "--prefetch-multiplier", "1", queue="priorities")
    for turn in ("first", "second", "third"):
        gate.knock()
        gate.open(turn)
    turns = {priority: result.get(timeout=LIMIT) for priority, result in results.items()}
    assert turns == {9: "first", 5: "second", 1: "third"}
