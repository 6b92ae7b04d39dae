import json
import os
import signal
import subprocess
import sys

import forked
import numpy as np
import pytest

from nstlib.cli.flags import GROUPS
from nstlib.cli.main import COMMANDS, main, parser
from nstlib.media import images
from nstlib.settings import Settings

TINY = [
    "--extractor",
    "random",
    "--precision",
    "float32",
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


@pytest.mark.parametrize("command", [None, *(name for group in COMMANDS.values() for name in group)])
def test_help_fits_a_screen_and_shows_an_example(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"] if command else ["--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0 and f"example: nstlib {command or ''}" in text
    screens = 1.5 if command == "video" else 1  # a clip is read, painted and written: its flags are grouped so
    assert len(text.splitlines()) <= 50 * screens and max(map(len, text.splitlines())) <= 80


def test_help_is_grouped_by_what_one_wants(capsys):
    listed = said(capsys, 0, "settings").out
    for wanted, names in GROUPS.items():
        assert f"{wanted}:" in listed and set(names) <= set(Settings.__dataclass_fields__)


def test_every_setting_is_a_flag_and_is_listed(capsys, paths, tmp_path):
    listed = said(capsys, 0, "settings").out
    for name, field in Settings.__dataclass_fields__.items():
        flag = f"--{name.replace('_', '-')}"
        assert f"  {flag} " in listed
        words = ["video", *paths, "-o", "out.mp4"] if field.metadata.get("video") else ["image", *paths, "-o", "o.png"]
        assert getattr(parser().parse_args([*words, flag, "1"]), name) in (1, "1", (1.0,), ("1",))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--content-weight", "-1"], "content_weight=-1.0; give a number from 0"),
        (["--style-weight", "nan"], "style_weight=nan"),
        (["--extractor", "vgg16"], "choose from compact, vgg19, random"),
        (["--style-layers", "block7_conv1", "--extractor", "random"], "unknown layer 'block7_conv1'"),
        (["--init", "missing.png", "--extractor", "random"], "init='missing.png'"),
        (["--style-blend", "1,2", "--extractor", "random"], "style_blend has 2 values for 1 styles"),
        (["--weights", "a\0b"], "compact's weights cannot be read"),
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
    assert "is a folder" in said(capsys, 1, "replay", tmp_path, "-o", out).err
    assert "no folder a b" in said(capsys, 1, "image", *paths, "-o", "a\nb/out.png").err
    long = "a" * 300 + ".png"
    assert "cannot be written: File name too long" in said(capsys, 1, "image", *paths, "-o", long).err
    for words in (["image", long, paths[1], "-o", out], ["frames", long, "-o", tmp_path / "f"]):
        assert long in said(capsys, 1, *words).err


def test_an_output_never_replaces_its_input(paths, tmp_path, capsys):
    before = [(tmp_path / name).read_bytes() for name in ("content.png", "style.png")]
    link = tmp_path / "link.png"
    link.symlink_to(paths[0])
    clip = tmp_path / "clip.gif"
    assert main(["frames", paths[0], "-o", str(clip)]) == 0
    capsys.readouterr()
    cases = [["image", *paths, "-o", paths[1]], ["image", *paths, "-o", link], ["replay", paths[0], "-o", paths[0]]]
    cases += [["frames", clip, "-o", clip], ["video", clip, paths[1], "-o", clip]]
    for words in cases:
        assert "is an input of this run" in said(capsys, 1, *words).err
    assert before == [(tmp_path / name).read_bytes() for name in ("content.png", "style.png")]


def test_a_picture_that_is_too_large_is_refused_before_it_is_made(paths, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(images, "load", lambda *_, **__: pytest.fail("it was loaded"))
    more = ["--extractor", "random", "--size", "20000", "--steps", "1"]
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 1e9}))
    assert "20000 x 15000 pixels need about" in said(capsys, 1, "image", *paths, "-o", tmp_path / "o.png", *more).err


def test_what_the_system_refuses_is_one_line(paths, tmp_path, capsys, monkeypatch):
    def refuse(error):
        def check_output(path):
            raise error

        return check_output

    for error, text in (
        (PermissionError(13, "Permission denied", "x"), "x: Permission denied"),
        (MemoryError(), "size"),
    ):
        monkeypatch.setattr(images, "check_output", refuse(error))
        assert text in said(capsys, 1, "image", *paths, "-o", tmp_path / "o.png").err


def test_a_reader_that_leaves_and_names_that_are_no_text_are_fine(paths, tmp_path):
    command = [sys.executable, "-m", "nstlib", "frames", paths[0], "-o"]
    done = subprocess.run([*command, os.fsencode(tmp_path) + b"/f\x80"], capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False) and b"udc80" in done.stdout
    with subprocess.Popen([*command, tmp_path / "g"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert b"rror" not in child.stderr.read() and child.wait() == 0


@pytest.mark.parametrize("wrong", [[], ["paint"], ["image"], ["image", "a", "b", "-o", "c.png", "--size", "big"]])
def test_wrong_usage_exits_with_2(wrong):
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2


def test_ctrl_c_keeps_the_picture_so_far(paths, tmp_path, capsys, monkeypatch):
    from nstlib.core.run import Run

    step = Run.__next__

    def interrupted(run):
        if run.number == 2:
            raise KeyboardInterrupt
        return step(run)

    monkeypatch.setattr(Run, "__next__", interrupted)
    out = tmp_path / "out.png"
    assert main(["image", *paths, "-o", str(out), *TINY]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"stopped after 2 of 3 steps; so far: {out}" in line and f"--init {out}" in line
    assert images.read_record(out)["steps"] == 2


def test_importing_is_light_and_makes_nothing(tmp_path):
    code = "import nstlib, nstlib.settings, sys; print('tensorflow' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["False", "False"] and not done.stderr and not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys, threading
import tensorflow
from nstlib.cli.main import main
threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), signal.SIGKILL)).start()
os._exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_killed_picture_is_whole_or_not_there(paths, tmp_path):
    whole, out = tmp_path / "whole.png", tmp_path / "out.png"
    words = ["image", *paths, *TINY, "--steps", "60"]
    assert main([*words, "-o", str(whole)]) == 0
    codes = []
    for delay in np.random.default_rng(0).uniform(0, 5, 10):
        codes.append(forked.run(KILLED, delay, *words, "-o", out).returncode)
        assert codes[-1] in (0, -signal.SIGKILL) and (out.exists() or codes[-1])
        if out.exists():
            np.testing.assert_array_equal(images.load(out), images.load(whole))
            out.unlink()
    assert main([*words, "-o", str(out)]) == 0
    np.testing.assert_array_equal(images.load(out), images.load(whole))
    assert -signal.SIGKILL in codes


def test_a_flag_that_there_is_not_is_an_error_with_the_nearest(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["image", "a.jpg", "b.jpg", "-o", "c.png", "--style-wieght=3"])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("usage: nstlib image")
    assert lines[-1].endswith("unrecognized arguments: --style-wieght=3; did you mean --style-weight?")
