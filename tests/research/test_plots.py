"""Flow as colours: still is white, opposite ways have opposite hues, longer is stronger."""

import numpy as np
import pytest

from nstlib.errors import NstlibError
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


def test_curves_that_are_no_runs_are_refused_rather_than_an_empty_figure():
    with pytest.raises(NstlibError, match="none of gram, remd is a run's loss; give run.curves"):
        plots.loss_curves({"gram": [1.0], "remd": [2.0]})


def test_curves_leave_gaps():
    figure = plots.frame_curves({"a": [1.0, None, 3.0], "b": [2.0, float("nan"), 1.0]}, title="E")
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines] == ["a", "b"]
    assert axis.lines[0].get_ydata() == pytest.approx([1, np.nan, 3], nan_ok=True)


def test_a_films_curve_has_its_mean_and_the_sources_own_is_the_floor():
    film = {"mean": {"warping_error": 0.02, "source_warping_error": 0.001}}
    film["per_frame"] = [{"warping_error": 0.02, "source_warping_error": 0.001}, {}]
    (axis,) = plots.warping_curves({"steady": film}).axes
    assert [line.get_label() for line in axis.lines] == ["steady, 0.02 on average", "source, 0.001 on average"]
    assert axis.lines[1].get_ydata() == pytest.approx([0.001, np.nan], nan_ok=True)
    with pytest.raises(NstlibError, match="no film"):
        plots.warping_curves({})


def test_flows_share_a_scale_in_pixels():
    flows = {"slow": np.full((4, 6, 2), 1.0), "fast": np.full((4, 6, 2), (-3.0, 2.0))}
    figure = plots.show_flow(flows)
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(images) == 4 and {image.get_clim() for image in images} == {(-3.0, 3.0)}
    assert [image.get_array().max() for image in images] == [1, 1, -3, 2]
    assert figure.axes[-1].get_ylabel() == "pixels" and "pixels" in figure.axes[0].get_xlabel()
    with pytest.raises(NstlibError, match="no flow"):
        plots.show_flow({})
