"""The six tutorials every newcomer to AMQP types in, run as the programs that they are."""

import os
import pathlib
import queue as queues
import signal
import subprocess
import sys
import threading

import pytest

import broker

HERE = pathlib.Path(__file__).parent


class Program:
    """A running program and the lines that it prints."""

    def __init__(self, path, *arguments):
        self.name = path
        self.process = subprocess.Popen(
            [sys.executable, "-u", HERE / path, *arguments],
            env=os.environ | {"AMQP_URL": broker.URL},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Who runs the tests in the background may ignore interrupts, and programs inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._lines = queues.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self):
        """The next line, which must come in time."""
        try:
            return self._lines.get(timeout=broker.LIMIT_SECONDS)
        except queues.Empty:
            pytest.fail(f"{self.name} printed nothing more for {broker.LIMIT_SECONDS} s")

    def says(self, *lines):
        for expected in lines:
            assert self.line() == expected
        return self

    def ends(self):
        """By itself, successfully, and with nothing more to say."""
        assert self.process.wait(broker.LIMIT_SECONDS) == 0
        assert self._lines.empty()

    def interrupt(self):
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.says("Goodbye").ends()

    def kill(self):
        """As unfriendly as it gets: the program has no chance to say anything to the broker."""
        self.process.kill()
        self.process.wait(broker.LIMIT_SECONDS)


@pytest.fixture
def start(janitor):
    """Starts programs; removes them and what they leave behind on the broker."""
    started = []

    def program(path, *arguments):
        started.append(Program(path, *arguments))
        return started[-1]

    yield program
    for running in started:
        running.kill()
    channel = janitor.channel()
    for queue in ("hello", "task_queue", "rpc_queue"):
        channel.queue_delete(queue)
    for exchange in ("logs", "direct_logs", "topic_logs"):
        channel.exchange_delete(exchange)
    channel.close()


def hello_world_is_received_by_who_waits(start):
    receiver = start("hello_world/receive.py").says("Waiting for messages. To exit press Ctrl-C")
    start("hello_world/send.py").says("Sent 'Hello World!'").ends()
    receiver.says("Received 'Hello World!'").interrupt()


def hello_world_waits_for_its_receiver(start):
    start("hello_world/send.py").says("Sent 'Hello World!'").ends()
    receiver = start("hello_world/receive.py")
    receiver.says("Waiting for messages. To exit press Ctrl-C", "Received 'Hello World!'").interrupt()


def work_queues_share_tasks_between_workers(start):
    workers = [start("work_queues/worker.py") for _ in range(2)]
    for worker in workers:
        worker.says("Waiting for tasks. To exit press Ctrl-C")
    start("work_queues/new_task.py", "Slow.....").says("Sent 'Slow.....'").ends()
    start("work_queues/new_task.py", "Quick").says("Sent 'Quick'").ends()
    heard = {worker.line(): worker for worker in workers}
    assert set(heard) == {"Received 'Slow.....'", "Received 'Quick'"}
    heard["Received 'Quick'"].says("Done 'Quick'").interrupt()
    heard["Received 'Slow.....'"].says("Done 'Slow.....'").interrupt()


def work_queues_give_the_task_of_a_killed_worker_to_another(start):
    first = start("work_queues/worker.py").says("Waiting for tasks. To exit press Ctrl-C")
    start("work_queues/new_task.py", "Long" + "." * 100).says("Sent 'Long" + "." * 100 + "'").ends()
    start("work_queues/new_task.py", "Short").says("Sent 'Short'").ends()
    first.says("Received 'Long" + "." * 100 + "'")
    second = start("work_queues/worker.py").says("Waiting for tasks. To exit press Ctrl-C")
    second.says("Received 'Short'", "Done 'Short'")
    first.kill()
    second.says("Received 'Long" + "." * 100 + "'")


def publish_subscribe_reaches_everyone_who_listens(start):
    listeners = [start("publish_subscribe/receive_logs.py") for _ in range(2)]
    for listener in listeners:
        listener.says("Waiting for logs. To exit press Ctrl-C")
    start("publish_subscribe/emit_log.py", "to", "everyone").says("Sent 'to everyone'").ends()
    for listener in listeners:
        listener.says("Received 'to everyone'").interrupt()


def routing_selects_by_severity(start):
    errors = start("routing/receive_logs_direct.py", "error")
    everything = start("routing/receive_logs_direct.py", "info", "warning", "error")
    for listener in (errors, everything):
        listener.says("Waiting for logs. To exit press Ctrl-C")
    start("routing/emit_log_direct.py", "info", "all is well").says("Sent info:'all is well'").ends()
    start("routing/emit_log_direct.py", "error", "it burns").says("Sent error:'it burns'").ends()
    everything.says("Received info:'all is well'", "Received error:'it burns'").interrupt()
    errors.says("Received error:'it burns'").interrupt()


def topics_select_by_patterns(start):
    kernel = start("topics/receive_logs_topic.py", "kern.*")
    critical = start("topics/receive_logs_topic.py", "*.critical", "cron.#")
    everything = start("topics/receive_logs_topic.py", "#")
    for listener in (kernel, critical, everything):
        listener.says("Waiting for logs. To exit press Ctrl-C")
    start("topics/emit_log_topic.py", "kern.critical", "panic").says("Sent kern.critical:'panic'").ends()
    start("topics/emit_log_topic.py", "kern.info", "hm").says("Sent kern.info:'hm'").ends()
    start("topics/emit_log_topic.py", "cron", "tick").says("Sent cron:'tick'").ends()
    kernel.says("Received kern.critical:'panic'", "Received kern.info:'hm'").interrupt()
    critical.says("Received kern.critical:'panic'", "Received cron:'tick'").interrupt()
    everything.says(
        "Received kern.critical:'panic'", "Received kern.info:'hm'", "Received cron:'tick'"
    ).interrupt()


def rpc_answers_what_it_is_asked(start):
    server = start("rpc/rpc_server.py").says("Waiting for requests. To exit press Ctrl-C")
    start("rpc/rpc_client.py", "30").says("Requesting fib(30)", "Got 832040").ends()
    start("rpc/rpc_client.py", "10").says("Requesting fib(10)", "Got 55").ends()
    server.says("Computing fib(30)", "Computing fib(10)").interrupt()
