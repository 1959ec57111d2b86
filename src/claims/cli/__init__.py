"""The command line, ``claimbench``: one module a command, imported when it is asked for."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable
from typing import Any

import click

from claims.cli import endings, streams
from claims.cli.endings import INTERRUPTED as INTERRUPTED
from claims.errors import ClaimsError

_COMMANDS = {
    "list": "Show claims, papers, what is covered, or verify a paper's record.",
    "audit": "Measure claims and decide which hold.",
    "why": "Tell the whole story of one claim.",
    "diff": "Compare two results, stores or git revisions.",
    "compare": "Compare the estimates of two results or stores, with tests.",
    "qualify": "Say what the seeds of claims are like, and what they can tell.",
    "calibrate": "Count false verdicts on claims of known truth.",
    "sensitivity": "Plant errors in the code, and see who notices.",
    "alarms": "Count the alarms of audits of code in which nothing is wrong.",
    "report": "Build the HTML page of a result, or what other programs read.",
    "figures": "Draw the papers' figures from a result, beside the printed values.",
    "verify": "Check a replication record, and measure a sample of it again.",
    "evidence": "List, export, merge and digest what was measured.",
    "models": "Get trained models, and run one on a text.",
    "doctor": "Say what this machine can run, and what is missing.",
    "new": "Write a claim file or a pack to start from.",
    "pack": "Judge a pack as a reviewer would.",
}


class _Commands(click.Group):
    """Imports a command's module when it runs, so that ``list`` does not wait for what ``audit`` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"claims.cli.{cmd_name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Every failure is one line on stderr and an exit code, which is 1 only where a verdict differs.

        click alone would end with 1 where a reader has gone or a file has ended.
        """
        main: Callable[..., Any] = super().main  # its overloads know no *args
        if not standalone_mode:
            return main(*args, standalone_mode=False, **extra)
        streams.open_missing()
        try:
            status = main(*args, standalone_mode=False, **extra)
            streams.give_back_output()
        except click.ClickException as error:
            status = endings.refusal(error)
        except SystemExit as end:  # of click: completion of a shell's words, or help that nobody read
            status = end.code and (endings.READER_GONE if streams.reader_is_gone() else ClaimsError.exit_code)
        except BaseException as error:  # noqa: BLE001  whatever it is, the status says that it is no verdict
            status = endings.ending(error)
        streams.discard_output()
        sys.exit(status or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what fails in it never reaches click, which would take it for something else."""
        try:
            super().invoke(ctx)
            streams.give_back_output()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BaseException as error:  # noqa: BLE001  SystemExit too: a claim file, a pack or a band raised it
            ctx.exit(endings.ending(error))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="claimbench", prog_name="claimbench")
def main() -> None:
    """Audit the quantitative claims of a paper: measure them, decide them by intervals, search for counterexamples.

    SELECT is a claim's id, a glob on ids ("my-paper.*"), paper:NAME, kind:NAME, role:NAME, tier:NAME, or a Python
    file of claims. Exit codes: 0 as expected, 1 a verdict differs, 2 bad usage, 3 undecided under --strict, 4 nothing
    ran, 5 an error while measuring, or one that nobody foresaw, 130 interrupted, 141 nobody read what was written.
    """
    streams.keep_output()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ≤ or ∞ shows a question mark
