"""Killed at any moment: what is finished stays, nothing is half there, and the same call goes on to the same result."""

import csv
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import forked
import light
import numpy as np
import pytest
from conftest import smooth_noise

from nstlib.errors import NstlibError
from nstlib.media import files, images, locks
from nstlib.research import plots
from nstlib.scale import sweeps
from nstlib.settings import Settings
from nstlib.studio import sources
from nstlib.video import flow

ALARM = """
import os, signal, sys, threading, time
import tensorflow
from nstlib.media import files
moment, point = float(sys.argv[1]), int(sys.argv[2])
rename = os.replace

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def leave(code):
    print(time.monotonic() - began, file=sys.stderr)
    os._exit(code)

def rename_or_die(*names):
    global point
    point -= 1
    if point == 0:
        die()
    rename(*names)

os.replace = rename_or_die
began = time.monotonic()
if moment:
    threading.Timer(moment, die).start()
"""
SWEEP = """
from nstlib.cli.main import main
leave(main(sys.argv[3:]))
"""
STUDIO = """
from datetime import datetime, timezone
from pathlib import Path
from nstlib.settings import Settings
from nstlib.studio import Studio

content, style, folder = map(Path, sys.argv[3:])
layers = ("block1_conv1", "block2_conv1")
few = {"size": 32, "steps": 6, "style_layers": layers, "content_layers": ("block2_conv1",)}
small = Settings(extractor="random", precision="float32", **few)
panel = Studio(content, style, small, folder=folder)
data = style.read_bytes()
file = {"name": "mine.png", "type": "", "size": len(data), "content": memoryview(data)}
panel.styles.upload.value = ({**file, "last_modified": datetime.now(timezone.utc)},)
for weight in (1.0, 2.0, 4.0):
    panel.set(style_weight=weight)
    panel.wait()  # a run that has ended goes on by itself
    panel.start()
    panel.wait()
    panel.keep()
    panel.wait()
    print(panel.shelf.save(panel.shelf.all[-1]), flush=True)
leave(0)
"""
ONE = {"style_layers": ("block1_conv1",), "content_layers": ("block1_conv1",)}
LIGHT = Settings(extractor="random", precision="float32", size=32, steps=2, **ONE)
TINY = "--extractor random --precision float32 --size 32 --steps 12 --style-layers block1_conv1,block2_conv1"
TINY += " --content-layers block2_conv1"


@pytest.fixture
def inputs(tmp_path):
    pictures = {"content.png": smooth_noise(1, (48, 64)), "style.png": smooth_noise(2, (56, 40))}
    return [str(images.save(tmp_path / name, picture)) for name, picture in pictures.items()]


def run(program, *arguments, moment=0.0, point=0):
    """The exit code, 0 or that of a kill, the lines that were printed, and the seconds of one that was not killed."""
    done = forked.run(ALARM + program, moment, point, *arguments)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    seconds = 0.0 if done.returncode else float(done.stderr.splitlines()[-1])
    return done.returncode, done.stdout.splitlines(), seconds


def pictures(folder):
    """The pictures that can be seen in the folder, each with its record, by name; every one must be whole."""
    found = sorted(path for path in folder.glob("*.png") if not path.name.startswith(".")) if folder.exists() else []
    return {path.name: images.load(path) for path in found}


def unlike(picture, others):
    return not any(np.array_equal(picture, other) for other in others)


# a sweep


def sweeping(inputs, folder, **when):
    return run(SWEEP, "sweep", *inputs, "--axis", "seed=1,2,3,4,5,6", "-o", folder, *TINY.split(), **when)


def table(folder):
    with (folder / "table.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def check_part(folder, whole):
    """Every picture is whole and the undisturbed sweep's; so are the rows of the table. Returns the cells' names."""
    found, wanted = pictures(folder), pictures(whole)
    found.pop("sheet.png", None)
    for name, picture in found.items():
        np.testing.assert_array_equal(picture, wanted[name])
        assert images.read_record(folder / name)["curves"] == images.read_record(whole / name)["curves"]
    if (folder / "table.csv").exists():
        assert all(row in table(whole) for row in table(folder))
    return set(found)


def check_whole(folder, whole):
    assert check_part(folder, whole) == {path.name for path in whole.glob("seed=*.png")}
    assert table(folder) == table(whole)
    np.testing.assert_array_equal(images.load(folder / "sheet.png"), images.load(whole / "sheet.png"))
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}  # nor anything hidden


def killed_sweep(inputs, tmp_path, points=(), shares=()):
    """Kill the same command again and again, at renames or at shares of the time that it needs, then let it end."""
    whole, folder, before, codes = tmp_path / "whole", tmp_path / "killed", set(), []
    code, _, seconds = sweeping(inputs, whole)
    assert code == 0
    for when in [{"point": p} for p in points] + [{"moment": share * seconds} for share in shares]:
        codes.append(sweeping(inputs, folder, **when)[0])
        now = check_part(folder, whole)
        assert now >= before
        if codes[-1] == 0:
            check_whole(folder, whole)
            shutil.rmtree(folder)
            now = set()
        before = now
    assert sweeping(inputs, folder)[0] == 0
    check_whole(folder, whole)
    return codes


def test_a_sweep_killed_between_a_file_and_its_name_goes_on(inputs, tmp_path):
    assert killed_sweep(inputs, tmp_path, points=(3, 4)) == [-signal.SIGKILL] * 2


@pytest.mark.slow
def test_twenty_kills_of_a_sweep_lose_and_mix_nothing(inputs, tmp_path):
    shares = 0.7 * np.random.default_rng(0).random(20)  # a sweep that goes on needs less than the undisturbed one
    assert killed_sweep(inputs, tmp_path, shares=shares).count(-signal.SIGKILL) > 10


# the studio


def check_studio(folder, saved, whole, style):
    """What was said to be saved is there; every picture is whole and one of the undisturbed results."""
    found = pictures(folder)
    assert set(found) >= {line.rpartition(os.sep)[2] for line in saved}
    assert not [name for name, picture in found.items() if unlike(picture, whole)]
    for upload in (folder / "uploads").glob("[!.]*"):
        assert upload.read_bytes() == style
    return {name: (folder / name).read_bytes() for name in found}


def killed_studio(inputs, tmp_path, points=(), shares=()):
    """Kill the same session again and again, in one folder, at renames or at shares of its time, then let it end."""
    folder, codes, before = tmp_path / "killed", [], {}
    style = Path(inputs[1]).read_bytes()
    code, _, seconds = run(STUDIO, *inputs, tmp_path / "whole")
    assert code == 0
    whole = list(pictures(tmp_path / "whole").values())
    assert len(whole) == 3 and unlike(whole[0], whole[1:])
    for when in [{"point": p} for p in points] + [{"moment": share * seconds} for share in shares] + [{}]:
        code, saved, _ = run(STUDIO, *inputs, folder, **when)
        codes.append(code)
        after = check_studio(folder, saved, whole, style)
        assert before.items() <= after.items()  # a later session replaces nothing
        assert len(saved) <= len(after) - len(before) <= len(saved) + 1
        before = after
    for path, picture in zip(saved, whole, strict=True):
        np.testing.assert_array_equal(images.load(path), picture)
        assert images.read_record(path)["kind"] == "image"
    return codes[:-1]


def test_a_studio_killed_between_a_file_and_its_name_loses_nothing(inputs, tmp_path):
    assert killed_studio(inputs, tmp_path, points=[3]) == [-signal.SIGKILL]


@pytest.mark.slow
def test_twenty_kills_of_a_studio_lose_and_mix_nothing(inputs, tmp_path):
    shares = np.random.default_rng(0).random(20)
    assert killed_studio(inputs, tmp_path, shares=shares).count(-signal.SIGKILL) > 10


# every file


def figure(path):
    plots.save(plots.loss_curves({"total": [2.0, 1.0], "style/block1_conv1": [2.0, 1.0]}), path)


def upload(path):
    sources.write(path.name, path.with_name("style.png").read_bytes(), path.parents[1])


WRITERS = {
    "figure.png": figure,
    "uploads/upload.png": upload,
    "picture.jpg": lambda path: images.save(path, smooth_noise(1, (8, 8))),
    "motion.flo": lambda path: flow.write_flo(path, np.zeros((4, 4, 2))),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_replaced_whole_or_not_at_all(name, inputs, tmp_path, monkeypatch):
    path = tmp_path / name
    if path.parent != tmp_path:
        path.parent.mkdir()
        shutil.copy(inputs[1], path.parent)
    path.write_text("before")
    beside = set(path.parent.iterdir())

    def full(*names):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(NstlibError, match="cannot be written: No space left on device"):
            WRITERS[name](path)
    assert path.read_text() == "before" and set(path.parent.iterdir()) == beside
    WRITERS[name](path)
    assert path.read_bytes() != b"before"


# two at once

OWNER = """
import sys
from pathlib import Path
from nstlib.scale.sweeps import _claim
held = _claim(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_second_sweep_into_a_folder_refuses_while_the_first_is_at_work(content, style, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    call = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout.readline() == b"ready\n"
        with files.whole(folder / "sheet.png") as beside:  # the first one's, half written
            with pytest.raises(NstlibError, match="/out is being written by another run"):
                sweeps.sweep(content, style, {"seed": [1]}, output=folder)
            assert beside.exists()
        owner.kill()
    sweeps.sweep(content, style, {"seed": [1]}, output=folder).close()


def test_a_later_sweep_in_one_process_takes_the_folder_over(content, style, tmp_path):
    first = sweeps.sweep(content, style, {"seed": [1, 2]}, light.Here(), settings=LIGHT, output=tmp_path)
    second = sweeps.sweep(content, style, {"seed": [3, 4]}, light.Here(), settings=LIGHT, output=tmp_path)
    with pytest.raises(NstlibError, match="taken over by a later run"):
        next(first)
    next(second)
    second.close()
    assert [row["seed"] for row in table(tmp_path)] == ["3"]
    assert not list(tmp_path.glob(f"**/{locks.NAME}"))


def test_what_is_the_users_own_is_not_taken_for_torn(content, style, tmp_path):
    mine = {".bashrc", ".table.csv", ".env=x", "seed=1-12345678.png.bak"}
    for name in mine:
        (tmp_path / name).touch()
    (tmp_path / ".seed=1-0a1b2c3d-abcd_123.png").touch()
    list(sweeps.sweep(content, style, {"seed": [1]}, light.Here(), settings=LIGHT, output=tmp_path))
    assert {path.name for path in tmp_path.glob(".*")} | {"seed=1-12345678.png.bak"} == mine
