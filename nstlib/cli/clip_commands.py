"""The commands for clips: `frames`, `video` and `measure`; each adds its parser and runs what was given."""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import NstlibError, choose, note
from ..media import clips, encoders, files, images
from ..scale import executors
from ..settings import STEERABLE, STYLE_LAYERS, Settings, reader
from . import endings
from .flags import add_settings, given_settings

CLIP = "a video, an animation, or a folder of images"
OUTPUT = "an .mp4, .mov, .webm, .gif or .webp; or a folder"


def add_reading(parser: argparse.ArgumentParser) -> None:
    """--start, --end, --every, --fps, --background: which frames of a clip, and how they are read."""
    group = parser.add_argument_group("which frames")
    group.add_argument("--start", type=float, default=0.0, metavar="S", help="seconds to begin at (0)")
    group.add_argument("--end", type=float, metavar="S", help="seconds to end before (the clip's end)")
    group.add_argument("--every", type=int, default=1, metavar="N", help="take every n-th frame (1)")
    text = "frames a second of what has no rate: a folder of images, a TIFF's pages, a raw stream (25)"
    group.add_argument("--fps", type=_rate, metavar="R", help=text)
    group.add_argument("--background", default="white", metavar="C", help="colour under transparent parts (white)")


def add_sound(parser: argparse.ArgumentParser) -> None:
    """--audio and --no-audio: which sound track goes along."""
    text = "the sound track to keep, from 1 (the one marked so)"
    sounds = parser.add_argument_group("its sound").add_mutually_exclusive_group()
    sounds.add_argument("--audio", type=int, metavar="N", help=text)
    sounds.add_argument("--no-audio", action="store_const", dest="audio", const=False, help="leave the sound out")


def add_writing(parser: argparse.ArgumentParser) -> None:
    """--codec and --crf: how a video is encoded."""
    group = parser.add_argument_group("its file")
    group.add_argument("--codec", choices=["h264", "hevc"], help="of an .mp4 or .mov (h264)")
    text = "rate factor, lower is better (17, hevc 20, .webm 24)"
    group.add_argument("--crf", type=int, metavar="N", help=text)


def _rate(text: str) -> Fraction:
    """30, 29.97 or 30000/1001."""
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}|/[1-9][0-9]{0,5})?", text):  # not 1e999999999, which would take for ever
        return Fraction(text)
    raise argparse.ArgumentTypeError(f"{text!r}; give frames a second, such as 30 or 30000/1001")


def probed(given: argparse.Namespace, size: int | None) -> clips.Clip:
    """The clip that the flags name."""
    taken = {"start": given.start, "end": given.end, "every": given.every, "fps": given.fps}
    return clips.probe(
        given.clip, **taken, size=size, audio=getattr(given, "audio", False), background=given.background
    )


def add_frames(parser: argparse.ArgumentParser) -> None:
    """frames CLIP -o DIR"""
    parser.add_argument("clip", type=Path, help=CLIP)
    parser.add_argument("-o", "--output", type=Path, required=True, help=OUTPUT)
    parser.add_argument("--size", type=int, metavar="PX", help="longest side in pixels (the clip's own)")
    add_reading(parser)
    add_sound(parser)
    add_writing(parser)


def frames_command(given: argparse.Namespace) -> None:
    """Take a clip apart into images, or images into a clip."""
    coded = _coding(given)
    encoders.check_encodable(given.output, **coded)
    files.check_inputs(given.output, given.clip)
    clip = probed(given, given.size)
    shown = follow_frames(clips.read_frames(clip), clip.frames)
    report(clips.write_frames(given.output, shown, fps=clip.fps, audio=clip, **coded))


def _coding(given: argparse.Namespace) -> dict[str, Any]:
    return {"codec": given.codec, "crf": given.crf}


def add_video(parser: argparse.ArgumentParser) -> None:
    """video CLIP STYLE [STYLE ...] -o OUT.mp4"""
    parser.usage = "%(prog)s CLIP STYLE [STYLE ...] -o OUT.mp4 [options]"
    parser.add_argument("clip", type=Path, help=CLIP)
    parser.add_argument("styles", type=Path, nargs="+", metavar="style", help="one or several paintings")
    parser.add_argument("-o", "--output", type=Path, required=True, help=OUTPUT)
    parser.add_argument("--flow", type=Path, metavar="DIR", help="a folder of .flo files; else motion is estimated")
    parser.add_argument("--fresh", action="store_true", help="begin again, dropping the frames of a stopped run")
    text = "a setting's value at S seconds, and in between in proportion; again for others: --at 4 style_weight=3"
    parser.add_argument("--at", nargs=2, action="append", default=[], metavar=("S", "NAME=X"), help=text)
    endings.add_open(parser)
    add_reading(parser)
    add_sound(parser)
    add_writing(parser)
    work = executors.add_workers(parser)
    text = "frames of a shot for a worker (96); 0: all of them"
    work.add_argument("--segment", type=int, default=96, metavar="N", help=text)
    work.add_argument("--piece", type=int, dest="segment", default=argparse.SUPPRESS, help=argparse.SUPPRESS)  # as was
    add_settings(parser, video=True)


def video_command(given: argparse.Namespace) -> None:
    """Stylise a clip; stopped, the same command goes on where it was."""
    ending = endings.Ending()
    settings = given_settings(given)
    coded = _coding(given)
    encoders.check_encodable(given.output, **coded)
    files.check_inputs(given.output, given.clip, *given.styles)
    clip = probed(given, settings.size or None)
    if clip.frames == 1:
        note(f"{given.clip} has one frame here; for a picture there is `nstlib image`")
    for style in given.styles:
        images.shape_of(style)
    if settings.rendering == "photo":
        _check_photo(given)
        from ..video.photo_film import PhotoFilm

        film = PhotoFilm(clip, given.styles, given.output, settings, fresh=given.fresh)
        _end(_write_photo(film, coded), given, ending, [{"losses": key.losses} for key in film.keyframes])
        return
    if given.scheduler is None and given.workers is None:
        from ..video.film import Film

        options = {"flows": given.flow, "keyframes": _keyframes(given.at), "fresh": given.fresh}
        film = Film(clip, given.styles, given.output, settings, **options)
        _end(_write(film, coded), given, ending, film.store.log)
        return
    if given.flow or given.at:
        name = "--flow" if given.flow else "--at"
        raise NstlibError(f"{name} needs the whole clip in one place; leave out the workers")
    from ..scale.films import DistributedFilm

    with executors.executor(given.scheduler, given.workers) as pool:
        options = {"executor": pool, "segment": given.segment, "fresh": given.fresh}
        film = DistributedFilm(clip, given.styles, given.output, settings, **options)
        _end(_write(film, coded), given, ending, film.store.log)


def _keyframes(given: Sequence[Sequence[str]]) -> dict[float, dict[str, Any]]:
    """{seconds: {setting: value}} of what --at was given. Raises NstlibError for what is none."""
    found: dict[float, dict[str, Any]] = {}
    known = {f.name: f for f in fields(Settings)}
    for seconds, change in given:
        name, _, text = change.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known:
            raise choose("--at", name, sorted(STEERABLE))
        try:
            found.setdefault(float(seconds), {})[name] = reader(known[name])(text)
        except (ValueError, argparse.ArgumentTypeError):
            raise NstlibError(f"--at {seconds} {change}; give seconds and a value: --at 4 style_weight=3") from None
    return found


def _end(
    written: clips.Written, given: argparse.Namespace, ending: endings.Ending, log: Sequence[dict[str, Any]] = ()
) -> None:
    """Say what was written, and show it if asked to; log: its frames' entries, whose losses are averaged."""
    frames = [entry["losses"] for entry in log if entry.get("losses")]
    means = {name: sum(losses[name] for losses in frames) / len(frames) for name in (frames[0] if frames else ())}
    what = f"{written.frames} frames of {written.width} x {written.height} pixels"
    again = ["nstlib", *endings.with_output(given.words, endings.beside(given.output))]
    ending.told(written.path, what, means, again)
    report(written)
    if given.open:
        endings.open_file(written.path)


def _write(film: Any, coded: dict[str, Any]) -> clips.Written:
    """Make the frames that are left, behind a progress bar, and write the clip. Returns what was written."""
    try:
        for frame in follow_frames(film, film.total, film.done):
            film.store.save("preview", frame.image)
        written = film.write(**coded)
    except KeyboardInterrupt:
        raise stopped(film.done, film.total, "frames", film.store.folder) from None
    return written


def _check_photo(given: argparse.Namespace) -> None:
    """Raises NstlibError for what a clip of photographs has no use for."""
    if given.at:
        raise NstlibError("--at changes the settings of a painting; leave it out with --rendering photo")
    if given.flow:
        raise NstlibError(f"--flow {given.flow}: with --rendering photo no motion is needed; leave it out")
    if given.scheduler is not None or given.workers is not None:
        raise NstlibError(
            "--rendering photo: a shot's maps are found one after the other, here; leave out --workers and --scheduler"
        )


def _write_photo(film: Any, coded: dict[str, Any]) -> clips.Written:
    """Find the maps that are left, then make the frames by them, behind progress bars. Returns what was written."""
    from tqdm.auto import tqdm

    total = film.clip.frames
    try:
        with tqdm(total=total, desc="colour maps", unit="frame", leave=False, dynamic_ncols=True) as bar:
            for keyframe in film:
                bar.update(keyframe.number - bar.n)
        written = film.write(**coded, watched=lambda frames: follow_frames(frames, total))
    except KeyboardInterrupt:
        found = f"the maps of {len(film.keyframes)} keyframes are safe in {film.store.folder}"
        raise NstlibError(f"stopped; {found}; the same command goes on") from None
    return written


def stopped(done: int, total: int, what: str, folder: Path) -> NstlibError:
    """What Ctrl-C says where nothing is lost."""
    return NstlibError(f"stopped after {done} of {total} {what}, which are safe in {folder}; the same command goes on")


def add_measure(parser: argparse.ArgumentParser) -> None:
    """measure SOURCE STYLISED [--style STYLE] [--json]"""
    parser.add_argument("clip", type=Path, metavar="source", help="the clip that was stylised")
    parser.add_argument("stylised", type=Path, help="what became of it")
    parser.add_argument("--style", type=Path, help="the painting: adds the distances of style and content")
    parser.add_argument("--extractor", default="compact", help="whose features those compare (compact)")
    parser.add_argument("--json", action="store_true", help="print everything, frame by frame, as JSON")
    add_reading(parser)


def measure_command(given: argparse.Namespace) -> None:
    """Measure a stylised clip: steadiness, structure, drift, and with a style its distances."""
    from ..research import metrics

    result = clips.probe(given.stylised)
    source = probed(given, max(result.width, result.height))
    options: dict[str, Any] = {"motion": metrics.motion_of(source)}
    if given.style:
        options["style"] = images.load(given.style)
        from ..core.features import load_extractor

        options["extractor"] = load_extractor(given.extractor, STYLE_LAYERS)
    shown = follow_frames(clips.read_frames(result), result.frames)
    found = metrics.measure(clips.read_frames(source), shown, **options)
    print(json.dumps(found) if given.json else measures_table(found))


def measures_table(found: dict[str, Any]) -> str:
    """The means and the drift of `metrics.measure`, a line each."""
    rows = [("frames", found["frames"]), ("cuts", len(found["cuts"])), *found["mean"].items()]
    drift = found["drift"] or {}
    rows += [(f"drift of still {name}", value) for name, value in drift.items() if name != "still"]
    rows += [("still share of the frame", drift["still"])] if drift else [("drift", "nothing stands still")]
    lines = ((name.replace("_", " "), value if isinstance(value, str) else f"{value:.6g}") for name, value in rows)
    return "\n".join(f"{name:28} {value}" for name, value in lines)


def follow_frames(frames: Any, total: int, done: int = 0) -> Any:
    """The frames, behind a progress bar with the time left."""
    from tqdm.auto import tqdm

    return tqdm(frames, total=total, initial=done, unit="frame", leave=False, dynamic_ncols=True)


def report(written: clips.Written) -> None:
    """Where it is, and what had to differ."""
    print(f"{written.path} ({written.note})" if written.note else written.path)
