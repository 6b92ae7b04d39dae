"""A clip as a photograph: maps at keyframes, blended in time."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from nstlib import samples
from nstlib.cli.main import main
from nstlib.errors import NstlibError
from nstlib.media import clips, images
from nstlib.settings import Settings
from nstlib.video import photo_film
from nstlib.video.film import Film, stylize_video
from nstlib.video.photo_film import Keyframe, PhotoFilm

PHOTO = Settings(rendering="photo", size=0, steps=4, spatial_bins=4, luma_bins=3)
DUSK = np.float32(0.4) * samples.frame(0)


def a_film(tmp_path, frames, settings=PHOTO):
    clips.write_frames(tmp_path / "clip", frames, fps=12)
    return PhotoFilm(clips.probe(tmp_path / "clip"), DUSK, tmp_path / "out", settings)


def scene(seed):
    picture = np.random.default_rng(seed).random((6, 8, 3)).astype(np.float32)
    return images.resize(picture, (48, 64))


def test_at_strength_0_the_clip_comes_back_to_the_bit(tmp_path):
    film = a_film(tmp_path, [scene(0)] * 3, replace(PHOTO, strength=0.0))
    written = film.write()
    assert written.frames == 3
    for before, after in zip(
        clips.read_frames(film.clip), clips.read_frames(clips.probe(tmp_path / "out")), strict=True
    ):
        np.testing.assert_array_equal(after, before)


def test_a_cut_begins_anew_and_a_long_shot_has_several_keyframes(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_film, "APART", 2)
    other = images.resize(images.load(samples.styles()["ink"]), (54, 96))
    film = a_film(tmp_path, [images.resize(samples.frame(0), (54, 96))] * 5 + [other] * 2)
    assert [(key.number, key.cut) for key in film] == [(0, True), (2, False), (4, False), (5, True)]


def test_between_two_keyframes_of_a_shot_maps_are_blended_and_across_a_cut_they_are_not(tmp_path):
    film = a_film(tmp_path, [scene(0)] * 2)
    film.keyframes = [Keyframe(n, cut, np.full(1, x), {}) for n, cut, x in ((0, True, 0), (4, False, 1), (6, True, 5))]
    assert [film.maps_at(n).item() for n in range(8)] == [0, 0.25, 0.5, 0.75, 1, 1, 5, 5]


def test_a_still_shot_stays_still(tmp_path, monkeypatch):
    """Between keyframes no frame differs from the one before by more than the keyframes do."""
    monkeypatch.setattr(photo_film, "APART", 4)
    film = a_film(tmp_path, [scene(0)] * 9, replace(PHOTO, steps=40))
    list(film)
    frames = list(film.frames())
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(frames)]
    assert max(steps) < 0.5 * np.abs(frames[0] - scene(0)).mean()


def test_stylize_video_makes_it_with_its_sound_and_record(tmp_path):
    clip = clips.probe(samples.clip(), end=0.2, size=64)
    written = stylize_video(clip, DUSK, tmp_path / "dusk.mp4", replace(PHOTO, steps=20))
    assert written.frames == clip.frames and (tmp_path / "dusk.mp4.json").is_file()
    made = clips.probe(tmp_path / "dusk.mp4")
    assert made.has_audio == clip.has_audio
    source, result = next(clips.read_frames(clip)), next(clips.read_frames(made))
    assert np.abs(result - source).mean() > 0.02


@pytest.mark.parametrize("flat", [np.float32(0.1), np.float32(100.3 / 255)])
def test_dither_keeps_the_mean_between_two_8_bit_values(flat):
    """Rounding alone would make one value of it, and a slow ramp into bands."""
    image = np.full((64, 64, 3), flat)
    values = images.to_uint8(images.dithered(image))
    assert np.ptp(values) <= 1 and abs(values.mean() - flat * 255) < 0.03


def test_dither_leaves_what_8_bits_hold():
    image = np.arange(256, dtype=np.float32).repeat(3).reshape(16, 16, 3) / np.float32(255)
    np.testing.assert_array_equal(images.to_uint8(images.dithered(image)), images.to_uint8(image))


@pytest.mark.parametrize("name", ["deep.png", "deep.tiff"])
def test_16_bits_come_back(tmp_path, name):
    image = np.linspace(0, 1, 48 * 3, dtype=np.float32).reshape(6, 8, 3) * np.float32(0.9)
    images.save(tmp_path / name, image, bits=16, record={"kind": "image"})
    assert images.bits_of(tmp_path / name) == 16 and images.read_record(tmp_path / name) == {"kind": "image"}
    np.testing.assert_allclose(images.load(tmp_path / name), image, atol=1 / 65535)
    images.save(tmp_path / "flat.png", image)
    assert images.bits_of(tmp_path / "flat.png") == 8


def test_a_film_that_was_stopped_goes_on_with_the_maps_that_it_had(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_film, "APART", 2)
    frames = [images.resize(samples.frame(0), (54, 96))] * 5
    whole = list(a_film(tmp_path, frames))
    path = tmp_path / "stopped.mp4"
    next(PhotoFilm(tmp_path / "clip", DUSK, path, PHOTO))
    monkeypatch.setattr(PhotoFilm, "_keyframe", counted := Counted(PhotoFilm._keyframe))
    again = PhotoFilm(tmp_path / "clip", DUSK, path, PHOTO)
    assert [key.number for key in again.keyframes] == [0]
    again.write()
    assert counted.numbers == [2, 4] and [key.number for key in whole] == [0, 2, 4]
    for one, other in zip(whole, again.keyframes, strict=True):
        np.testing.assert_array_equal(one.x, other.x)
    assert path.is_file() and not again.store.folder.exists()


class Counted:
    """A method that tells of which frames it was asked."""

    def __init__(self, method):
        self.method, self.numbers = method, []

    def __get__(self, film, kind):
        def call(number, *more):
            self.numbers.append(number)
            return self.method(film, number, *more)

        return call


def test_other_settings_are_not_mixed_into_what_was_begun(tmp_path):
    next(a_film(tmp_path, [scene(0)] * 2))
    with pytest.raises(NstlibError, match=r"begun otherwise: settings.smoothness was 1.0, now 2.0"):
        PhotoFilm(tmp_path / "clip", DUSK, tmp_path / "out", replace(PHOTO, smoothness=2.0))
    PhotoFilm(tmp_path / "clip", DUSK, tmp_path / "out", replace(PHOTO, smoothness=2.0), fresh=True)


def test_what_has_no_meaning_for_a_clip_of_photographs_is_one_line(tmp_path, capsys):
    clips.write_frames(tmp_path / "clip", [scene(0)] * 2, fps=12)
    images.save(tmp_path / "dusk.png", DUSK)
    out = tmp_path / "out.mp4"
    for make, options, said in (
        (Film, {}, "PhotoFilm"),
        (stylize_video, {"flows": tmp_path}, "flows"),
        (stylize_video, {"engine": lambda frame: frame}, "engine"),
    ):
        with pytest.raises(NstlibError, match=said):
            make(tmp_path / "clip", DUSK, out, PHOTO, **options)
    with pytest.raises(NstlibError, match="rendering=photo"):
        PhotoFilm(tmp_path / "clip", DUSK, out, Settings())
    call = ["video", tmp_path / "clip", tmp_path / "dusk.png", "-o", out, "--rendering", "photo", "--steps", "2"]
    for words in (["--flow", tmp_path], ["--workers", "2"], ["--scheduler", "tcp://a"], ["--passes", "2"]):
        assert main([str(word) for word in (*call, *words)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists() and not list(tmp_path.glob("*.work"))


def test_the_command_goes_on_after_ctrl_c_and_says_so(tmp_path, monkeypatch, capsys):
    clips.write_frames(tmp_path / "clip", [scene(0)] * 4, fps=12)
    images.save(tmp_path / "dusk.png", DUSK)
    call = ["video", tmp_path / "clip", tmp_path / "dusk.png", "-o", tmp_path / "o.mp4", "--rendering", "photo"]
    call = [*map(str, call), "--steps", "2"]
    with monkeypatch.context() as stopped:
        stopped.setattr(PhotoFilm, "maps_at", lambda film, number: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(call) == 1
    assert "the maps of 1 keyframes are safe" in capsys.readouterr().err and not (tmp_path / "o.mp4").exists()
    assert main(call) == 0
    assert clips.probe(tmp_path / "o.mp4").frames == 4


def test_a_dithered_file_is_the_dithered_picture(tmp_path):
    image = np.linspace(0, 1, 300 * 8 * 3, dtype=np.float32).reshape(300, 8, 3)  # more rows than the noise has
    images.save(tmp_path / "a.png", image, dither=True)
    np.testing.assert_array_equal(
        images.to_uint8(images.load(tmp_path / "a.png")), images.to_uint8(images.dithered(image))
    )


def test_a_maps_contrast_does_not_add_to_a_flicker(tmp_path):
    """Maps that darken by a constant make more of it, over the brightness, frame by frame."""
    bright = 0.4 + 0.4 * scene(0)
    frames = [bright, np.float32(1.02) * bright] * 3
    film = a_film(tmp_path, frames)
    list(film)
    x = np.zeros((4, 4, 3, 4, 3), np.float32)
    x[..., 3, 0] = -0.4  # light, whatever the colour
    film.keyframes = [Keyframe(0, True, x.reshape(4, 4, 36), {})]
    means = np.array([frame.mean() for frame in film.frames()])
    assert means[0] < 0.7 * bright.mean()
    np.testing.assert_allclose(np.abs(np.log(means[1:] / means[:-1])), np.log(1.02), rtol=0.1)
