"""How `image` and `video` end: what was made, in what time, with which losses, and the command that makes it again."""

import argparse
import shlex
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import NstlibError

TERMS = ("total", "content", "style")


def add_open(parser: argparse.ArgumentParser) -> None:
    """--open: show the result."""
    parser.add_argument("--open", action="store_true", help="show the result in the browser")


class Ending:
    """Counts the seconds from its making to `told`."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def told(self, output: Path, what: str, losses: Mapping[str, float], again: Sequence[str]) -> None:
        """Say on the error stream what was made; the output stream is for programs, and has the path alone."""
        print(f"{output.name}: {what}, {time.monotonic() - self._began:.1f} s", file=sys.stderr)
        shown = [f"{name} {losses[name]:.4g}" for name in TERMS if name in losses]
        if shown:
            print(f"losses: {', '.join(shown)}", file=sys.stderr)
        print("again:", *map(quoted, again), file=sys.stderr)


def quoted(word: str) -> str:
    """A word as a shell reads it, on one line: what cannot be printed is escaped, as in $'a\\nb'."""
    if word.isprintable():
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain) + "'"


def beside(output: Path) -> Path:
    """A name for the same again."""
    return output.with_name(f"{output.stem}-again{output.suffix}")


def with_output(words: Sequence[str], output: Path) -> list[str]:
    """A command's words, with another output."""
    changed = list(words)
    for number, word in enumerate(words):
        if word in ("-o", "--output"):
            changed[number + 1] = str(output)
        elif word.startswith("--output="):
            changed[number] = f"--output={output}"
    return changed


def open_file(output: Path) -> None:
    """Show a file in the browser. Raises NstlibError where there is none."""
    if not webbrowser.open(output.absolute().as_uri()):
        raise NstlibError(f"{output} is written; no browser was found to show it in")
