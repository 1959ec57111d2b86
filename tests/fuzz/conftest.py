"""The table of what the fuzzers tried, after a run that tried much."""

from collections import Counter

import pytest
import torch

COLUMNS = {
    "tried": "inputs",
    "refused": "refused",
    "read": "read rightly",
    "unclear": "unclear",
    "tracebacks": "tracebacks",
    "hangs": "over 5 s",
    "large": "over 1 GiB",
    "wrong": "wrong",
}


@pytest.fixture(autouse=True)
def one_thread():
    """Small files keep no second thread busy, and what an input takes is counted over all of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_terminal_summary(terminalreporter):
    tallies = {}
    for report in [report for reports in terminalreporter.stats.values() for report in reports]:
        for name, value in getattr(report, "user_properties", ()):
            if name == "fuzz" and report.when == "call":
                counts = {key: number for key, number in value.items() if key != "format"}
                tallies.setdefault(value["format"], Counter()).update(counts)
    if sum(tally["tried"] for tally in tallies.values()) < 1000:
        return
    terminalreporter.section("files that nobody wrote")
    width = max(map(len, tallies))
    terminalreporter.line(" " * width + "".join(f"{title:>14}" for title in COLUMNS.values()))
    for name, tally in tallies.items():
        terminalreporter.line(f"{name:{width}}" + "".join(f"{tally[key]:14,}" for key in COLUMNS))
