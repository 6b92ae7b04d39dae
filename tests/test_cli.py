import json
import subprocess
import sys

import numpy as np
import pytest

from nstlib import images
from nstlib.__main__ import main
from nstlib.settings import Settings

TINY = [
    "--extractor",
    "random",
    "--size",
    "48",
    "--steps",
    "3",
    "--style-layers",
    "block1_conv1",
    "--content-layers",
    "block1_conv1",
]


@pytest.fixture
def paths(tmp_path, content, style):
    return [str(images.save(tmp_path / f"{n}.png", image)) for n, image in (("content", content), ("style", style))]


def said(capsys, code, *arguments):
    """What a command printed, after it ended with this code; an error is one line and no traceback."""
    assert main([str(a) for a in arguments]) == code
    printed = capsys.readouterr()
    if code == 1:
        assert len(printed.err.strip().splitlines()) == 1 and printed.err.startswith("nstlib: ")
    return printed


def test_image_writes_a_picture_and_replay_makes_it_again(paths, tmp_path, capsys):
    out, again = tmp_path / "out.png", tmp_path / "again.png"
    losses = json.loads(said(capsys, 0, "image", *paths, "-o", out, "--json", *TINY).out)
    assert losses["total"] > 0 and "style/block1_conv1" in losses
    assert said(capsys, 0, "replay", out, "-o", again).out.strip() == str(again)
    np.testing.assert_array_equal(images.load(out), images.load(again))


def test_every_setting_is_a_flag(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["image", "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0 and "example: python -m nstlib image" in text
    for name in vars(Settings()):
        assert (f"--{name.replace('_', '-')}" in text) == (
            not Settings.__dataclass_fields__[name].metadata.get("video")
        )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--content-weight", "-1"], "content_weight=-1.0; give a number from 0"),
        (["--style-weight", "nan"], "style_weight=nan"),
        (["--extractor", "vgg16"], "choose from compact, vgg19, random"),
        (["--style-layers", "block7_conv1", "--extractor", "random"], "unknown layer 'block7_conv1'"),
        (["--init", "missing.png", "--extractor", "random"], "init='missing.png'"),
        (["--style-blend", "1,2", "--extractor", "random"], "style_blend has 2 values for 1 styles"),
    ],
)
def test_a_bad_setting_is_named_in_one_line(paths, tmp_path, capsys, flags, message):
    assert message in said(capsys, 1, "image", *paths, "-o", tmp_path / "out.png", *flags).err
    assert not (tmp_path / "out.png").exists()


def test_bad_files_are_named_in_one_line(paths, tmp_path, capsys):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    out = tmp_path / "out.png"
    assert "no such file: missing.jpg" in said(capsys, 1, "image", "missing.jpg", paths[1], "-o", out).err
    assert "empty.jpg is no picture" in said(capsys, 1, "image", paths[0], empty, "-o", out).err
    assert "no folder" in said(capsys, 1, "image", *paths, "-o", tmp_path / "none" / "out.png").err
    assert "extension='.xyz'" in said(capsys, 1, "image", *paths, "-o", tmp_path / "out.xyz").err
    assert "carries no record" in said(capsys, 1, "replay", paths[0], "-o", out).err


@pytest.mark.parametrize("wrong", [[], ["paint"], ["image"], ["image", "a", "b", "-o", "c.png", "--size", "big"]])
def test_wrong_usage_exits_with_2(wrong):
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2


def test_ctrl_c_keeps_the_picture_so_far(paths, tmp_path, capsys, monkeypatch):
    from nstlib.stylize import Run

    step = Run.__next__

    def interrupted(run):
        if run.number == 2:
            raise KeyboardInterrupt
        return step(run)

    monkeypatch.setattr(Run, "__next__", interrupted)
    out = tmp_path / "out.png"
    assert main(["image", *paths, "-o", str(out), *TINY]) == 1
    assert f"stopped after 2 of 3 steps; so far: {out}" in capsys.readouterr().err.splitlines()[-1]
    assert images.read_record(out)["steps"] == 2


def test_importing_is_light_and_makes_nothing(tmp_path):
    code = "import nstlib, nstlib.settings, sys; print('tensorflow' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["False", "False"] and not done.stderr and not list(tmp_path.iterdir())
