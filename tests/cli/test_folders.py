"""`nstlib image photos/ painting.jpg -o out/`: all in one process, and what cannot be made is told at the end."""

import json
import shutil

import numpy as np
import pytest
from conftest import smooth_noise
from test_cli import TINY

from nstlib.cli import folders
from nstlib.cli.main import main
from nstlib.core.run import Run
from nstlib.errors import NstlibError
from nstlib.media import images


@pytest.fixture
def photos(tmp_path):
    """A folder with three pictures of odd names, two of one name, a broken one, and what are no pictures."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(["²1.png", "a10.jpg", "a2.jpg", "-y.png", "same.png", "same.TIF"]):
        images.save(folder / name, smooth_noise(number, (30, 40)))
    (folder / "broken.webp").write_bytes(b"RIFF no picture")
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "deeper.png").mkdir()
    images.save(tmp_path / "style.png", smooth_noise(9, (40, 30)))
    return folder


MADE = {"²1.png", "a2.png", "a10.png", "-y.png", "same.png.png", "same.TIF.png"}


def paint(folder, *more):
    style, out = folder.parent / "style.png", folder.parent / "out"
    return main(["image", *map(str, [folder, style, "-o", out, *TINY, *more])])


def test_every_picture_is_made_and_what_cannot_be_is_told_at_the_end(photos, tmp_path, capsys):
    assert paint(photos) == 1
    told = capsys.readouterr()
    assert told.out.strip() == str(tmp_path / "out")
    line = told.err.strip().splitlines()[-1]
    assert line.startswith("nstlib: 1 of 7 pictures could not be made: broken.webp: ") and "no picture that can" in line
    assert {path.name for path in (tmp_path / "out").iterdir()} == MADE
    alone = tmp_path / "alone.png"
    assert main(["image", str(photos / "a2.jpg"), str(tmp_path / "style.png"), "-o", str(alone), *TINY]) == 0
    np.testing.assert_array_equal(images.load(tmp_path / "out" / "a2.png"), images.load(alone))
    assert main(["replay", str(tmp_path / "out" / "a2.png"), "-o", str(tmp_path / "again.png")]) == 0


def test_stopped_the_same_command_goes_on_and_other_settings_begin_anew(photos, tmp_path, capsys, monkeypatch):
    (photos / "broken.webp").unlink()
    finished, made = Run.__next__, []

    def count(run):
        if len(made) == 3 * 3:
            raise KeyboardInterrupt
        made.append(run)
        return finished(run)

    with monkeypatch.context() as stop:
        stop.setattr(Run, "__next__", count)
        stop.setattr(folders, "tqdm", lambda run, **_: (run.__next__() for _ in range(run.total_steps)))
        assert paint(photos) == 1
    assert "stopped after 3 of 6 pictures; those are in" in capsys.readouterr().err
    out = tmp_path / "out"
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert len(before) == 3

    assert paint(photos, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"].rpartition("/")[2] for row in rows][:3] == ["-y.png", "a2.jpg", "a10.jpg"]
    assert all(row["losses"]["total"] > 0 for row in rows) and len(rows) == 6
    after = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(after) == MADE and all(after[name] == time for name, time in before.items())

    images.save(photos / "a2.jpg", smooth_noise(20, (30, 40)))
    assert paint(photos) == 0
    again = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert {name for name in again if again[name] != after[name]} == {"a2.png"}
    assert paint(photos, "--seed", "1") == 0
    assert all(path.stat().st_mtime_ns != again[path.name] for path in out.iterdir())


def test_the_style_is_left_out_where_it_lies_among_the_pictures(photos, tmp_path):
    shutil.copy(tmp_path / "style.png", photos / "style.png")
    (photos / "broken.webp").unlink()
    assert main(["image", str(photos), str(photos / "style.png"), "-o", str(tmp_path / "out"), *TINY]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == MADE


def test_what_can_be_refused_is_refused_at_once(photos, tmp_path, capsys):
    style, empty, file = tmp_path / "style.png", tmp_path / "empty", tmp_path / "file.png"
    empty.mkdir()
    file.touch()
    for words, line in (
        ([empty, style, "-o", tmp_path / "out"], "holds no pictures (.apng, "),
        ([photos, style, "-o", photos], "is the folder of the photographs; choose another"),
        ([photos, style, "-o", file], "is a file; name a folder"),
        ([photos, style, "-o", tmp_path / "none" / "out"], "there is no folder"),
        ([photos, style, "-o", tmp_path / "out", "--mask", style], "--mask is for one picture"),
        ([photos, tmp_path / "no.png", "-o", tmp_path / "out"], "no such file"),
    ):
        assert main(["image", *map(str, words)]) == 1
        told = capsys.readouterr().err.strip()
        assert line in told and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_memory_that_runs_out_is_one_pictures_alone(photos, tmp_path, capsys, monkeypatch):
    (photos / "broken.webp").unlink()
    images.save(photos / "a2.jpg", smooth_noise(2, (40, 30)))
    step = Run._evaluate

    def scarce(run):
        if run.shape[0] > run.shape[1]:
            raise NstlibError("memory ran out")
        return step(run)

    monkeypatch.setattr(Run, "_evaluate", scarce)
    assert paint(photos) == 1
    assert "1 of 6 pictures could not be made: a2.jpg: memory ran out" in capsys.readouterr().err
