"""Bad input by the hundred: each ends in success or in one clear line, within 20 s, and leaves nothing half done.

A fifth of it runs with every test, all of it with `make fuzz`. The seeds are fixed: what fails once fails again.
"""

import contextlib
import functools
import io
import json
import re
import signal
import sys
import tarfile
import tempfile
import warnings

import cv2
import footage
import h5py
import numpy as np
import pytest
from conftest import smooth_noise
from PIL import Image, ImageCms

from nstlib.cli.main import main
from nstlib.errors import NstlibError, NstlibNote
from nstlib.media import clips, encoders, images, profiles
from nstlib.networks import compact
from nstlib.settings import Settings, from_dict, to_dict
from nstlib.video import consistency, flow
from nstlib.video.progress import Store

TINY = ["--extractor", "random", "--precision", "float32", "--size", "32", "--steps", "2"]
TINY += ["--style-layers", "block1_conv1", "--content-layers", "block1_conv1"]
BAR = re.compile(r"\s*(\d+%\||\d+\w+ \[).*|\s*")  # a progress bar, or what wipes it away
TAKEN = re.compile(r"^out.*: .*\d+ x \d+ pixels, .*\d s$")  # the size and the seconds of what was made
ODD = (None, True, -1, 0, 3, 1.5, 1e308, float("nan"), float("inf"), 10**400, "", "a\0b", "é\n\ud800", "-y", "../up")
ODD += (
    "http://x",
    "x" * 300,
    [],
    {},
    [[]],
    [None, 1],
    ["block1_conv1", "block1_conv1"],
    {"a": []},
    ("1", "nan,2", ","),
)
TEXTS = (
    "",
    "0",
    "-1",
    "nan",
    "inf",
    "1e999",
    "9" * 30,
    "9" * 5000,
    "none",
    "x",
    "1,2",
    ",",
    "a\nb",
    "é\udc80",
    "../up",
)
TEXTS += (
    "block9_conv1",
    "block1_conv1,",
    "-",
    "--",
    "http://x/y",
    "file:x",
    "x" * 300,
    "1_0",
    "٣",
    "0x10",
    "luminance",
)


# what is damaged: each function makes a whole one, and `DOORS` has the call that takes it


def pictures():
    """Every format and several modes, one of them turned by EXIF, one with a record."""
    picture = Image.fromarray(images.to_uint8(smooth_noise(1, (24, 32))))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = [("PNG", picture), ("JPEG", picture), ("GIF", picture), ("TIFF", picture), ("WEBP", picture)]
    kinds += [("BMP", picture), ("PNG", picture.quantize(8)), ("PNG", picture.convert("LA")), ("PPM", picture)]
    kinds += [("TIFF", picture.convert("CMYK")), ("PNG", picture.convert("I;16")), ("ICO", picture)]
    for kind, one in kinds:
        file = io.BytesIO()
        one.save(file, kind, **({"exif": exif} if kind == "JPEG" else {}))
        yield file.getvalue()
    yield from colours(picture, exif)


def colours(picture, exif):
    """Pictures that say what their colours are, in every way; and some of more than 8 bits."""
    lab, chunks = ImageCms.createProfile("LAB"), images.PngImagePlugin.PngInfo()
    profile = ImageCms.ImageCmsProfile(lab).tobytes() + bytes(40)
    for name, data in ((b"gAMA", b"\0\1\x86\xa0"), (b"cICP", bytes([9, 16, 0, 1]))):
        chunks.add(name, data)
    kinds = [("JPEG", picture, {"icc_profile": profiles.srgb_profile()}), ("PNG", picture, {"icc_profile": profile})]
    kinds += [("TIFF", picture, {"icc_profile": profiles.srgb_profile(), "exif": exif})]
    kinds += [
        ("PNG", picture, {"pnginfo": chunks}),
        ("AVIF", picture, {"exif": exif}),
        ("WEBP", picture, {"exif": exif}),
    ]
    kinds += [("TIFF", Image.fromarray(np.asarray(picture.convert("L"), np.float32) / 255), {})]
    for kind, one, options in kinds:
        file = io.BytesIO()
        one.save(file, kind, **options)
        yield file.getvalue()
    for deep in (np.asarray(picture, np.uint16) * 257, np.asarray(picture, np.float32) / 255):
        yield cv2.imencode(".tiff", deep)[1].tobytes()
    yield cv2.imencode(".png", np.asarray(picture, np.uint16) * 257)[1].tobytes()


def clip(folder, name):
    frames = [smooth_noise(i, (24, 32)) for i in range(3)]
    return clips.write_frames(folder / name, frames, fps=10).path.read_bytes()


def clips_of_all_kinds(folder):
    """Containers with a track of sound and without times, streams without a container, alpha, HDR's tags, fields."""
    x264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
    kinds = {
        "a.avi": ["-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"],
        "a.mpg": ["-c:v", "mpeg2video", "-bf", "2", "-flags", "+ildct+ilme", "-c:a", "mp2"],
        "a.ts": [*x264, "-c:a", "aac"],
        "a.mkv": [*x264, "-color_trc", "smpte2084", "-c:a", "flac"],
        "a.mov": ["-c:v", "qtrle", "-pix_fmt", "argb", "-c:a", "pcm_s16le"],
        "a.webm": ["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8", "-c:a", "libopus"],
        "a.h264": [*x264, "-an"],
        "a.flv": [*x264, "-c:a", "aac"],
    }
    for name, options in kinds.items():
        yield footage.flashing(folder / name, *options, rate=10, times=(0.2,), seconds=0.5).read_bytes()


def animations():
    """Six frames each, at uneven delays."""
    first, *others = (Image.fromarray(images.to_uint8(smooth_noise(i, (24, 32)))) for i in range(6))
    for kind in ("WEBP", "PNG", "AVIF", "TIFF"):
        file = io.BytesIO()
        options = {} if kind == "TIFF" else {"duration": [100, 40, 300, 100, 20, 100]}
        first.save(file, kind, save_all=True, append_images=others, **options)
        yield file.getvalue()


def flow_file(folder):
    flow.write_flo(folder / "a.flo", np.random.default_rng(0).normal(0, 3, (24, 32, 2)))
    return (folder / "a.flo").read_bytes()


def vgg19_file():
    """The layout of Keras's file, with kernels of another size: no whole one is in reach."""
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        names = [
            f"block{b}_conv{i}" for b, n in zip(range(1, 6), (2, 2, 4, 4, 4), strict=True) for i in range(1, n + 1)
        ]
        weights.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel".encode(), f"{name}/bias".encode()]
            group[f"{name}/kernel"], group[f"{name}/bias"] = np.zeros((3, 3, 3, 4), "f4"), np.zeros(4, "f4")
    return file.getvalue()


def archive(folder):
    """A module that mixes its two pictures."""
    import tensorflow as tf

    class Mix(tf.Module):
        def __init__(self):
            self.share = tf.Variable(0.5)

        @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3)), tf.TensorSpec((1, None, None, 3))])
        def __call__(self, content, style):
            return [content * self.share + (1 - self.share) * tf.reduce_mean(style)]

    tf.saved_model.save(Mix(), str(folder / "module"))
    with tarfile.open(folder / "module.tar", "w") as tar:  # not compressed: damage gets past the container
        tar.add(folder / "module", ".")
    return (folder / "module.tar").read_bytes()


def work(folder):
    """The log of a clip that is being made."""
    store = Store(folder / "a.work", {"settings": to_dict(Settings())})
    for frame in range(3):
        store.finish({"pass": 0, "frame": frame, "cut": frame == 0, "losses": {"total": 0.5}})
    return (store.folder / "frames.jsonl").read_bytes()


def record(folder):
    main([str(a) for a in ("image", folder / "content.png", folder / "style.png", "-o", folder / "made.png", *TINY)])
    return images.read_record(folder / "made.png")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with inputs, and what gives the undamaged ones of a door."""
    folder = tmp_path_factory.mktemp("whole")
    for name, seed in (("content.png", 1), ("style.png", 2)):
        images.save(folder / name, smooth_noise(seed, (24, 32)))
    make = dict.fromkeys(("picture", "forms", "content", "mask", "images"), lambda: list(pictures()))
    make |= {"clip": lambda: [clip(folder, "a.mp4"), clip(folder, "a.gif")], "vgg19": lambda: [vgg19_file()]}
    make |= {"kinds": lambda: list(clips_of_all_kinds(folder)), "animation": lambda: list(animations())}
    make |= {"rate": lambda: [b'{"fps": "30000/1001", "frames": 2}\n']}
    make |= {"flow": lambda: [flow_file(folder)], "record": lambda: [record(folder)], "log": lambda: [work(folder)]}
    make |= {"compact": lambda: [compact.FILE.read_bytes()], "module": lambda: [archive(folder)]}
    return folder, functools.cache(lambda door: make[door]())


def damaged(data, rng):
    """The bytes after one to four cuts, flips, fills, insertions or repetitions, most of them near the beginning."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        at, much = int(len(data) * rng.random() ** 3), int(rng.integers(1, 32))
        kind = rng.integers(7)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[at : at + 4] = int(rng.choice([0, 1, 2**31 - 1, 2**32 - 1, 65536])).to_bytes(4, "little")
        elif kind == 2:
            data[at : at + much] = rng.bytes(much)
        elif kind == 3:
            del data[at : at + much]
        elif kind == 4:
            data[at:at] = data[:much] if rng.random() < 0.5 else rng.bytes(much)
        elif kind == 5:
            data[at : at + much] = bytes(min(much, len(data) - at))
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def changed(value, rng):
    """The JSON value with one of its parts replaced, dropped or repeated."""
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[int(rng.integers(len(keys)))]
        copy = dict(value) if isinstance(value, dict) else list(value)
        if rng.random() < 0.1:
            del copy[key]
        else:
            copy[key] = changed(copy[key], rng)
        return copy
    return ODD[int(rng.integers(len(ODD)))]


def spoiled(one, rng):
    """A damaged one of the bytes, or of the record in a picture's PNG."""
    if isinstance(one, bytes):
        return damaged(one, rng)
    file, chunk = io.BytesIO(), images.PngImagePlugin.PngInfo()
    record = json.dumps(changed(one, rng))
    chunk.add_text(images.RECORD, record if rng.random() < 0.8 else damaged(record.encode(), rng).decode("latin-1"))
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunk)
    return file.getvalue()


# the doors: what is done with a damaged file


def by_command(*words):
    def use(path, out, folder):
        places = {"FILE": path, "OUT": out, "CONTENT": folder / "content.png", "STYLE": folder / "style.png"}
        places |= {f"OUT{suffix}": out / f"out{suffix}" for suffix in (".png", ".gif", ".mp4", ".webp")}
        return main([str(places.get(word, word)) for word in words])

    return use


def by_call(function):
    def use(path, out, folder):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NstlibNote)
                function(path)
        except NstlibError as error:
            print(f"nstlib: {error}", file=sys.stderr)
            return 1
        return 0

    return use


def use_picture(path):
    images.load(path, size=16)
    images.load(path)
    images.shape_of(path)
    images.read_record(path)


def use_forms(path):
    """The picture as people hold it in memory: bytes, an open file, a PIL image."""
    data = path.read_bytes()
    images.load(data, size=16)
    images.load_masks([io.BytesIO(data)], data, 1)
    with path.open("rb") as file:
        images.checksum(file)
        images.take_all([file, data])
    with contextlib.suppress(OSError, ValueError, SyntaxError), Image.open(path) as picture:  # Pillow's own refusal
        images.load(picture)


def use_flow(path):
    for name in ("forward_1_2.flo", "backward_2_1.flo"):
        path.with_name(name).write_bytes(path.read_bytes())
    frame = smooth_noise(0, (24, 32))
    flows = consistency.precomputed(path.parent)(1, 0, frame, frame)
    warped = flow.warp(frame, flows[0], interpolation="lanczos")
    trust = flow.reliability(*flows)
    assert np.isfinite(warped).all() and trust.min() >= 0 and trust.max() <= 1


def use_images(path):
    path.with_name("a.png").write_bytes(path.read_bytes())
    path.rename(path.with_name("b.png"))
    Image.new("RGB", (32, 24)).save(path.with_name("0.png"))
    for frame in clips.read_frames(path.parent):
        assert frame.shape == (24, 32, 3) and frame.min() >= 0 and frame.max() <= 1


def use_rate(path):
    path.rename(path.with_name(encoders.RATE))
    for number in range(2):
        Image.new("RGB", (32, 24)).save(path.with_name(f"{number}.png"))
    assert len(list(clips.read_frames(path.parent))) == 2


def use_log(path):
    folder = path.parent / "x.work"
    folder.mkdir()
    recipe = {"settings": to_dict(Settings())}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    path.rename(folder / "frames.jsonl")
    for entry in Store(folder, recipe).log:
        assert {"pass", "frame", "cut"} <= entry.keys()


def use_compact(path):
    from nstlib.core.features import load_extractor

    load_extractor("compact", ("block1_conv1",), weights=str(path))


def use_vgg19(path):
    from nstlib.core.features import vgg_layers

    vgg_layers(("block1_conv1",), weights=str(path))


def use_module(path):
    from nstlib.engines.hub import load_module

    load_module(str(path.rename(path.with_suffix(".tar"))))


DOORS = {
    "picture": by_call(use_picture),
    "forms": by_call(use_forms),
    "content": by_command("image", "FILE", "STYLE", "-o", "OUT.png", *TINY),
    "mask": by_command("image", "CONTENT", "STYLE", "--mask", "FILE", "-o", "OUT.png", *TINY),
    "clip": by_command("frames", "FILE", "-o", "OUT.gif", "--end", "2", "--size", "32"),
    "kinds": by_command("frames", "FILE", "-o", "OUT.mp4", "--size", "32"),
    "animation": by_command("frames", "FILE", "-o", "OUT.webp", "--background", "red"),
    "images": by_call(use_images),
    "rate": by_call(use_rate),
    "flow": by_call(use_flow),
    "record": by_command("replay", "FILE", "-o", "OUT.png"),
    "log": by_call(use_log),
    "compact": by_call(use_compact),
    "vgg19": by_call(use_vgg19),
    "module": by_call(use_module),
}
FEW, MANY = 9, 46  # damaged files for each door: 126 and 644 in all
SEEDS = [pytest.param(seed, marks=[pytest.mark.slow] * (seed >= FEW)) for seed in range(MANY)]


@contextlib.contextmanager
def within(seconds):
    """Raises TimeoutError after so many seconds of this process's work, or ten times as many on the clock."""

    def stop(*_):
        raise TimeoutError(f"no end after {seconds} s")

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, 10 * seconds))
    old = [signal.signal(number, stop) for _, number, _ in timers]
    for timer, _, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, old, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def files(folder):
    """The files under a folder, but for those that TensorFlow's traces leave."""
    return [path for path in folder.rglob("*") if path.is_file() and "__autograph_generated" not in path.name]


@pytest.fixture
def room(tmp_path, monkeypatch):
    """An empty folder to work in, one for temporary files, and one for outputs."""
    for name in ("here", "temp", "out"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    return tmp_path


def judge(code, capfd, out):
    """Success with a whole output, and what it took on standard error; or one line, and no output at all."""
    lines = [line for line in re.split("[\r\n]", capfd.readouterr().err) if not BAR.fullmatch(line)]
    if code == 0:
        assert all(
            line.startswith(("nstlib: note: ", "losses: ", "again: ")) or TAKEN.search(line) for line in lines
        ), lines
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NstlibNote)
            assert all(clips.probe(path).frames or images.load(path).size for path in out.iterdir())
    elif code == 1:
        assert len(lines) == 1 and lines[0].startswith("nstlib: ") and len(lines[0]) > 20, lines
    else:
        assert code == 2 and ": error: " in "".join(lines), lines
    assert code == 0 or not any(out.iterdir())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("door", DOORS)
def test_a_damaged_file_is_success_or_one_line(door, seed, whole, room, capfd):
    folder, found = whole
    rng = np.random.default_rng(seed)
    path = room / "in" / "file"
    path.parent.mkdir()
    path.write_bytes(spoiled(found(door)[seed % len(found(door))], rng))
    capfd.readouterr()
    with within(20):
        code = DOORS[door](path, room / "out", folder)
    judge(code, capfd, room / "out")
    assert not files(room / "here") and not files(room / "temp")


def test_undamaged_files_pass(whole, room, capfd):
    folder, found = whole
    for door in (
        "picture",
        "forms",
        "content",
        "clip",
        "kinds",
        "animation",
        "rate",
        "flow",
        "log",
        "compact",
        "module",
    ):
        for number, data in enumerate(found(door)[:2]):
            path = room / f"{door}{number}" / "file"
            path.parent.mkdir()
            path.write_bytes(data)
            code = DOORS[door](path, room / "out", folder)
            said = capfd.readouterr().err
            assert code == 0 or "carries no record" in said, (door, said)


@pytest.mark.parametrize("seed", [pytest.param(s, marks=[pytest.mark.slow] * (s > 0)) for s in range(5)])
def test_a_hundred_settings_are_good_or_one_line(seed):
    rng, whole = np.random.default_rng(seed), json.loads(json.dumps(to_dict(Settings())))
    for _ in range(100):
        values = whole
        for _ in range(rng.integers(1, 4)):
            values = changed(values, rng)
        try:
            settings = from_dict(values)
        except NstlibError as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert from_dict(json.loads(json.dumps(to_dict(settings)))) == settings


FLAGS = [f"--{name.replace('_', '-')}" for name in vars(Settings())]
MORE = ["--fps", "--audio", "--no-audio", "--background", "--codec", "--crf"]
MORE += ["--mask", "--search", "--flow", "--start", "--end", "--every", "--json", "--fresh", "-o", "--nonsense", "-x"]


@pytest.mark.parametrize("seed", [pytest.param(s, marks=[pytest.mark.slow] * (s > 1)) for s in range(10)])
def test_flags_are_good_or_one_line(seed, whole, room, capfd):
    folder, found = whole
    assert found("clip") and found("record")
    rng = np.random.default_rng(seed)
    for number in range(25):
        command = str(rng.choice(["image", "frames", "measure", "replay", "video"]))
        inputs = {"image": ["content.png", "style.png"], "frames": ["a.gif"], "replay": ["made.png"]}
        given = [str(folder / name) for name in inputs.get(command, ["a.gif", "style.png"])]
        flags = [str(part) for _ in range(rng.integers(1, 4)) for part in (rng.choice(FLAGS + MORE), rng.choice(TEXTS))]
        kind = {"frames": "out.gif", "video": "out.gif"}.get(command, "out.png")
        out = room / "out" / str(number)
        out.mkdir()
        last = ["-o", str(out / kind)] if command != "measure" else []
        last += TINY if command in ("image", "video") else []
        last += ["--next-steps", "1", "--consistency", "independent"] if command == "video" else []
        try:
            with within(20):
                code = main([command, *given, *flags, *last])
        except SystemExit as stop:
            code = stop.code
        for beside in [*out.glob("*.json"), *out.glob("*.work")]:
            assert beside.is_file()
            beside.unlink()
        judge(code, capfd, out)
    assert not files(room / "here") and not files(room / "temp")
