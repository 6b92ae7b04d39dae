import numpy as np
import pytest

from nstlib import samples
from nstlib.core.run import Run
from nstlib.engines.cube import save_cube
from nstlib.errors import NstlibError
from nstlib.settings import Settings


def a_run(**changes):
    settings = Settings(**{"rendering": "photo", "size": 64, "steps": 8, **changes})
    return Run(samples.frame(30), np.float32(0.4) * samples.frame(0), settings)


def table_of(path):
    title, side, *values = path.read_text().splitlines()
    assert title.startswith("TITLE") and side == "LUT_3D_SIZE 33"
    return np.array([line.split() for line in values], float).reshape(33, 33, 33, 3)  # blue, green, red


def test_the_identity_is_the_identity_table(tmp_path):
    assert save_cube(tmp_path / "a.cube", a_run()) == 0
    table, values = table_of(tmp_path / "a.cube"), np.linspace(0, 1, 33)
    np.testing.assert_allclose(table[3, 7, 20], values[[20, 7, 3]], atol=1e-6)


def test_a_grid_of_one_place_is_its_table(tmp_path):
    """With one row and one column nothing is averaged away: the difference that is told is none."""
    run = a_run(spatial_bins=1)
    run.finish()
    assert save_cube(tmp_path / "a.cube", run) < 1e-5
    assert np.abs(table_of(tmp_path / "a.cube") - np.linspace(0, 1, 33)[:, None, None, None]).max() > 0.05


def test_what_has_no_table_is_refused(tmp_path):
    with pytest.raises(NstlibError, match="photo"):
        save_cube(tmp_path / "a.cube", Run(samples.frame(30), samples.frame(0), Settings(size=64, steps=1)))
    with pytest.raises(NstlibError, match="cube"):
        save_cube(tmp_path / "a.txt", a_run())
