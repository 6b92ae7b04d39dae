import numpy as np
import pytest
from conftest import smooth_noise

from nstlib.cli.main import main
from nstlib.media import images


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--photos", "nowhere"], "no such folder"),
        (["--clip", "nowhere.mp4"], "no such clip"),
        (["--tflite", "net.bin"], "give a .tflite file"),
        (["--photos", "empty"], "no pictures in"),
        (["--steps", "0"], "steps=0"),
    ],
)
def test_what_cannot_be_done_is_one_line(flags, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    images.save("painting.png", smooth_noise(1, (64, 64)))
    assert main(["learn", "painting.png", "-o", "out", *flags]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and line in told
    assert not (tmp_path / "out").exists()


def test_a_painting_of_one_colour_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images.save("painting.png", np.full((64, 64, 3), 0.3, np.float32))
    assert main(["learn", "painting.png", "-o", "out"]) == 1
    assert "one colour" in capsys.readouterr().err
