"""Flicker: what of a film's brightness changes to and fro."""

import numpy as np
import pytest

from nstlib.video.exposure import MOST, Exposure

SCENE = np.random.default_rng(0).uniform(0.1, 0.8, (12, 16, 3)).astype(np.float32)


def flicker(factors, cuts=(0,)):
    exposure = Exposure()
    for number, factor in enumerate(factors):
        exposure.advance(np.float32(factor) * SCENE, begins=number in cuts)
    return exposure.flicker()


def test_what_goes_to_and_fro_is_flicker():
    found = flicker([1, 1.02] * 5)
    np.testing.assert_allclose(found[1:] / found[:-1], [1.02, 1 / 1.02] * 4 + [1.02], rtol=0.002)


def test_what_stands_still_or_changes_slowly_is_none():
    assert (flicker([1] * 8) == 1).all()
    np.testing.assert_allclose(flicker(1.01 ** np.arange(12))[2:-2], 1, atol=1e-3)


def test_a_lamp_that_is_switched_on_is_no_flicker_and_a_shot_knows_nothing_of_the_one_before():
    assert np.abs(np.log(flicker([0.5] * 4 + [1] * 4))).max() <= MOST + 1e-6
    assert (flicker([0.5] * 4 + [1] * 4, cuts=(0, 4)) == 1).all()


def test_something_bright_that_moves_through_is_none():
    exposure = Exposure()
    for number in range(6):
        frame = SCENE.copy()
        frame[:, 2 * number : 2 * number + 3] = 1
        exposure.advance(frame, begins=number == 0)
    assert exposure.flicker() == pytest.approx(np.ones(6), abs=0.01)
