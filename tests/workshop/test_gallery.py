from dataclasses import replace

import pytest

from nstlib.errors import NstlibError
from nstlib.media import clips
from nstlib.workshop.gallery import gallery


def test_the_gallery_is_written_from_the_samples(small, tmp_path):
    small = replace(small, steps=2, next_steps=1)
    written = gallery(tmp_path, small, clip=small, frames=2)
    assert [path.name for path in written] == ["styles.jpg", "portrait.jpg", "night.jpg", "clip.webp", "steadiness.png"]
    assert all(path.is_file() for path in written)
    clip = clips.probe(written[-2])
    assert (clip.frames, clip.width, clip.height) == (2, 3 * 64, 36)
    with pytest.raises(NstlibError, match="is no folder"):
        gallery(tmp_path / "none")
