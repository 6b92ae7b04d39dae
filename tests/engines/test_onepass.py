"""A TF-Hub module as the engine: where it comes from, what it may be, what becomes of its pictures."""

import hashlib
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from nstlib import samples
from nstlib.cli.main import main
from nstlib.engines import frames, hub, records
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.settings import Settings

FEW = {"extractor": "random", "precision": "float32", "style_layers": ("block1_conv1", "block2_conv1")}
LIGHT = {**FEW, "content_layers": ("block2_conv1",)}
PICTURE = tf.TensorSpec((None, None, None, 3), tf.float32)
GONE = "https://127.0.0.1:9/nobody/is/here/1"  # an address that no machine answers


class Tint(tf.Module):
    """Magenta's signature: the content with the style's mean colour; sides rounded down to multiples of 4."""

    @tf.function(input_signature=[PICTURE, PICTURE])
    def __call__(self, content, style):
        shape = tf.shape(content) // 4 * 4
        mixed = 0.5 * content + 0.5 * tf.reduce_mean(style, (1, 2), keepdims=True)
        return (mixed[:, : shape[1], : shape[2]],)


class One(tf.Module):
    """Another signature: it takes one picture."""

    @tf.function(input_signature=[PICTURE])
    def __call__(self, content):
        return content


class Broken(tf.Module):
    """Divides by zero."""

    @tf.function(input_signature=[PICTURE, PICTURE])
    def __call__(self, content, style):
        return (content / tf.zeros_like(content),)


class Flat(tf.Module):
    """Gives a number for a picture."""

    @tf.function(input_signature=[PICTURE, PICTURE])
    def __call__(self, content, style):
        return tf.reduce_mean(content)


@pytest.fixture
def saved(tmp_path):
    """A function that saves a module and gives its folder."""

    def save(module, name="module"):
        tf.saved_model.save(module, str(tmp_path / name))
        return tmp_path / name

    return save


def settings_of(handle, **more):
    return Settings(**{"engine": "hub", "module": str(handle), "size": 64, **LIGHT, **more})


def painted(content, style, handle, **more):
    return frames.begin(content, style, settings_of(handle, **more)).finish()


def test_a_folder_paints_the_whole_content_in_one_pass(saved, content, style):
    content = content[:47, :62]  # not multiples of 4, as the module wants them
    run = frames.begin(content, style, settings_of(saved(Tint())))
    steps = list(run)
    assert len(steps) == 1
    assert run.image.shape == run.content.shape
    expected = 0.5 * run.content + 0.5 * style.mean((0, 1))  # but for a row that the module leaves out of 49
    assert np.abs(run.image - expected).mean() < 0.02 < np.abs(run.image[::-1] - expected).mean()


def test_its_losses_are_those_of_an_optimisation_at_its_picture(saved, content, style):
    run = frames.begin(content, style, settings_of(saved(Tint())))
    (step,) = run
    same = frames.begin(content, style, Settings(size=64, scales=1, border=0, **LIGHT), start=run.image)
    assert next(same).losses["total"] == pytest.approx(step.losses["total"], rel=1e-3)


def test_an_archive_is_the_folder_in_it(saved, content, style, tmp_path):
    folder = saved(Tint())
    with tarfile.open(tmp_path / "module.tar.gz", "w:gz") as tar:
        tar.add(folder, "inside/module")
    by_folder, by_archive = (painted(content, style, h) for h in (folder, tmp_path / "module.tar.gz"))
    np.testing.assert_array_equal(by_archive, by_folder)


def test_an_address_that_the_cache_has_is_not_downloaded(saved, content, style, tmp_path, monkeypatch):
    folder = saved(Tint(), f"cache/{hashlib.sha1(GONE.encode()).hexdigest()}")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(folder.parent))
    np.testing.assert_array_equal(painted(content, style, GONE), painted(content, style, folder))


def test_an_address_that_cannot_be_reached_is_one_line_with_the_ways_out(content, style, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    hub.load_module.cache_clear()
    with pytest.raises(NstlibError, match="not in the cache and cannot be downloaded") as caught:
        painted(content, style, GONE)
    assert "--module instant" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "message"),
    [(One(), "another signature"), (Flat(), r"gave a tensor \(\), not \(1, H, W, 3\)"), (Broken(), "not finite")],
)
def test_a_module_that_makes_no_picture_is_refused_before_the_first_step(saved, content, style, module, message):
    with pytest.raises(NstlibError, match=message):
        frames.begin(content, style, settings_of(saved(module)))


def test_a_folder_that_is_no_module_is_one_clear_line(content, style, tmp_path):
    cases = {
        "none": "no such module",
        "empty": "no module: there is no saved_model.pb",
        "damaged": "damaged",
        "torn.tar.gz": "cannot be unpacked",
    }
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"no graph")
    (tmp_path / "torn.tar.gz").write_bytes(b"no archive")
    for name, message in cases.items():
        with pytest.raises(NstlibError, match=message):
            painted(content, style, tmp_path / name)
    with pytest.raises(NstlibError, match="https"):
        painted(content, style, "http://example.org/module")


def test_a_style_of_one_pixel_is_refused(saved, content):
    with pytest.raises(NstlibError, match="1 x 1 pixels"):
        painted(content, np.zeros((1, 1, 3), np.float32), saved(Tint()))


def test_what_only_our_module_can_do_is_refused_for_others(saved, content, style):
    folder = saved(Tint())
    with pytest.raises(NstlibError, match=r"cannot do strength=0.5.*module=instant"):
        painted(content, style, folder, strength=0.5)
    with pytest.raises(NstlibError, match="cannot do several styles"):
        painted(content, [style, style], folder)


def test_instant_at_strength_0_gives_the_content_and_at_1_the_style():
    content, whirls = samples.frame(30, size=(90, 160)), samples.styles()["whirls"]
    settings = Settings(engine="hub", module="instant", size=160)
    calm, full = (frames.begin(content, whirls, replace(settings, strength=s)) for s in (0.0, 1.0))
    (before,), (after,) = ([step.losses for step in run] for run in (calm, full))
    assert np.abs(calm.image - content).max() < 0.02
    assert after["style"] < 0.5 * before["style"]
    assert before["content"] < 0.1 * after["content"]


def test_instant_blends_styles_by_their_shares(content, style):
    other = 1 - style[:, ::-1]
    alone, blended = painted(content, style, "instant"), painted(content, [style, other], "instant", style_blend=(1, 0))
    np.testing.assert_allclose(blended, alone, atol=1e-4)
    half = painted(content, [style, other], "instant")
    assert np.abs(half - alone).mean() > 0.01


def test_colours_are_kept_where_that_is_asked_for(content, style):
    from nstlib.media.colors import YIQ

    image = painted(content, style, "instant", preserve_color="luminance")
    wanted = images.load(content, size=64) @ YIQ.T
    inside = ((image > 0.01) & (image < 0.99)).all(-1)  # what was clipped cannot have its chroma
    np.testing.assert_allclose((image @ YIQ.T)[inside][:, 1:], wanted[inside][:, 1:], atol=0.01)


def test_masks_and_starts_belong_to_optimisation(saved, content, style):
    with pytest.raises(NstlibError, match="takes no masks"):
        frames.begin(content, style, settings_of(saved(Tint())), masks=[np.ones(content.shape[:2], np.float32)])


def test_a_record_replays_the_pass_and_names_the_module(content, style, tmp_path, saved):
    files = [images.save(tmp_path / f"{n}.png", i) for n, i in (("content", content), ("style", style))]
    module, out, again = saved(Tint()), tmp_path / "out.png", tmp_path / "again.png"
    flags = ["--engine", "hub", "--module", str(module), "--size", "64", "--extractor", "random"]
    assert main(["image", *map(str, files), "-o", str(out), *flags]) == 0
    assert images.read_record(out)["module"] == {"name": str(module), "sha256": hub.checksum(module)}
    assert main(["replay", str(out), "-o", str(again)]) == 0
    np.testing.assert_array_equal(images.load(out), images.load(again))


def test_a_record_of_another_module_is_refused(content, style, tmp_path, saved):
    files = [images.save(tmp_path / f"{n}.png", i) for n, i in (("content", content), ("style", style))]
    run = frames.begin(*files, settings_of(saved(Tint())))
    list(run)
    record = records.record(run)
    record["module"]["sha256"] = "0" * 64
    with pytest.raises(NstlibError, match="the module .* is not the one"):
        records.replay(record)
