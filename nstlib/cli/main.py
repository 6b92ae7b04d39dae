"""The command line: nstlib COMMAND. Every setting is a flag, made from the settings' table."""

import argparse
import json
import math
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from .. import __version__
from ..errors import NstlibError, NstlibNote
from ..media import files
from ..scale import executors
from ..scale.axes import parse
from . import clip_commands, doctor, endings, folders, learn_command
from .flags import add_settings, given_settings

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
    except KeyboardInterrupt:
        return _failed("stopped; no output is half written, and the same command starts again")
    except Exception as error:
        if type(error).__name__ not in ("MemoryError", "ResourceExhaustedError"):  # the latter is TensorFlow's
            raise
        return _failed("there is not enough memory for this; choose a smaller size")
    return 0


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the words say. A flag that there is not is an error of its command, with the nearest that there is."""
    words = list(sys.argv[1:] if arguments is None else map(str, arguments))
    given, unknown = parser().parse_known_args(words)
    if unknown:
        near = get_close_matches(unknown[0].partition("=")[0], given.command._option_string_actions, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        given.command.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    given.words = words
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


class Command(NamedTuple):
    """What a command does, an example of its words, what adds its flags to a parser, and what runs it."""

    text: str
    example: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def parser() -> argparse.ArgumentParser:
    """The parser of every command and flag."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(prog="nstlib", usage="%(prog)s COMMAND ...", formatter_class=raw)
    top.description = f"Neural style transfer on images and videos.\n\n{_listed()}"
    top.epilog = "example: nstlib image photo.jpg painting.jpg -o out.png\nCOMMAND --help tells more"
    top.add_argument("--version", action="version", version=f"nstlib {__version__}")

    parsers = top.add_subparsers(prog="nstlib", required=True, metavar="COMMAND", help=argparse.SUPPRESS)
    for name, command in (found for group in COMMANDS.values() for found in group.items()):
        example = f"example: nstlib {name} {command.example}"
        its = parsers.add_parser(name, description=f"{command.text.capitalize()}.", epilog=example)
        its.set_defaults(run=command.run, command=its)
        command.add(its)
    return top


def _listed() -> str:
    """The commands by what one wants of them, each with what it does."""
    lines = []
    for wanted, group in COMMANDS.items():
        lines.append(f"{wanted}:")
        for name, command in group.items():
            lines += textwrap.wrap(command.text, 76, initial_indent=f"  {name:10}", subsequent_indent=" " * 12)
    return "\n".join(lines)


def add_image(parser: argparse.ArgumentParser) -> None:
    """image CONTENT STYLE [STYLE ...] -o OUT.png"""
    parser.usage = "%(prog)s CONTENT STYLE [STYLE ...] -o OUT.png [options]"
    parser.add_argument("content", type=Path, help="the photograph, or a folder of them")
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="one or several paintings")
    text = "the picture to write, a PNG holds its record; of a folder the folder"
    parser.add_argument("-o", "--output", type=Path, required=True, help=text)
    parser.add_argument("--mask", type=Path, action="append", default=[], help="a style's region, white; one a style")
    text = "a finished picture, and where it is painted anew, white, at its size; the rest stays pixel for pixel"
    parser.add_argument("--repaint", type=Path, nargs=2, default=[], metavar=("RESULT", "REGION"), help=text)
    parser.add_argument("--cube", type=Path, help="with rendering photo: its colours as a .cube table for an editor")
    parser.add_argument("--json", action="store_true", help="print the final losses as JSON")
    endings.add_open(parser)
    add_settings(parser)


def image_command(given: argparse.Namespace) -> None:
    """Stylise a picture; Ctrl-C keeps the picture so far, and so does a loss that is no longer finite."""
    if given.content.is_dir():
        folders.image_folder(given, given_settings(given))
        if given.open:
            endings.open_file(given.output)
        return
    from ..media import images

    images.check_output(given.output)
    files.check_inputs(given.output, given.content, *given.styles, *given.mask, *given.repaint)
    settings = given_settings(given)
    if given.cube and (settings.rendering != "photo" or given.cube.suffix.lower() != ".cube"):
        raise NstlibError(
            f"--cube {given.cube}: give a .cube file, and --rendering photo; a painting has no colour table"
        )
    for path in (given.content, *given.styles, *given.mask, *given.repaint):
        images.shape_of(path)  # what can be refused at once is, before TensorFlow is loaded
    ending = endings.Ending()
    from ..engines import records
    from ..engines.frames import begin

    anew = dict(zip(("start", "region"), given.repaint, strict=False))
    run = begin(given.content, given.styles, settings, masks=given.mask, **anew)
    try:
        follow_run(run)
    except KeyboardInterrupt:
        records.keep(run, given.output)
        so_far = f"stopped after {run.number} of {run.total_steps} steps; so far: {given.output}"
        if settings.rendering == "photo":
            raise NstlibError(f"{so_far}; the same command starts again") from None
        raise NstlibError(f"{so_far}; to go on from it, add --init {given.output} and name another output") from None
    except NstlibError as error:
        records.keep(run, given.output)
        raise NstlibError(f"{error}; the last good picture is in {given.output}") from None
    records.keep(run, given.output)
    if given.cube:
        from ..engines.cube import save_cube

        apart = save_cube(given.cube, run)
        print(
            f"{given.cube} (its colours are {255 * apart:.1f} of 255 from the picture's, on average)", file=sys.stderr
        )
    losses = {name: curve[-1] for name, curve in run.curves.items()}
    if not given.json:
        height, width = run.image.shape[:2]
        again = ["nstlib", "replay", str(given.output), "-o", str(endings.beside(given.output))]
        ending.told(given.output, f"{width} x {height} pixels, {_counted(run.number, 'step')}", losses, again)
    print(json.dumps(losses) if given.json else given.output)
    if given.open:
        endings.open_file(given.output)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def add_replay(parser: argparse.ArgumentParser) -> None:
    """replay OUT.png -o AGAIN.png"""
    parser.add_argument("picture", type=Path, help="a picture that `image` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the picture to write")
    parser.add_argument("--search", type=Path, action="append", default=[], help="a folder to look for inputs in")


def replay_command(given: argparse.Namespace) -> None:
    """Make a picture again from its record."""
    from ..media import images

    images.check_output(given.output)
    files.check_inputs(given.output, given.picture)
    record = images.read_record(given.picture)
    from ..engines import records

    run = records.replay(record, search=(given.picture.parent, *given.search))
    follow_run(run)
    records.keep(run, given.output)
    print(given.output)


def add_sweep(parser: argparse.ArgumentParser) -> None:
    """sweep CONTENT [STYLE ...] --axis NAME=V,V -o DIR"""
    parser.usage = "%(prog)s CONTENT [STYLE ...] --axis NAME=V,V -o DIR [options]"
    parser.add_argument("content", type=Path, help="the photograph")
    parser.add_argument("styles", type=Path, nargs="*", metavar="style", help="paintings; or give --axis style=A,B")
    parser.add_argument("--axis", action="append", required=True, metavar="NAME=V,V", help=AXIS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write to")
    executors.add_workers(parser)
    add_settings(parser)


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


def add_nothing(parser: argparse.ArgumentParser) -> None:
    """A command without words of its own."""


def add_studio(parser: argparse.ArgumentParser) -> None:
    """studio [CONTENT [STYLE ...]]"""
    parser.usage = "%(prog)s [CONTENT [STYLE ...]] [options]"
    parser.add_argument("content", type=Path, nargs="?", help="a photograph or a clip; without: the bundled ones")
    parser.add_argument("styles", type=Path, nargs="*", metavar="style", help="paintings, beside the bundled ones")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs"), help="the folder to write to")
    parser.add_argument("--port", type=int, default=8866, help="the page's port (8866)")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    add_settings(parser)


def studio_command(given: argparse.Namespace) -> None:
    """Serve the studio as a page, until it is stopped."""
    for path in [given.content, *given.styles] if given.content else []:
        if not path.exists():
            raise files.missing(path)
    settings = given_settings(given)
    try:
        from ..studio import app
    except ModuleNotFoundError as error:
        if error.name != "voila":
            raise
        raise NstlibError("the studio's page needs Voilà: pip install 'nstlib[app]'") from None
    more = {"folder": given.output, "port": given.port, "open_browser": not given.no_browser}
    app.serve(given.content, given.styles, settings, **more)


def settings_command(given: argparse.Namespace) -> None:
    """List every setting."""
    table = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False)
    add_settings(table, video=True, shown=True)
    table.print_help()


def add_demo(parser: argparse.ArgumentParser) -> None:
    """demo [-o DIR]"""
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs"), help="the folder to write to")


def demo_command(given: argparse.Namespace) -> None:
    """Stylise the bundled samples."""
    from .demo import demo

    demo(given.output)


def follow_run(run: Any) -> None:
    """Take every step that is left, behind a progress bar; settings that cannot work are said in a line."""
    from tqdm.auto import tqdm

    from ..engines.doubts import doubt

    with tqdm(run, total=run.total_steps, initial=run.number, unit="step", leave=False, dynamic_ncols=True) as bar:
        for step in bar:
            bar.set_postfix_str(f"{step.shape[1]}x{step.shape[0]} loss {step.losses['total']:.4g}", refresh=False)
            if line := doubt(run):
                tqdm.write(f"nstlib: {line}", file=sys.stderr)


COMMANDS = {
    "to begin with": {
        "demo": Command("stylise the bundled samples", "-o outputs", add_demo, demo_command),
        "studio": Command("open the studio in the browser", "photo.jpg painting.jpg", add_studio, studio_command),
        "doctor": Command(
            "tell what the package runs on, as a report of a fault needs it",
            "",
            doctor.add_doctor,
            doctor.doctor_command,
        ),
    },
    "a picture": {
        "image": Command(
            "stylise a picture, or every picture of a folder",
            "photo.jpg painting.jpg -o out.png",
            add_image,
            image_command,
        ),
        "replay": Command("make a picture again from its record", "out.png -o again.png", add_replay, replay_command),
    },
    "a clip": {
        "video": Command(
            "stylise a clip, steady and with its sound; stopped, the same command goes on",
            "clip.mp4 painting.jpg -o out.mp4",
            clip_commands.add_video,
            clip_commands.video_command,
        ),
        "frames": Command(
            "take a clip apart into images, or put images together",
            "clip.mp4 -o frames",
            clip_commands.add_frames,
            clip_commands.frames_command,
        ),
        "measure": Command(
            "measure a stylised clip against its source",
            "clip.mp4 out.mp4 --style painting.jpg",
            clip_commands.add_measure,
            clip_commands.measure_command,
        ),
    },
    "a network": {
        "learn": Command(
            "learn one painting: a network that paints in one pass, as a module; stopped, it goes on",
            "painting.jpg --photos folder -o starry",
            learn_command.add_learn,
            learn_command.learn_command,
        ),
    },
    "many pictures": {
        "sweep": Command(
            "make a picture for every combination of settings' values, with a table and a contact sheet; stopped, it "
            "goes on",
            "photo.jpg painting.jpg --axis content_weight=0.01,0.1 --axis style_weight=1,3 -o sweep",
            add_sweep,
            sweep_command,
        ),
        "settings": Command(
            "list every setting with its default: a flag of `image` and `video`, and an axis of `sweep`",
            "",
            add_nothing,
            settings_command,
        ),
    },
}


if __name__ == "__main__":
    sys.exit(main())
