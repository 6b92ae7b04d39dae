"""The commands for clips, from the command line's words to the files."""

import json

import numpy as np
import pytest

from nstlib.cli import clip_commands
from nstlib.cli.main import main
from nstlib.media import clips

FEW = ["--extractor", "random", "--precision", "float32", "--size", "32", "--steps", "2", "--next-steps", "1"]
FEW += ["--style-layers", "block1_conv1", "--content-layers", "block1_conv2"]


@pytest.fixture
def clip(tmp_path):
    rng = np.random.default_rng(0)
    picture = np.repeat(np.repeat(rng.random((6, 8, 3), np.float32), 8, 0), 8, 1)
    clips.write_frames(tmp_path / "clip.mp4", [np.roll(picture, i, 1) for i in range(6)], fps=12)
    clips.write_frames(tmp_path / "style", [picture[::-1]], fps=25)
    return tmp_path / "clip.mp4"


def run(*words):
    return main([str(word) for word in words])


def test_frames_takes_a_clip_apart_and_together(clip, tmp_path, capsys):
    assert run("frames", clip, "-o", tmp_path / "frames", "--every", 2, "--size", 16) == 0
    assert clips.probe(tmp_path / "frames").frames == 3
    assert run("frames", tmp_path / "frames", "-o", tmp_path / "a.gif", "--end", 0.3) == 0  # of 6 a second, as noted
    assert clips.probe(tmp_path / "a.gif").frames == 2
    assert "a.gif" in capsys.readouterr().out


def test_video_writes_the_clip_and_measure_reads_it(clip, tmp_path, capsys):
    style = tmp_path / "style" / "000001.png"
    assert run("video", clip, style, "-o", tmp_path / "out.mp4", *FEW, "--end", 0.25) == 0
    assert clips.probe(tmp_path / "out.mp4").frames == 3
    assert (tmp_path / "out.mp4.json").is_file() and not (tmp_path / "out.mp4.work").exists()
    capsys.readouterr()
    assert run("measure", clip, tmp_path / "out.mp4", "--end", 0.25, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["frames"] == 3 and found["mean"]["warping_error"] > 0
    assert run("measure", clip, tmp_path / "out.mp4", "--end", 0.25) == 0
    assert "warping error" in capsys.readouterr().out


def test_a_video_of_one_frame_tells_of_nstlib_image(clip, tmp_path, capsys):
    assert run("video", clip, tmp_path / "style" / "000001.png", "-o", tmp_path / "out.mp4", *FEW, "--end", 0.05) == 0
    assert "has one frame here; for a picture there is `nstlib image`" in capsys.readouterr().err
    assert clips.probe(tmp_path / "out.mp4").frames == 1


def test_a_stopped_video_goes_on(clip, tmp_path, capsys, monkeypatch):
    words = ["video", clip, tmp_path / "style" / "000001.png", "-o", tmp_path / "out.mp4", *FEW]

    def stopped(frames, total, done=0):
        yield next(frames)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clip_commands, "follow_frames", stopped)
        assert run(*words) == 1
    assert "stopped after 1 of 6 frames" in capsys.readouterr().err
    assert (tmp_path / "out.mp4.work" / "preview.png").is_file()
    assert run(*words, "--next-steps", 2) == 1
    assert "next_steps was 1, now 2" in capsys.readouterr().err
    assert run(*words) == 0
    assert clips.probe(tmp_path / "out.mp4").frames == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["video", "nowhere.mp4", "STYLE", "-o", "OUT.mp4"], "no such clip"),
        (["video", "CLIP", "STYLE", "-o", "OUT.avi"], "choose from .mp4"),
        (["video", "CLIP", "CLIP", "-o", "OUT.mp4", *FEW], "clip.mp4"),
        (["frames", "STYLE/..", "-o", "OUT", "--start", "9"], "no frame"),
        (["frames", "CLIP", "-o", "OUT", "--every", "0"], "every >= 1"),
        (["measure", "CLIP", "CLIP", "--end", "0.2"], "the source ends after 3 frames"),
    ],
)
def test_mistakes_are_one_line(clip, tmp_path, capsys, words, message):
    places = {"CLIP": clip, "STYLE": tmp_path / "style" / "000001.png", "STYLE/..": tmp_path / "style"}
    places |= {f"OUT{end}": tmp_path / f"out{end}" for end in ("", ".mp4", ".avi")}
    assert run(*(places.get(word, word) for word in words)) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("nstlib: ") and message in error
