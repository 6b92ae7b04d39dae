import numpy as np
import pytest

from nstlib.core import losses
from nstlib.core.features import load_extractor
from nstlib.core.run import Run
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.networks.vgg19 import CHANNELS
from nstlib.research import paper
from nstlib.settings import Settings


@pytest.mark.parametrize("extractor", ["compact", "vgg19", "random"])
def test_all_layers_are_those_that_the_extractor_has(extractor):
    layers = paper.all_layers(extractor)
    assert layers == tuple(name for name in CHANNELS if name in layers)  # in order, none twice
    assert len(layers) == (13 if extractor == "compact" else 16)
    if extractor == "compact":
        assert set(load_extractor("compact", layers)(np.zeros((1, 32, 32, 3), np.float32))) == set(layers)


def test_white_noise_is_grey_independent_and_of_its_seed():
    noise = paper.white_noise((64, 96), sigma=0.05, seed=3)
    assert noise.shape == (64, 96, 3) and noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0.5, abs=0.002) and noise.std() == pytest.approx(0.05, rel=0.03)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.03
    assert np.array_equal(noise, paper.white_noise((64, 96), sigma=0.05, seed=3))
    assert not np.array_equal(noise, paper.white_noise((64, 96), sigma=0.05, seed=4))


@pytest.mark.parametrize("convention", ["gatys", "tutorial"])
def test_converted_settings_are_the_same_loss(content, style, small, convention):
    settings = Settings(**{**vars(small), "content_weight": 0.3, "tv_weight": 0.1})
    other = paper.convert(content, style, settings, convention)
    assert other.convention == convention and other.term_weights != pytest.approx(settings.term_weights, rel=0.1)
    starts = (paper.white_noise((48, 64)), content, np.zeros_like(content))
    totals = np.array(
        [[next(Run(content, style, s, start=start)).losses["total"] for start in starts] for s in (settings, other)]
    )
    assert totals[1] == pytest.approx(totals[0], rel=1e-3) and len(set(totals[0])) == 3


def test_a_reconstruction_comes_nearer_in_what_it_is_made_from_and_in_nothing_else(style, small):
    settings = Settings(**{**vars(small), "steps": 30})
    extract = load_extractor("random", ("block1_conv1",))
    start = paper.white_noise(images.fit(style.shape[:2], settings.size))
    target = images.load(style, size=settings.size)

    def seen(image):
        return extract(image[None])["block1_conv1"]

    def far(image):
        content = losses.content_loss(seen(image), seen(target))
        return float(content), float(losses.style_loss(*map(losses.gram_matrix, (seen(image), seen(target)))))

    from_content = far(paper.content_from(style, "block1_conv1", settings))
    from_style = far(paper.style_from(style, ["block1_conv1"], settings))
    at_first = far(start)
    assert from_content[0] < 0.3 * at_first[0]
    assert from_style[1] < 0.1 * at_first[1] and from_style[0] > from_content[0]


def test_rank_correlation_is_spearmans():
    x = [1, 2, 3, 4, 5]
    assert paper.rank_correlation(x, [1, 10, 11, 50, 60]) == pytest.approx(1)
    assert paper.rank_correlation(x, [5, 4, 3, 2, -9]) == pytest.approx(-1)
    assert paper.rank_correlation(x, [2, 1, 4, 3, 5]) == pytest.approx(1 - 6 * 4 / (5 * 24))  # 1 − 6 Σ d² / n (n² − 1)
    with pytest.raises(NstlibError, match="5 values against 2"):
        paper.rank_correlation(x, [1, 2])


def test_the_figures_are_numbered_and_arranged_as_in_the_paper(content, style):
    names = ("a", "b", "c")
    figure = paper.figures(content, dict.fromkeys(names, content), dict.fromkeys(names, style))
    rows = [[axis.texts[0].get_text() for axis in part.axes if axis.images] for part in figure.subfigs]
    assert rows[0] == ["Figure 1. Original Image"]
    assert rows[1] == [f"Figure {i + 2}. Styled Image {i + 1} ({name})" for i, name in enumerate(names)]
    assert rows[2] == [f"Figure {i + 5}. Style Image {i + 1} ({name})" for i, name in enumerate(names)]
    with pytest.raises(NstlibError, match="styled images a and style images b"):
        paper.figures(content, {"a": content}, {"b": style})


def test_a_figure_is_written_twice_or_not_at_all(tmp_path, content):
    figure = paper.trends([1, 2, 3], {"noise": [3, 1, 2]}, label="busyness")
    assert [axis.get_title() for axis in figure.axes] == ["ρ = -0.50"]
    png, pdf = paper.write(figure, tmp_path / "figure.1")
    assert png.name == "figure.1.png" and png.read_bytes()[:4] == b"\x89PNG"
    assert pdf.name == "figure.1.pdf" and pdf.read_bytes()[:4] == b"%PDF"
    with pytest.raises(NstlibError, match="there is no folder"):
        paper.write(figure, tmp_path / "none" / "figure")
