"""What `image` and `video` say at their end: the size, the losses, and a command that makes the same again."""

import shlex
import subprocess

import numpy as np
import pytest

import nstlib as nst
from nstlib.cli import clip_commands, endings
from nstlib.cli.main import main

TINY = ["--extractor", "random", "--style-layers", "block1_conv1", "--content-layers", "block1_conv1"]
TINY += ["--precision", "float32", "--size", "48", "--steps", "2"]


@pytest.fixture
def styled(tmp_path, capsys, monkeypatch):
    """A picture that `image` wrote with --open, the lines of its end, and what was opened."""
    opened, out = [], tmp_path / "a picture.png"
    monkeypatch.setattr(endings.webbrowser, "open", lambda address: opened.append(address) or True)
    content, style = map(str, (nst.samples.photograph(), nst.samples.styles()["ink"]))
    assert main(["image", content, style, "-o", str(out), "--open", *TINY]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(out)
    return out, printed.err.splitlines()[-3:], opened


def test_a_picture_ends_with_its_size_its_losses_and_its_command(styled):
    out, (made, losses, again), opened = styled
    assert "41 x 48 pixels, 2 steps, " in made and made.endswith(" s")
    assert losses.startswith("losses: total ") and "content" in losses and "style" in losses
    assert opened == [out.as_uri()]

    words = shlex.split(again.removeprefix("again: "))
    assert words[0] == "nstlib" and main(words[1:]) == 0
    assert np.array_equal(nst.load(out), nst.load(endings.beside(out)))


def test_without_a_browser_it_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(endings.webbrowser, "open", lambda address: False)
    with pytest.raises(nst.NstlibError, match="no browser"):
        endings.open_file(tmp_path / "out.png")


def test_a_clips_command_has_another_output_and_the_same_rest():
    for words in (["-o", "out.mp4"], ["--output", "out.mp4"], ["--output=out.mp4"]):
        given = clip_commands.Path("out.mp4")
        changed = endings.with_output(["video", "c.mp4", *words, "--size", "64"], endings.beside(given))
        assert changed[:2] == ["video", "c.mp4"] and changed[-2:] == ["--size", "64"]
        assert "out-again.mp4" in changed[-3] and not any(word == "out.mp4" for word in changed)


def test_a_clip_ends_with_its_frames_its_size_and_its_losses(tmp_path, capsys):
    out = tmp_path / "out.mp4"
    words = [str(nst.samples.clip()), str(nst.samples.styles()["ink"]), "-o", str(out), "--end", "0.1"]
    assert main(["video", *words, *TINY]) == 0
    made, losses, again = capsys.readouterr().err.splitlines()[-3:]
    assert "3 frames of 48 x 27 pixels" in made and losses.startswith("losses: ")
    assert again.endswith(shlex.join(["--size", "48", "--steps", "2"])) and "out-again.mp4" in again


@pytest.mark.parametrize("word", ["a b", "a'b", "line\nline'\\d", "é\x1b[1m", ""])
def test_a_word_is_quoted_on_one_line_for_the_shell(word):
    quoted = endings.quoted(word)
    assert quoted.isprintable()
    assert subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, text=True).stdout == word
