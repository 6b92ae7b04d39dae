from dataclasses import replace

import numpy as np
import pytest

from nstlib.core.features import load_extractor
from nstlib.errors import NstlibError
from nstlib.research.comparison import compare, style_measures
from nstlib.settings import STYLE_LAYERS


def test_the_losses_are_compared_at_one_content_distance(content, style, small):
    extractor = load_extractor("compact", STYLE_LAYERS)
    rows = compare(content, style, replace(small, steps=25), extractor=extractor, style_losses=("gram", "wasserstein"))
    assert [row.style_loss for row in rows] == ["gram", "wasserstein"]
    assert rows[1].measures["content"] == pytest.approx(rows[0].measures["content"], rel=0.15)
    assert rows[0].settings.content_weight == small.content_weight  # the first is as its settings say
    assert set(rows[0].measures) == {"gram", "wasserstein", "sliced", "content", "ssim"}


def test_a_painting_is_at_no_distance_from_itself_and_nearer_than_another(content, style):
    extractor = load_extractor("compact", STYLE_LAYERS)
    same, other = (style_measures(x, style, extractor) for x in (style, np.ascontiguousarray(content[:48, :48])))
    for name, value in same.items():
        assert abs(value) < 1e-3 < other[name]


def test_no_loss_to_compare_is_one_line(content, style, small):
    with pytest.raises(NstlibError, match="choose from gram, wasserstein"):
        compare(content, style, small, style_losses=())
