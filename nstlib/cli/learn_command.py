"""The command `learn`: its flags, its progress bar, its previews."""

import argparse
import time
from importlib.util import find_spec
from pathlib import Path

from ..errors import NstlibError, note

PREVIEW_EVERY = 30.0  # seconds


def add_learn(parser: argparse.ArgumentParser) -> None:
    """learn PAINTING [PAINTING ...] -o DIR"""
    parser.usage = "%(prog)s PAINTING [PAINTING ...] -o DIR [options]"
    parser.add_argument(
        "painting", type=Path, nargs="+", help="the painting to learn; several share one network, and blend in it"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the module's folder, to be made")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photographs to learn from (the package's samples)")
    parser.add_argument("--clip", type=Path, help="a clip to be painted: learned from, and held still on")
    parser.add_argument(
        "--style-size",
        type=int,
        default=384,
        metavar="PX",
        help="the painting's longest side; best that of the pictures to come (384)",
    )
    parser.add_argument("--steps", type=int, default=2000, metavar="N", help="at most (2000); it ends before if it can")
    parser.add_argument(
        "--content-weight", type=float, default=0.35, metavar="X", help="how much of the photograph stays (0.35)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the crops that are drawn (0)")
    parser.add_argument("--fresh", action="store_true", help="begin again, dropping what a stopped run has learned")
    parser.add_argument(
        "--tflite", type=Path, metavar="FILE", help="also write the network for phones: 256 x 256 pixels"
    )
    parser.add_argument("--onnx", type=Path, metavar="FILE", help="also write it as ONNX: any size (needs tf2onnx)")


def learn_command(given: argparse.Namespace) -> None:
    """Learn a painting; stopped, the best so far is kept and the same command goes on."""
    from ..media import files, images

    for painting in given.painting:
        images.shape_of(painting)  # what can be refused at once is, before TensorFlow is loaded
    for path in (given.photos, given.clip):
        if path is not None and not path.exists():
            raise files.missing(path, "folder" if path == given.photos else "clip")
    for path, suffix in ((given.tflite, ".tflite"), (given.onnx, ".onnx")):
        if path and (path.suffix != suffix or not path.parent.is_dir()):
            raise NstlibError(f"{path}; give a {suffix} file in a folder that there is")
        if path and len(given.painting) > 1:
            raise NstlibError(f"{path} would hold one painting, and {len(given.painting)} are given; learn one alone")
    if given.onnx and not (find_spec("tf2onnx") and find_spec("onnxruntime")):
        raise NstlibError("--onnx takes tf2onnx and onnxruntime: pip install tf2onnx onnxruntime")
    files.check_inputs(given.output, *given.painting)
    from tqdm.auto import tqdm

    from ..engines.lessons import Lesson, write_onnx, write_tflite
    from ..engines.lessons import learn as begin
    from ..video.pairs import frame_pairs

    lesson = Lesson(given.style_size, given.steps, given.content_weight, seed=given.seed)
    pairs = frame_pairs(given.clip) if given.clip else ()
    steps = begin(
        given.painting, given.output, photos=given.photos or (), neighbours=pairs, lesson=lesson, fresh=given.fresh
    )
    if not (given.photos or pairs):
        note("learned from the package's few samples; from photographs, with --photos DIR, it goes twice as far")
    preview = given.output.with_name(f"{given.output.name}.learning") / "preview.png"
    shown = time.monotonic()
    try:
        with tqdm(steps, total=lesson.steps, initial=steps.number, unit="step", leave=False, dynamic_ncols=True) as bar:
            for step in bar:
                bar.set_postfix_str(f"style {step.style:.3f} content {step.content:.2f}", refresh=False)
                if time.monotonic() - shown > PREVIEW_EVERY:
                    images.save(preview, steps.preview())
                    bar.write(f"preview after {step.number} steps: {preview}")
                    shown = time.monotonic()
    except KeyboardInterrupt:
        steps.save()
        steps.keep()
        line = f"stopped after {steps.number} of {lesson.steps} steps; the best so far is in {given.output}"
        raise NstlibError(f"{line}, and the same command goes on") from None
    print(given.output)
    for path, write in ((given.tflite, write_tflite), (given.onnx, write_onnx)):
        if path:
            write(given.output, path)
            print(path)
