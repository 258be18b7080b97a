"""Workers as users start them, and a gate that holds a task until the test lets it go on."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

from tasks import SUITE

READY_SECONDS = 30


class Worker:
    """A running worker; what it logs is kept for the report of a test that fails."""

    def __init__(self, name, *options, queue="tasks", **environment):
        command = [sys.executable, "-m", "celery", "--app", "tasks", "worker", "--loglevel", "INFO"]
        command += ["--concurrency", "2", "--hostname", f"{name}@suite", *options]
        command += ["--queues", f"{SUITE}.{queue}"]
        self.name = f"{name}@suite"
        self._process = subprocess.Popen(
            command,
            cwd=pathlib.Path(__file__).parent,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log = []
        self._heard = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self.hears(" ready.")

    def _listen(self):
        for line in self._process.stdout:
            with self._heard:
                self.log.append(line)
                self._heard.notify_all()

    def hears(self, words, since=0):
        """Returns when its log says these words."""
        with self._heard:
            said = self._heard.wait_for(
                lambda: any(words in line for line in self.log[since:]), READY_SECONDS
            )
        assert said, f"the worker never said {words!r}:\n{''.join(self.log)}"

    def kill(self):
        """The machine loses power: no goodbye to anybody, from the worker or its pool."""
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        family = [map(int, line.split()) for line in listing.stdout.splitlines()]
        # Its own first, or it would replace those of the pool.
        for pid in [self._process.pid, *(pid for pid, parent in family if parent == self._process.pid)]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def ask_to_stop(self):
        """The warm shutdown: what runs is finished."""
        self._process.terminate()

    def stop(self):
        """Stopped and gone; killed if it does not go."""
        if self._process.poll() is None:
            self.ask_to_stop()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode


class Gate:
    """Tasks knock by connecting; `open` lets one of them go on."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port = self._listener.getsockname()[1]
        self._waiting = []

    def knock(self):
        """Returns when a task has come to the gate."""
        self._waiting.append(self._listener.accept()[0])

    def open(self, word="go"):
        """Lets the task go on that came last."""
        with self._waiting.pop() as task:
            task.sendall(word.encode() + b"\n")

    def close(self):
        for task in self._waiting:
            task.close()
        self._listener.close()
