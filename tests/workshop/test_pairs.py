import numpy as np
import pytest

from nstlib.cli.main import parser
from nstlib.media import images
from nstlib.workshop import pairs

pytest.importorskip("skimage", reason="scikit-image has the photographs")


def test_twelve_pairs_have_their_pictures_and_commands_that_are_understood():
    assert len({pair.name for pair in pairs.PAIRS}) == len(pairs.PAIRS) == 12
    for pair in pairs.PAIRS:
        assert pair.content in pairs.PHOTOGRAPHS and pair.style in pairs.PAINTINGS
        parser().parse_args(pair.command)


def test_a_picture_is_shrunk_to_what_a_repository_likes(tmp_path):
    noise = np.random.default_rng(0).random((600, 600, 3), np.float32)
    source, target = images.save(tmp_path / "noise.png", noise), tmp_path / "noise.jpg"
    pairs.shrunk(source, target)
    assert target.stat().st_size <= pairs.LARGEST and images.load(target).shape == noise.shape


def test_the_page_has_each_pair_with_its_command_and_its_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(pairs, "WORK", tmp_path)
    (tmp_path / "cat-ink.txt").write_text("70\n")
    page = pairs.page()
    assert "data/gallery/cat-ink.jpg" in page and "cat-whirls" not in page
    assert f"nstlib image {tmp_path}/cat.png {tmp_path}/ink.png -o {tmp_path}/cat-ink.png --size 1024" in page
    assert "70 s" in page
