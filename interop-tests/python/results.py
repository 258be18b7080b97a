"""Results of a pytest suite for the runner: one line per behaviour.

The columns are described in the runner's `table.rs`.
"""

import os


class Results:
    """A plugin; `columns` names the client and the chapter of a test's file."""

    def __init__(self, columns):
        self._columns = columns
        self._outcomes = {}

    def pytest_runtest_logreport(self, report):
        path = os.environ.get("INTEROP_RESULTS")
        if path is None:
            return
        known, _ = self._outcomes.get(report.nodeid, ("passed", ""))
        if report.outcome == "failed" or (known == "passed" and report.outcome != "passed"):
            pending = report.outcome == "skipped" and hasattr(report, "wasxfail")
            self._outcomes[report.nodeid] = ("pending" if pending else report.outcome, _reason(report))
        if report.when != "teardown":
            return
        outcome, reason = self._outcomes.pop(report.nodeid, ("passed", ""))
        file, _, test = report.nodeid.partition("::")
        sentence, _, case = test.partition("[")
        reason = f"[{case} {reason}" if case and reason else reason
        client, chapter = self._columns(file)
        line = "\t".join((client, *map(_words, (chapter, sentence)), outcome, reason))
        with open(path, "a", encoding="utf-8") as results:
            results.write(line + "\n")


def _words(identifier):
    return identifier.replace("_", " ").replace("\t", " ")


def _reason(report):
    if hasattr(report, "wasxfail"):
        return report.wasxfail
    if isinstance(report.longrepr, tuple):  # a skip: file, line, words
        return " ".join(report.longrepr[2].removeprefix("Skipped: ").split())
    crash = getattr(report.longrepr, "reprcrash", None)
    return " ".join((crash.message if crash else str(report.longrepr)).split())
