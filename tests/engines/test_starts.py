"""A start that is nearer: an optimisation begins at a network's picture, and what is new in a clip too."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import smooth_noise

import nstlib as nst
from nstlib.core.run import Run
from nstlib.core.schedule import plan
from nstlib.core.styles import Styles
from nstlib.engines import records
from nstlib.engines.frames import Guide, Optimised, begin
from nstlib.engines.hub import load_module
from nstlib.engines.starts import NetworkRun, NetworkStart, from_network, large
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.settings import Settings

SHAPE = (48, 64)
SETTINGS = Settings(size=64, steps=3, next_steps=2, init="instant", precision="float32")


@pytest.fixture(scope="module")
def painting():
    return nst.samples.styles()["ink"]


@pytest.fixture(scope="module")
def learned(tmp_path_factory, painting):
    """A network of one painting, as it is before the first step."""
    folder = tmp_path_factory.mktemp("learned") / "ink"
    return nst.learn(painting, folder, lesson=nst.Lesson(steps=1, size=64, batch=2, style_size=64)).leave()


def pass_of(content, styles, handle):
    """What the network makes of it in one pass."""
    return begin(content, styles, Settings(size=64, engine="hub", module=str(handle))).finish()


def test_a_run_begins_at_the_networks_picture(painting):
    content = smooth_noise(1, SHAPE)
    run = begin(content, painting, SETTINGS)
    assert isinstance(run, NetworkRun)
    np.testing.assert_allclose(run.image, pass_of(content, painting, "instant"), atol=1e-5)
    assert run.finish().shape == (*SHAPE, 3) and run.number == 3
    assert run.curves["total"][-1] < run.curves["total"][0]


def test_the_sizes_that_the_network_stands_for_are_left_out_with_their_evaluations(painting):
    stages = plan((384, 512), Settings(size=512), smallest=16)
    left, count = large(stages)
    assert [s.shape for s in left] == [s.shape for s in stages if max(s.shape) >= 256]
    assert count == stages[0].until and left[0].until == stages[1].until - count
    assert large(plan((48, 64), Settings(size=64), smallest=16)) == (plan((48, 64), Settings(size=64), smallest=16), 0)

    run = begin(smooth_noise(1, (240, 320)), painting, Settings(size=320, steps=10, init="instant"))
    assert run.stages[0].shape == (240, 320) and run.total_steps == 2
    run.extend(1)
    assert len(list(run)) == 3


@pytest.mark.parametrize("changes", [{"engine": "hub"}, {"init": "content"}, {"init": "nowhere"}])
def test_other_settings_name_no_network(changes):
    assert from_network(SETTINGS) and not from_network(replace(SETTINGS, **changes))


def test_a_folder_that_is_named_as_a_start_is_no_network(tmp_path, monkeypatch):
    (tmp_path / "content").mkdir()
    monkeypatch.chdir(tmp_path)
    assert not from_network(Settings(init="content"))


def test_a_start_goes_before_the_network_and_a_region_is_begun_at_its_picture(painting):
    content, base = smooth_noise(1, SHAPE), smooth_noise(5, SHAPE)
    np.testing.assert_allclose(begin(content, painting, SETTINGS, start=base).image, base, atol=1e-6)
    region = np.zeros(SHAPE, np.float32)
    region[10:30, 20:50] = 1
    run = begin(content, painting, SETTINGS, start=base, region=region)
    expected = np.where(region[..., None] > 0, pass_of(content, painting, "instant"), base)
    np.testing.assert_allclose(run.image, expected, atol=1e-5)


def test_each_style_starts_where_its_mask_is(painting):
    content, other = smooth_noise(1, SHAPE), smooth_noise(6, SHAPE)
    left = np.zeros(SHAPE, np.float32)
    left[:, : SHAPE[1] // 2] = 1
    image = begin(content, [painting, other], SETTINGS, masks=[left, 1 - left]).image
    expected = [pass_of(content, style, "instant") for style in (painting, other)]
    np.testing.assert_allclose(image, np.where(left[..., None] > 0, *expected), atol=1e-4)


@pytest.mark.parametrize("kept", ["luminance", "histogram"])
def test_kept_colours_are_kept(painting, kept):
    content = smooth_noise(1, SHAPE)
    settings = replace(SETTINGS, preserve_color=kept)
    start = NetworkStart(Styles(painting, settings), settings)(content)
    if kept == "luminance":
        assert np.ptp(start, axis=-1).max() < 1e-5
    else:
        np.testing.assert_allclose(start.mean((0, 1)), content.mean((0, 1)), atol=0.05)
    assert np.isfinite(begin(content, painting, settings).finish()).all()


def test_a_record_replays_to_the_bit_and_knows_the_network(painting, learned, tmp_path):
    content = images.save(tmp_path / "content.png", smooth_noise(1, SHAPE))
    run = begin(content, painting, replace(SETTINGS, init=str(learned)))
    image, record = run.finish(), records.record(run)
    assert record["start"] == {"name": str(learned), "sha256": load_module(str(learned)).checksum}
    assert record["inputs"]["start"] is None
    assert (records.replay(record).finish() == image).all()
    record["start"]["sha256"] = "0" * 64
    with pytest.raises(NstlibError, match="the start .* is not the one that the picture was made with"):
        records.replay(record)


def test_a_network_that_does_not_know_the_painting_is_one_line_before_the_first_step(learned, tmp_path):
    settings = replace(SETTINGS, init=str(learned))
    other = nst.samples.styles()["whirls"]
    for make in (lambda: begin(smooth_noise(1, SHAPE), other, settings), lambda: Optimised(other, settings)):
        with pytest.raises(NstlibError, match="was learned from another painting; give that one as the style"):
            make()
    with pytest.raises(NstlibError, match="nst.begin makes a run that starts from its picture"):
        Run(smooth_noise(1, SHAPE), other, SETTINGS)
    with pytest.raises(NstlibError, match="a learned network's folder"):
        begin(smooth_noise(1, SHAPE), other, replace(SETTINGS, init=str(tmp_path / "nowhere")))


def test_what_begins_anew_in_a_frame_starts_at_the_networks_picture(painting, monkeypatch):
    starts = []
    monkeypatch.setattr(
        "nstlib.engines.frames.Run", lambda *given, **more: starts.append(more["start"]) or Run(*given, **more)
    )
    frame, before = smooth_noise(1, SHAPE), smooth_noise(5, SHAPE)
    anew = np.zeros(SHAPE, np.float32)
    anew[:, 40:] = 1
    guide = Guide(before, ((before, 1 - anew),), np.zeros(SHAPE, bool), anew, anew)
    engine = Optimised(painting, SETTINGS)
    painted = engine(frame, guide)
    expected = np.where(anew[..., None] > 0, pass_of(frame, painting, "instant"), before)
    assert len(starts) == 1  # no sketch
    np.testing.assert_allclose(starts[0], expected, atol=1e-5)
    assert painted.steps == 2
    assert engine.identity["start"] == load_module("instant").checksum
    assert "start" not in Optimised(painting, replace(SETTINGS, init="content")).identity


def test_no_line_of_the_frame_is_left_where_what_begins_anew_ends_softly(painting, monkeypatch):
    starts = []

    def run(*given, **more):
        starts.append(more["start"])
        return Run(*given, **more)

    monkeypatch.setattr("nstlib.engines.frames.Run", run)
    monkeypatch.setattr("nstlib.engines.frames._sketch", lambda frame, *given: Sketch(0.2 * frame[::2, ::2]))
    anew = np.tile(np.clip((np.arange(64, dtype=np.float32) - 28) / 8, 0, 1), (48, 1))
    pale, dark = np.ones((*SHAPE, 3), np.float32), np.full((*SHAPE, 3), 0.2, np.float32)
    start = dark + np.float32(0.7) * anew[..., None] * (pale - dark)  # as `Shot` has it
    settings = replace(SETTINGS, init="content", style_layers=("block1_conv1",), content_layers=("block1_conv1",))
    Optimised(painting, settings)(pale, Guide(start, ((dark, 1 - anew),), np.zeros(SHAPE, bool), anew, anew))
    assert starts[-1].max() < 0.2 + 0.06 * 0.8


@pytest.mark.parametrize(("held", "evaluations"), [(8, [60, 9]), (48, [20, 3]), (32, [30, 5])])
def test_a_sketch_takes_as_large_a_share_of_its_evaluations_as_the_rest(painting, monkeypatch, held, evaluations):
    """held: columns of 64 that stay."""
    counts = []

    def run(frame, styles, settings, **more):
        counts.append(settings.steps)
        return Run(frame, styles, replace(settings, steps=1), **more)

    monkeypatch.setattr("nstlib.engines.frames.Run", run)
    frame, stays = smooth_noise(1, SHAPE), np.zeros(SHAPE, bool)
    stays[:, :held] = True
    anew = np.float32(~stays)
    layers = {"style_layers": ("block1_conv1",), "content_layers": ("block1_conv1",)}
    settings = replace(SETTINGS, init="content", next_steps=9, **layers)
    Optimised(painting, settings)(frame, Guide(frame, ((frame, 1 - anew),), stays, anew, anew))
    assert counts == evaluations


class Sketch:
    """A sketch that has come to its end at a picture."""

    def __init__(self, picture):
        self.parameters, self.optimizer = self, self
        self.x, self.picture = None, picture

    def __iter__(self):
        return iter(())

    def result(self, x, content):
        return self.picture
