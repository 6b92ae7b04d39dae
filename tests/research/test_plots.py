"""Flow as colours: still is white, opposite ways have opposite hues, longer is stronger."""

import numpy as np
import pytest

from nstlib.research import plots


def colour(dx, dy, largest=10):
    return plots.flow_colors(np.full((2, 3, 2), (dx, dy), np.float32), largest=largest)[0, 0]


def test_still_is_white_and_nothing_leaves_the_range():
    assert np.array_equal(plots.flow_colors(np.zeros((4, 5, 2), np.float32)), np.ones((4, 5, 3)))
    found = plots.flow_colors(np.random.default_rng(0).normal(0, 9, (4, 5, 2)))
    assert found.shape == (4, 5, 3) and found.dtype == np.float32 and 0 <= found.min() <= found.max() <= 1


def test_direction_is_hue_and_length_is_saturation():
    assert np.allclose(colour(10, 0), (1, 0, 0)) and np.allclose(colour(-10, 0), (0, 1, 1))
    assert np.allclose(colour(5, 0), (1, 0.5, 0.5))
    assert np.allclose(colour(50, 0), colour(10, 0))


def test_curves_leave_gaps():
    figure = plots.frame_curves({"a": [1.0, None, 3.0], "b": [2.0, float("nan"), 1.0]}, title="E")
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines] == ["a", "b"]
    assert axis.lines[0].get_ydata() == pytest.approx([1, np.nan, 3], nan_ok=True)
