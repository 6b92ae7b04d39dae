"""A run takes every form of a picture at each of its doors, and its record says what they were."""

import io
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nstlib.core.run import Run
from nstlib.engines import records
from nstlib.engines.frames import begin
from nstlib.errors import NstlibError
from nstlib.media import files, images


def forms(image):
    """The picture as bytes, a stream, a PIL image, arrays and tensors; 8 bits each, so that all are one picture."""
    pixels, file = images.to_uint8(image), io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    yield from (file.getvalue(), io.BytesIO(file.getvalue()), Image.fromarray(pixels), pixels)
    yield from (tf.constant(pixels[None]), tf.constant(pixels[None] / 255, tf.float32))


def test_content_styles_masks_and_start_in_every_form_give_one_picture(content, style, small):
    mask, expected = np.ones(content.shape[:2], bool), None
    for given, painting, start in zip(forms(content), forms(style), forms(content), strict=True):
        run = Run(given, painting, replace(small, steps=2), masks=[tf.constant(mask[None])], start=start)
        expected = run.finish() if expected is None else expected
        np.testing.assert_allclose(run.finish(), expected, atol=1e-5)
        inputs = records.record(run)["inputs"]
        entries = [inputs["content"], *inputs["styles"], *inputs["masks"], inputs["start"]]
        assert all(entry["path"] is None and len(entry["sha256"]) == 64 for entry in entries)


def test_bytes_are_known_by_the_checksum_of_their_file(content, style, small, tmp_path):
    path = images.save(tmp_path / "a.png", content)
    entries = [records.record(Run(given, style, small))["inputs"]["content"] for given in (path, path.read_bytes())]
    assert entries == [{"path": kept, "sha256": files.checksum(path)} for kept in (str(path), None)]
    with pytest.raises(NstlibError, match="made from an array or bytes, not a file"):
        records.replay(records.record(Run(path.read_bytes(), style, small)))


@pytest.mark.parametrize("engine", ["optimise", "hub"])
def test_anything_else_is_one_line_that_names_the_door(content, style, small, engine):
    settings = replace(small, engine=engine, module="instant")
    for given, painting, line in (
        (None, style, "the content is None; give"),
        (content, [style, 3], "a style is of type"),
    ):
        with pytest.raises(NstlibError, match=line):
            begin(given, painting, settings)
    with pytest.raises(NstlibError, match="no style is given"):
        begin(content, [], settings)
