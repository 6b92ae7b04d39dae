"""The command line: nstlib COMMAND. Every setting is a flag, made from the settings' table."""

import argparse
import json
import math
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import NstlibError, NstlibNote
from ..media import files
from ..scale import executors
from ..scale.axes import parse
from . import clip_commands
from .flags import add_settings, given_settings

GROUPS = {
    "to begin with": ("demo",),
    "a picture": ("image", "replay"),
    "a clip": ("video", "frames", "measure"),
    "many pictures": ("sweep",),
}
AXIS = "a setting, or style, with its values; between lists semicolons: 'style_layers=block1_conv1;block2_conv1,…'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, 1 for an error said in one line; exits with 2 for wrong usage."""
    given = _given(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be no text
    with warnings.catch_warnings():
        warnings.showwarning = _noted(warnings.showwarning)
        warnings.simplefilter("default", NstlibNote)
        return _run(given)


def _run(given: argparse.Namespace) -> int:
    try:
        given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except NstlibError as error:
        return _failed(str(error))
    except OSError as error:  # what the system refuses, such as a name that is too long
        return _failed(f"{error.filename or 'the system'}: {error.strerror or error}")
    except MemoryError:
        return _failed("there is not enough memory for this; choose a smaller size")
    except KeyboardInterrupt:
        return _failed("stopped; no output is half written, and the same command starts again")
    return 0


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the words say. A flag that there is not is an error of its command, with the nearest that there is."""
    given, unknown = parser().parse_known_args(arguments)
    if unknown:
        near = get_close_matches(unknown[0].partition("=")[0], given.command._option_string_actions, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        given.command.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return given


def _noted(show: Callable[..., None]) -> Callable[..., None]:
    """What shows warnings: a note of ours is one line, above the progress bar; others are shown as before."""

    def shown(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, NstlibNote):
            return show(message, category, *where, **more)
        from tqdm import tqdm

        return tqdm.write(f"nstlib: note: {message}", file=sys.stderr)

    return shown


def _failed(line: str) -> int:
    print(f"nstlib: {line}", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """The parser of every command and flag."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="nstlib", usage="%(prog)s COMMAND ...", formatter_class=raw)
    top.epilog = "example: nstlib image photo.jpg painting.jpg -o out.png\nCOMMAND --help tells more"
    top.add_argument("--version", action="version", version=f"nstlib {__version__}")
    commands = top.add_subparsers(prog="nstlib", required=True, metavar="COMMAND", help=argparse.SUPPRESS)

    image = _command(commands, "image", image_command, "stylise a picture", "photo.jpg painting.jpg -o out.png")
    image.usage = "%(prog)s CONTENT STYLE [STYLE ...] -o OUT.png [options]"
    image.add_argument("content", type=Path, help="the photograph")
    image.add_argument("styles", type=Path, nargs="+", metavar="style", help="one or several paintings")
    image.add_argument("-o", "--output", type=Path, required=True, help="the picture to write; a PNG holds its record")
    image.add_argument("--mask", type=Path, action="append", default=[], help="a style's region, white; one a style")
    image.add_argument("--json", action="store_true", help="print the final losses as JSON")
    add_settings(image)

    text = "make a picture again from its record"
    replay = _command(commands, "replay", replay_command, text, "out.png -o again.png")
    replay.add_argument("picture", type=Path, help="a picture that `image` wrote")
    replay.add_argument("-o", "--output", type=Path, required=True, help="the picture to write")
    replay.add_argument("--search", type=Path, action="append", default=[], help="a folder to look for inputs in")

    text = "stylise a clip, steady and with its sound; stopped, the same command goes on"
    video = _command(commands, "video", clip_commands.video_command, text, "clip.mp4 painting.jpg -o out.mp4")
    video.usage = "%(prog)s CLIP STYLE [STYLE ...] -o OUT.mp4 [options]"
    clip_commands.add_video(video)
    add_settings(video, video=True)

    text = "a picture for every combination of settings' values, with a table and a contact sheet; stopped, it goes on"
    example = "photo.jpg painting.jpg --axis content_weight=0.01,0.1 --axis style_weight=1,3 -o sweep"
    grid = _command(commands, "sweep", sweep_command, text, example)
    grid.usage = "%(prog)s CONTENT [STYLE ...] --axis NAME=V,V [--axis ...] -o DIR [settings]"
    grid.add_argument("content", type=Path, help="the photograph")
    grid.add_argument("styles", type=Path, nargs="*", metavar="style", help="paintings; or give --axis style=A,B")
    grid.add_argument("--axis", action="append", required=True, metavar="NAME=V,V", help=AXIS)
    grid.add_argument("-o", "--output", type=Path, required=True, help="the folder to write to")
    executors.add_workers(grid)
    add_settings(grid)

    text = "take a clip apart into images, or put images together"
    clip_commands.add_frames(_command(commands, "frames", clip_commands.frames_command, text, "clip.mp4 -o frames"))

    text = "measure a stylised clip against its source"
    measure = _command(
        commands, "measure", clip_commands.measure_command, text, "clip.mp4 out.mp4 --style painting.jpg"
    )
    clip_commands.add_measure(measure)

    demo = _command(commands, "demo", demo_command, "stylise the bundled samples", "-o outputs")
    demo.add_argument("-o", "--output", type=Path, default=Path("outputs"), help="the folder to write to")

    _command(
        commands,
        "settings",
        settings_command,
        "list every setting with its default; each is a flag of `image` and `video`",
        "",
    )
    top.description = f"Neural style transfer on images and videos.\n\n{_listed(commands.choices)}"
    return top


def _listed(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    """The commands by what one wants of them, each with what it does."""
    grouped = {name for names in GROUPS.values() for name in names}
    groups = {**GROUPS, "more": [name for name in commands if name not in grouped]}
    lines = []
    for wanted, names in groups.items():
        lines.append(f"{wanted}:")
        for name in names:
            lines += textwrap.wrap(
                commands[name].description, 76, initial_indent=f"  {name:10}", subsequent_indent=" " * 12
            )
    return "\n".join(lines)


def _command(commands: Any, name: str, run: Callable, text: str, example: str) -> argparse.ArgumentParser:
    example = f"example: nstlib {name} {example}"
    command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.", epilog=example)
    command.set_defaults(run=run, command=command)
    return command


def image_command(given: argparse.Namespace) -> None:
    """Stylise a picture; Ctrl-C keeps the picture so far, and so does a loss that is no longer finite."""
    from ..media import images

    images.check_output(given.output)
    files.check_inputs(given.output, given.content, *given.styles, *given.mask)
    settings = given_settings(given)
    for path in (given.content, *given.styles, *given.mask):
        images.shape_of(path)  # what can be refused at once is, before TensorFlow is loaded
    from ..engines.frames import begin

    run = begin(given.content, given.styles, settings, masks=given.mask)
    try:
        follow_run(run)
    except KeyboardInterrupt:
        _keep(run, given.output)
        so_far = f"stopped after {run.number} of {run.total_steps} steps; so far: {given.output}"
        raise NstlibError(f"{so_far}; to go on from it, add --init {given.output} and name another output") from None
    except NstlibError as error:
        _keep(run, given.output)
        raise NstlibError(f"{error}; the last good picture is in {given.output}") from None
    _keep(run, given.output)
    print(json.dumps({name: curve[-1] for name, curve in run.curves.items()}) if given.json else given.output)


def replay_command(given: argparse.Namespace) -> None:
    """Make a picture again from its record."""
    from ..media import images

    images.check_output(given.output)
    files.check_inputs(given.output, given.picture)
    record = images.read_record(given.picture)
    from ..engines import records

    run = records.replay(record, search=(given.picture.parent, *given.search))
    follow_run(run)
    _keep(run, given.output)
    print(given.output)


def sweep_command(given: argparse.Namespace) -> None:
    """Make a grid of pictures; those that cannot be made are told at the end, and the others are there."""
    axes: dict[str, Any] = {}
    for name, values in map(parse, given.axis):
        if name in axes:
            raise NstlibError(f"--axis {name} is given twice; give its values together")
        axes[name] = values
    settings, done, failed = given_settings(given), 0, 0
    from tqdm.auto import tqdm

    from ..scale.sweeps import sweep

    with executors.executor(given.scheduler, given.workers) as pool:
        cells = sweep(given.content, given.styles, axes, pool, settings=settings, output=given.output)
        total = math.prod(map(len, axes.values()))
        try:
            for cell in tqdm(cells, total=total, unit="cell", leave=False, dynamic_ncols=True):
                done, failed = done + 1, failed + bool(cell.error)
        except KeyboardInterrupt:
            raise clip_commands.stopped(done, total, "cells", given.output) from None
    print(given.output / "sheet.png")
    if failed:
        raise NstlibError(f"{failed} of {total} cells could not be made; {given.output / 'table.csv'} says why")


def settings_command(given: argparse.Namespace) -> None:
    """List every setting."""
    table = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False)
    add_settings(table, video=True, shown=True)
    table.print_help()


def demo_command(given: argparse.Namespace) -> None:
    """Stylise the bundled samples."""
    from .demo import demo

    demo(given.output)


def follow_run(run: Any) -> None:
    """Take every step that is left, behind a progress bar."""
    from tqdm.auto import tqdm

    with tqdm(run, total=run.total_steps, initial=run.number, unit="step", leave=False, dynamic_ncols=True) as bar:
        for step in bar:
            bar.set_postfix_str(f"{step.shape[1]}x{step.shape[0]} loss {step.losses['total']:.4g}", refresh=False)


def _keep(run: Any, output: Path) -> None:
    from ..engines import records
    from ..media import images

    images.save(output, run.image, record=records.record(run))


if __name__ == "__main__":
    sys.exit(main())
