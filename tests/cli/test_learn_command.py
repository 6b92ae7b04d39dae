import numpy as np
import pytest
from conftest import smooth_noise

from nstlib.cli.main import main
from nstlib.errors import NstlibError
from nstlib.media import clips, images


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--photos", "nowhere"], "no such folder"),
        (["--photos", "painting.png"], "painting.png is a file; give the folder of the photographs"),
        (["--clip", "nowhere.mp4"], "no such clip"),
        (["--clip", "one.mp4"], "one.mp4 has 1 frame; neighbours take two at least"),
        (["--tflite", "net.bin"], "give a .tflite file"),
        (["--onnx", "net.bin"], "give a .onnx file"),
        (["--photos", "empty"], "no pictures in"),
        (["--steps", "0"], "steps=0"),
    ],
)
def test_what_cannot_be_done_is_one_line(flags, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    images.save("painting.png", smooth_noise(1, (64, 64)))
    clips.write_frames("one.mp4", [smooth_noise(2, (64, 64))], fps=10)
    assert main(["learn", "painting.png", "-o", "out", *flags]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and line in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("painting", "line"),
    [(np.full((64, 64, 3), 0.3, np.float32), "of one colour"), (smooth_noise(1, (8, 8)), "8 x 8 pixels")],
)
def test_a_painting_of_nothing_is_one_line(painting, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images.save("painting.png", painting)
    assert main(["learn", "painting.png", "-o", "out"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and line in told


@pytest.mark.parametrize("flags", [[], ["--photos", "."]])
def test_without_photographs_it_says_that_they_go_further(flags, tmp_path, monkeypatch, capsys):
    class Stopped:
        number = 0

        def __iter__(self):
            raise NstlibError("the end")

    monkeypatch.setattr("nstlib.engines.lessons.learn", lambda *_, **__: Stopped())
    monkeypatch.chdir(tmp_path)
    images.save("painting.png", smooth_noise(1, (64, 64)))
    assert main(["learn", "painting.png", "-o", "out", *flags]) == 1
    told = capsys.readouterr().err
    assert "the end" in told and ("--photos" in told) == (not flags)
