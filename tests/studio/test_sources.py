import io

import numpy as np
from PIL import Image

from nstlib.media import images
from nstlib.studio import sources


def test_the_studio_takes_pictures_as_people_hold_them(tmp_path, content):
    pixels, file = images.to_uint8(content), io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    several = [pixels, pixels[None], file.getvalue(), file, Image.fromarray(pixels)]
    for given in [*several, several, {"mine": file.getvalue()}]:
        found = sources.gather(given, tmp_path)
        assert len(found) == (len(several) if isinstance(given, list) else 1)
        for source in found:
            np.testing.assert_array_equal(images.to_uint8(images.load(source.path)), pixels)
    assert found[0].name == "mine"


def test_a_picture_is_shown_no_larger_than_it_is(tmp_path, content):
    source = sources.read(images.save(tmp_path / "content.png", content))
    assert source.seen(0, 4096).shape == content.shape and source.seen(0, 32).shape == (24, 32, 3)
