"""The command line, ``claimbench``: one module a command, imported when it is asked for."""

from __future__ import annotations

import errno
import importlib
import io
import sys
from typing import Any

import click

from claims.errors import ClaimsError
from claims.report.visible import visible

#: What Ctrl-C exits with, as shells do for a command that an interrupt ended.
INTERRUPTED = 130

_COMMANDS = {
    "list": "Show claims, papers, what is covered, or verify a paper's record.",
    "audit": "Measure claims and decide which hold.",
    "why": "Tell the whole story of one claim.",
    "diff": "Compare two results.",
    "report": "Build the HTML page of a result.",
    "evidence": "List, export and merge what was measured.",
    "models": "Get trained models, and run one on a text.",
    "doctor": "Say what this machine can run, and what is missing.",
    "new": "Write a claim file to start from.",
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

    def invoke(self, ctx: click.Context) -> Any:
        """Every failure that has a name is one line on stderr and an exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except ClaimsError as error:
            click.echo(f"claimbench: {visible(error, lines=True)}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:  # a full disk, a file that went away: the message names it
            if error.errno == errno.EPIPE:
                raise  # whoever read our output has had enough, which click ends quietly
            click.echo(f"claimbench: {visible(error, lines=True)}", err=True)
            ctx.exit(ClaimsError.exit_code)
        except KeyboardInterrupt:
            click.echo("claimbench: interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="claimbench", prog_name="claimbench")
def main() -> None:
    """Audit the quantitative claims of a paper: measure them, decide them by intervals, search for counterexamples.

    SELECT is a claim's id, a glob on ids ("my-paper.*"), paper:NAME, kind:NAME, role:NAME, tier:NAME, or a Python
    file of claims. Exit codes: 0 as expected, 1 a verdict differs, 2 bad usage, 3 undecided under --strict, 4 nothing
    ran, 5 an error while measuring, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ≤ or ∞ shows a question mark
