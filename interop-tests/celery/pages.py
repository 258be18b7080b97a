"""Flower as users start it, and its pages."""

import html
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

LIMIT = 20


class Flower:
    """A running Flower, which knows the broker's HTTP API."""

    def __init__(self, api):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "celery", "--app", "tasks", "flower", "--address=127.0.0.1"]
        command += [f"--port={self.port}", f"--broker-api={api}"]
        self._process = subprocess.Popen(
            command,
            cwd=pathlib.Path(__file__).parent,
            env=os.environ | {"FLOWER_UNAUTHENTICATED_API": "true"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def page(self, path):
        """What it shows, or nothing while it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=LIMIT) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            return ""

    def shows(self, path, wanted):
        """What `wanted` makes of the page, as soon as it makes something of it."""
        ends = time.monotonic() + LIMIT
        while time.monotonic() < ends:
            found = wanted(self.page(path))
            if found:
                return found
        raise AssertionError(f"{path} never had it:\n{self.page(path)}")

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=LIMIT)


def rows(page):
    """The tables of a page: for each row its cells, without markup."""
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL):
        cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        yield [html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in cells]
