"""Settings along a clip: between keyframes in proportion, in the film's recipe, taken up again where it was stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import smooth_noise

from nstlib import samples
from nstlib.cli.main import main
from nstlib.errors import NstlibError
from nstlib.media import clips
from nstlib.settings import Settings
from nstlib.video.film import Film, stylize_video
from nstlib.video.keyframes import checked, settings_at

KEYFRAMES = {0: {"style_weight": 1.0}, 0.1: {"style_weight": 100.0}}


@pytest.fixture
def clip():
    return clips.probe(samples.clip(), end=0.16, size=64)


def test_weights_go_on_by_factors_shares_by_sums_and_ends_hold():
    keyframes = checked({4: {"style_weight": 9, "forms": 1}, 0: {"style_weight": 1}, 2: {"forms": 0}}, Settings())
    assert list(keyframes) == [0, 2, 4]
    found = [settings_at(Settings(), keyframes, at) for at in (-1, 0, 2, 3, 4, 9)]
    assert [s.style_weight for s in found] == pytest.approx([1, 1, 3, 3**1.5, 9, 9])
    assert [s.forms for s in found] == pytest.approx([0, 0, 0, 0.5, 1, 1])
    off = checked({0: {"tv_weight": 0}, 2: {"tv_weight": 4}}, Settings())
    assert settings_at(Settings(), off, 1).tv_weight == 2  # no factor leads away from 0
    blend = checked({0: {"style_blend": (1, 0)}, 2: {"style_blend": (0, 1)}}, Settings())
    assert settings_at(Settings(), blend, 0.5).style_blend == (0.75, 0.25)
    assert settings_at(Settings(), {}, 3) == Settings()


@pytest.mark.parametrize(
    ("keyframes", "text"),
    [
        ({0: {"size": 64}}, "size cannot change along a clip; choose from"),
        ({-1: {"forms": 1}}, "a keyframe at -1 s; give seconds from the clip's start"),
        ({0: {"forms": 2}}, "forms=2; give a number from 0 to 1"),
        ({0: {"style_weight": None}}, "style_weight at 0 s has no value"),
        (
            {0: {"style_blend": (1, 2)}, 1: {"style_blend": (1, 2, 3)}},
            "style_blend has 2 and 3 values at its keyframes",
        ),
    ],
)
def test_what_cannot_be_a_keyframe_is_one_line(keyframes, text):
    with pytest.raises(NstlibError, match=text):
        checked(keyframes, Settings())


def test_a_film_follows_its_keyframes_and_goes_on_where_it_was_stopped(clip, style, small, tmp_path):
    settings = replace(small, size=64, steps=6, next_steps=6)
    whole = [f.image for f in Film(clip, style, tmp_path / "whole.mp4", settings, keyframes=KEYFRAMES)]
    plain = [f.image for f in Film(clip, style, tmp_path / "plain.mp4", replace(settings, style_weight=1.0))]
    assert (whole[0] == plain[0]).all() and np.abs(whole[-1] - plain[-1]).mean() > 0.01

    film = Film(clip, style, tmp_path / "parts.mp4", settings, keyframes=KEYFRAMES)
    next(film), next(film)
    film.store._lock.release()
    film = Film(clip, style, tmp_path / "parts.mp4", settings, keyframes=KEYFRAMES)
    assert film.done == 2
    film.write()
    record = json.loads((tmp_path / "parts.mp4.json").read_text())
    assert record["keyframes"] == {"0": {"style_weight": 1.0}, "0.1": {"style_weight": 100.0}}
    again = {float(at): values for at, values in record["keyframes"].items()}
    replayed = [f.image for f in Film(clip, style, tmp_path / "again.mp4", settings, keyframes=again)]
    assert all((one == other).all() for one, other in zip(replayed, whole, strict=True))


def test_a_film_of_other_keyframes_is_not_its_continuation(clip, style, small, tmp_path):
    settings = replace(small, size=64, steps=2, next_steps=2)
    film = Film(clip, style, tmp_path / "film.mp4", settings, keyframes=KEYFRAMES)
    next(film)
    film.store._lock.release()
    with pytest.raises(NstlibError, match=r"keyframes.0.1.style_weight was 100.0, now 9.0"):
        Film(clip, style, tmp_path / "film.mp4", settings, keyframes={**KEYFRAMES, 0.1: {"style_weight": 9.0}})


def test_what_stands_still_follows_the_keyframes_too(style, small, tmp_path):
    from nstlib.media import images

    (tmp_path / "still").mkdir()
    for number in range(3):
        images.save(tmp_path / "still" / f"{number}.png", smooth_noise(1, (48, 64)))
    settings = replace(small, size=64, steps=6, next_steps=6)
    clip = clips.probe(tmp_path / "still", size=64, fps=25)
    keyframes = {0: {"style_weight": 0.01}, 0.08: {"style_weight": 100.0}}
    first, _, last = (f.image for f in Film(clip, style, tmp_path / "still.mp4", settings, keyframes=keyframes))
    assert np.abs(first - last).mean() > 0.01


def test_who_cannot_follow_keyframes_says_so(clip, style, small, tmp_path, capsys):
    with pytest.raises(NstlibError, match="keyframes: rendering=photo has no use for it"):
        photo = Settings(rendering="photo", size=0, steps=2)
        stylize_video(clip, style, tmp_path / "photo.mp4", photo, keyframes=KEYFRAMES)
    words = ["video", str(samples.clip()), str(samples.styles()["ink"]), "-o", str(tmp_path / "out.mp4")]
    for more, text in {
        ("--at", "0", "style_weight=1", "--workers", "2"): "--at needs the whole clip in one place",
        ("--at", "0", "style_weight=1", "--rendering", "photo"): "leave it out with --rendering photo",
        ("--at", "0", "style_weight"): "--at 0 style_weight; give seconds and a value",
        ("--at", "soon", "style_weight=1"): "--at soon style_weight=1; give seconds and a value",
        ("--at", "0", "weight=1"): "--at='weight'; choose from",
        ("--at", "0", "size=64"): "size cannot change along a clip",
    }.items():
        assert main([*words, *more]) == 1
        assert text in capsys.readouterr().err


def test_the_command_line_takes_keyframes(tmp_path):
    output = tmp_path / "out.mp4"
    words = ["video", str(samples.clip()), str(samples.styles()["ink"]), "-o", str(output), "--end", "0.1"]
    words += ["--size", "64", "--steps", "2", "--next-steps", "1", "--extractor", "random", "--precision", "float32"]
    words += ["--style-layers", "block1_conv1", "--content-layers", "block1_conv1"]
    assert main([*words, "--at", "0", "style-weight=1", "--at", "0", "forms=0", "--at", "4", "style_weight=3"]) == 0
    record = json.loads(output.with_name("out.mp4.json").read_text())
    assert record["keyframes"] == {"0": {"style_weight": 1.0, "forms": 0.0}, "4": {"style_weight": 3.0}}
