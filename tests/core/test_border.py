"""A border: mirrored, cut off again, and what it is for."""

from dataclasses import replace

import numpy as np
import pytest

from nstlib import samples
from nstlib.core.border import bordered, unbordered
from nstlib.core.run import Run
from nstlib.settings import Settings


@pytest.mark.parametrize("width", [0, 3, 40])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (5, 400, 3)])
def test_it_is_the_mirror_image_and_is_cut_off_again(width, shape):
    x = np.random.default_rng(0).random(shape)
    more = [[min(width, *shape[:2])] * 2] * 2
    np.testing.assert_array_equal(bordered(x, width), np.pad(x, [*more, [0, 0]][: x.ndim], "symmetric"))
    np.testing.assert_array_equal(unbordered(bordered(x, width), width), x)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_run_with_a_border_is_of_the_results_size_at_every_step_and_goes_on_from_its_state(
    small, content, style, optimizer
):
    mask = np.ones(content.shape[:2], np.float32)
    settings = replace(small, border=4, scales=2, size=48, optimizer=optimizer)
    run, branch = (Run(content, style, settings, masks=[mask]) for _ in range(2))
    for step in run:
        assert run.image.shape[:2] == step.shape
        if step.number == 3:
            state = run.state()
    branch.restore(state)
    np.testing.assert_array_equal(branch.finish(), run.image)
    assert run.optimizer.x.shape[0] == run.image.shape[0] + 8


def test_in_a_region_nothing_else_moves(small, content, style):
    region = np.zeros(content.shape[:2], np.float32)
    region[:, :20] = 1  # to the picture's border
    base = Run(content, style, replace(small, border=4)).finish()
    image = Run(content, style, replace(small, border=4), start=base, region=region).finish()
    np.testing.assert_array_equal(image[:, 24:], base[:, 24:])
    assert np.abs(image[:, :16] - base[:, :16]).max() > 0.01


def test_along_its_border_a_picture_has_no_stronger_colours():
    content, style = samples.frame(30, size=(108, 192)), samples.styles()["mosaic"]
    settings = Settings(size=192, steps=40, precision="float32")

    def stronger(width: int) -> float:
        """How colourful the outermost three pixels are, over what is far from the border."""
        image = np.ptp(Run(content, style, replace(settings, border=width)).finish(), axis=-1)
        edge = np.concatenate([part.ravel() for part in (image[:3], image[-3:], image[:, :3], image[:, -3:])])
        return edge.mean() / image[12:-12, 12:-12].mean()

    assert stronger(8) < 1.1 < stronger(0)
