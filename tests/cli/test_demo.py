import json

import pytest

from nstlib.cli.demo import demo
from nstlib.errors import NstlibError
from nstlib.media import clips, images


def test_the_demo_writes_what_it_says(small, tmp_path, capsys):
    written = demo(tmp_path / "out", small, frames=3)
    said = capsys.readouterr().out.split()
    assert [str(path) for path in written] == said and all(path.is_file() for path in written)
    assert images.read_record(tmp_path / "out" / "whirls.png")["steps"] == small.steps
    clip = clips.probe(tmp_path / "out" / "clip.mp4")
    assert clip.frames == 3 and clip.has_audio
    assert clips.probe(tmp_path / "out" / "side-by-side.mp4").width == 2 * clip.width
    assert json.loads((tmp_path / "out" / "clip.mp4.json").read_text())["kind"] == "video"


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NstlibError, match="file cannot be made"):
        demo(tmp_path / "file")
