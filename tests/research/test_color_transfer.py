import numpy as np
import pytest

from nstlib.research.color_transfer import match_histograms, match_lab


def a_picture(seed, shape=(20, 30)):
    return np.random.default_rng(seed).random((*shape, 3), dtype=np.float32)


@pytest.mark.parametrize("transfer", [match_lab, match_histograms])
def test_the_style_itself_stays_as_it_is(transfer):
    picture = 0.2 + 0.6 * a_picture(0)
    np.testing.assert_allclose(transfer(picture, picture), picture, atol=2e-3)


def test_histograms_agree_afterwards():
    style = a_picture(1, (40, 15)) ** 2
    result = match_histograms(a_picture(0), style)
    np.testing.assert_allclose(np.sort(result, axis=None)[::60], np.sort(style, axis=None)[::60], atol=0.02)
