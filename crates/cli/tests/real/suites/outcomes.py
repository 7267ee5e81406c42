"""A pytest plugin that writes one line for each test, as the PHP suites print them.

The file is named by EVENKEEL_OUTCOMES; a test's name is its id without folders.
"""

import os


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        verdict = "ok" if report.outcome == "passed" else "not ok"
        name = report.nodeid.rsplit("/", 1)[-1]
        with open(os.environ["EVENKEEL_OUTCOMES"], "a", encoding="utf-8") as file:
            file.write(f"{verdict} {name} # {brief(report)}\n")


def brief(report):
    lines = str(report.longrepr or "").strip().splitlines()
    faults = [line for line in lines if line.startswith("E ")]
    return (faults or lines or [""])[-1]
