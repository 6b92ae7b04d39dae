"""A clip goes in and comes out, steady, whole, and the same however often it was stopped."""

import gc
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import wave
from dataclasses import replace
from functools import partial
from pathlib import Path

import footage
import forked
import imageio_ffmpeg
import numpy as np
import pytest
import tensorflow as tf

from nstlib.core.model import load_model
from nstlib.engines import frames
from nstlib.engines.frames import Guide
from nstlib.errors import NstlibError
from nstlib.media import clips
from nstlib.research import metrics
from nstlib.settings import STYLE_LOSSES, Settings
from nstlib.video import film as films
from nstlib.video import next_frame

SMALL = Settings(
    extractor="random",
    precision="float32",
    style_layers=("block1_conv1", "block2_conv1"),
    content_layers=("block2_conv2",),
    size=64,
    steps=6,
    next_steps=3,
)
pan = partial(footage.pan, shape=(48, 64), sigma=1)


def texture(height=48, width=64, seed=0, sigma=1):
    return footage.texture(height, width, seed, sigma)


class Plain:
    """An engine without a network: negative colours, near what was there before."""

    def __init__(self, name="plain"):
        self.identity, self.guides = {"name": name}, []

    def __call__(self, frame, guide=None):
        self.guides.append(guide)
        image = 1 - frame
        if guide is not None:
            image = 0.5 * image + 0.5 * guide.start
        return frames.Painted(image, {"total": 1.0}, 1)


@pytest.fixture
def clip(tmp_path):
    """Two shots of a pan, 5 and 4 frames, with sound."""
    path = tmp_path / "clip.mp4"
    silent = tmp_path / "silent.mp4"
    clips.write_frames(silent, [*pan(5), *(1 - frame for frame in pan(4, seed=8))], fps=10, crf=5)
    tone = ["-f", "lavfi", "-i", "sine=d=3", "-c:v", "copy", "-y", str(path)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(silent), *tone]
    subprocess.run(command, check=True)
    return path


STYLE = texture(40, 40, seed=3)


def made(film):
    """The finished frames on disk."""
    return list(film.finished())


def test_a_clip_comes_out_with_its_sound_rate_and_frames(clip, tmp_path):
    out = tmp_path / "out.mp4"
    written = films.stylize_video(clip, STYLE, out, SMALL, engine=Plain())
    found = clips.probe(out)
    assert (found.frames, found.fps, found.width, found.height, found.has_audio) == (9, 10, 64, 48, True)
    assert found.duration == pytest.approx(0.9) and written.frames == 9
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(out), "-vn", str(tmp_path / "sound.wav")]
    subprocess.run(ffmpeg, check=True)
    with wave.open(str(tmp_path / "sound.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(0.9, abs=0.05)
    assert not (tmp_path / "out.mp4.work").exists()
    record = json.loads((tmp_path / "out.mp4.json").read_text())
    assert [line["frame"] for line in record["frames"]] == list(range(9))
    assert [line["frame"] for line in record["frames"] if line["cut"]] == [0, 5]
    assert record["settings"]["next_steps"] == 3 and record["versions"]["tensorflow"]


@pytest.mark.parametrize("name", ["out.gif", "out"])
def test_other_outputs(clip, tmp_path, name):
    films.stylize_video(clip, STYLE, tmp_path / name, SMALL, engine=Plain())
    assert clips.probe(tmp_path / name).frames == 9


def test_a_new_shot_starts_afresh(clip, tmp_path):
    engine = Plain()
    frames = list(films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=engine))
    assert [frame.cut for frame in frames] == [True, *[False] * 4, True, *[False] * 3]
    assert [guide is None for guide in engine.guides] == [frame.cut for frame in frames]
    assert all(frame.trusted > 0.7 for frame in frames if not frame.cut)


def test_independent_frames_know_no_others(clip, tmp_path):
    engine = Plain()
    settings = replace(SMALL, consistency="independent")
    list(films.Film(clip, STYLE, tmp_path / "out.mp4", settings, engine=engine))
    assert engine.guides == [None] * 9


def test_range_and_step_are_taken_from_the_clip(clip, tmp_path):
    part = clips.probe(clip, start=0.1, end=0.5, every=2, size=32)
    films.stylize_video(part, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())
    found = clips.probe(tmp_path / "out.mp4")
    assert (found.frames, found.fps, found.width) == (2, 5, 32)


def test_what_stands_still_is_not_painted_again(tmp_path):
    clips.write_frames(tmp_path / "clip", [texture()] * 6, fps=10)
    engine = Plain()
    frames = list(films.Film(tmp_path / "clip", STYLE, tmp_path / "out.mp4", SMALL, engine=engine))
    assert len(engine.guides) == 1
    assert [frame.steps for frame in frames] == [1, 0, 0, 0, 0, 0]
    assert all(np.array_equal(frame.image, frames[0].image) for frame in frames)


def test_a_still_background_does_not_drift(tmp_path):
    def scene(i):
        frame = texture(seed=4)
        frame[20:32, 2 * i : 2 * i + 12] = texture(12, 12, seed=5)
        return frame

    source = [scene(i) for i in range(20)]
    clips.write_frames(tmp_path / "clip", source, fps=10)
    film = films.Film(tmp_path / "clip", STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())
    found = metrics.measure(source, (frame.image for frame in film))
    assert found["drift"]["still"] > 0.3
    assert max(found["drift"]["brightness"], found["drift"]["sharpness"]) < 0.001


@pytest.mark.parametrize("passes", [2, 3])
def test_more_passes_go_back_and_forth(clip, tmp_path, passes):
    settings = replace(SMALL, passes=passes)
    film = films.Film(clip, STYLE, tmp_path / "out.mp4", settings, engine=Plain())
    frames = list(film)
    assert [frame.number for frame in frames][:18] == [*range(9), *reversed(range(9))]
    assert film.total == len(frames) == 9 * passes
    assert clips.probe(film.write().path).frames == 9


KILLED = """
import os, signal, sys
sys.path[:0] = [sys.argv[5], sys.argv[5] + "/video"]
from test_film import *
point, seen, replace_file = int(sys.argv[3]), 0, os.replace

def replace_or_die(*names):
    global seen
    seen += 1
    if seen == point:
        os.kill(os.getpid(), signal.SIGKILL)
    replace_file(*names)

os.replace = replace_or_die
engine = Plain() if sys.argv[4] == "plain" else None
settings = replace(SMALL, passes=int(sys.argv[6]), reach=2)
list(films.Film(sys.argv[1], STYLE, sys.argv[2], settings, engine=engine))
"""


def killed(clip, out, point, engine="plain", passes=1):
    """Run in another process, killed in the middle of finishing its `point`-th file."""
    code = forked.run(KILLED, clip, out, point, engine, Path(__file__).parents[1], passes).returncode
    assert code == -signal.SIGKILL
    return code


@pytest.mark.parametrize(("point", "passes"), [(1, 1), (12, 1), (19, 1), (33, 2)])
def test_a_killed_run_goes_on_to_the_same_frames(clip, tmp_path, point, passes):
    settings = replace(SMALL, passes=passes, reach=2)
    whole = films.Film(clip, STYLE, tmp_path / "whole.mp4", settings, engine=Plain())
    list(whole)
    killed(clip, tmp_path / "killed.mp4", point, passes=passes)
    assert not (tmp_path / "killed.mp4").exists()
    again = films.Film(clip, STYLE, tmp_path / "killed.mp4", settings, engine=Plain())
    done = again.done
    assert len(list(again)) == 9 * passes - done
    assert all(np.array_equal(a, b) for a, b in zip(made(whole), made(again), strict=True))
    assert [line["cut"] for line in whole.store.log] == [line["cut"] for line in again.store.log]


def test_a_killed_optimisation_goes_on_to_the_same_frames(clip, tmp_path):
    settings = replace(SMALL, reach=2)
    whole = films.Film(clip, STYLE, tmp_path / "whole.mp4", settings)
    list(whole)
    killed(clip, tmp_path / "killed.mp4", 12, engine="optimised")
    again = films.Film(clip, STYLE, tmp_path / "killed.mp4", settings)
    assert again.done > 1
    list(again)
    assert all(np.array_equal(a, b) for a, b in zip(made(whole), made(again), strict=True))


KILLED_LATER = """
import os, signal, sys, threading
sys.path[:0] = [sys.argv[4], sys.argv[4] + "/video"]
from test_film import *
threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), signal.SIGKILL)).start()
films.stylize_video(sys.argv[1], STYLE, sys.argv[2], SMALL)
os._exit(0)
"""


@pytest.mark.slow
def test_twenty_kills_at_any_moment_lose_and_mix_nothing(clip, tmp_path):
    whole = films.Film(clip, STYLE, tmp_path / "whole.mp4", SMALL)
    frames, pixels = [frame.image for frame in whole], list(clips.read_frames(clips.probe(whole.write().path)))
    out, moments, codes = tmp_path / "out.mp4", np.random.default_rng(0), []
    for _ in range(20):
        if out.exists():  # it came to its end: begin anew
            np.testing.assert_array_equal(list(clips.read_frames(clips.probe(out))), pixels)
            out.unlink()
            films.Film(clip, STYLE, out, SMALL, fresh=True)
        again = films.Film(clip, STYLE, out, SMALL)
        done = again.done
        del again
        gc.collect()  # lets go of the lock
        moment = 3 * moments.random() ** 2
        codes.append(forked.run(KILLED_LATER, clip, out, moment, Path(__file__).parents[1]).returncode)
        assert codes[-1] in (0, -signal.SIGKILL)
        if not out.exists():
            assert films.Film(clip, STYLE, out, SMALL).done >= done
    again = films.Film(clip, STYLE, out, SMALL, fresh=out.exists())
    list(again)
    np.testing.assert_array_equal(made(again), frames)
    del again
    films.stylize_video(clip, STYLE, out, SMALL)
    np.testing.assert_array_equal(list(clips.read_frames(clips.probe(out))), pixels)
    assert {path.name for path in tmp_path.iterdir()} >= {"out.mp4", "out.mp4.json"}
    assert not [path.name for path in tmp_path.iterdir() if path.suffix in (".work", ".part")]
    assert codes.count(-signal.SIGKILL) > 10


def test_a_missing_style_is_one_line_for_any_engine(clip, tmp_path):
    with pytest.raises(NstlibError, match=r"cannot read .*none\.png"):
        films.Film(clip, tmp_path / "none.png", tmp_path / "out.mp4", SMALL, engine=Plain())


def test_a_folder_that_is_removed_midway_is_one_line(clip, tmp_path):
    film = films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())
    next(film)
    shutil.rmtree(film.store.folder)
    with pytest.raises(NstlibError, match="was removed while it was in use"):
        next(film)
    assert len(list(films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain()))) == 9


def test_a_first_frame_that_cannot_be_made_leaves_nothing(clip, tmp_path):
    before, out = set(tmp_path.iterdir()), tmp_path / "out.mp4"
    for settings in (replace(SMALL, init="none.png"), replace(SMALL, init="missing.png")):
        with pytest.raises(NstlibError, match="choose from content, noise, style"):
            next(films.Film(clip, STYLE, out, settings))
        assert set(tmp_path.iterdir()) == before


def test_a_clock_that_jumps_changes_nothing(clip, tmp_path, monkeypatch):
    whole = films.Film(clip, STYLE, tmp_path / "whole.mp4", SMALL, engine=Plain())
    list(whole)
    jumps = np.random.default_rng(0)
    for name in ("time", "perf_counter", "monotonic"):
        monkeypatch.setattr(time, name, lambda: float(jumps.normal(0, 1e9)))
    monkeypatch.setattr(next_frame, "perf_counter", time.perf_counter)
    again = films.Film(clip, STYLE, tmp_path / "again.mp4", SMALL, engine=Plain())
    list(again)
    assert all(np.array_equal(a, b) for a, b in zip(made(whole), made(again), strict=True))


def test_stopping_between_frames_keeps_them(clip, tmp_path):
    film = films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())
    first = [next(film).image for _ in range(3)]
    engine = Plain()
    again = films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=engine)
    assert again.done == 3
    assert next(again).number == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, made_first(again, 3), strict=True))
    assert len(engine.guides) == 1


def made_first(film, n):
    return [frame for frame, _ in zip(film.finished(), range(n), strict=False)]


def test_changes_are_refused_with_the_choices(clip, tmp_path):
    out = tmp_path / "out.mp4"
    next(films.Film(clip, STYLE, out, SMALL, engine=Plain()))
    other = tmp_path / "other.mp4"
    clips.write_frames(other, pan(9), fps=10)
    cases = [
        (clip, STYLE, replace(SMALL, style_weight=2.0), Plain(), r"settings\.style_weight was null, now 2\.0"),
        (clip, STYLE * 0.5, SMALL, Plain(), "styles was"),
        (other, STYLE, SMALL, Plain(), "clip was"),
        (clips.probe(clip, end=0.5, size=64), STYLE, SMALL, Plain(), r"range\.count was 9, now 5"),
        (clip, STYLE, SMALL, Plain("another"), r'engine\.name was "plain", now "another"'),
    ]
    for source, style, settings, engine, message in cases:
        with pytest.raises(NstlibError, match=message) as caught:
            films.Film(source, style, out, settings, engine=engine)
        assert "--fresh" in str(caught.value) and "another output" in str(caught.value)
    fresh = films.Film(clip, STYLE, out, replace(SMALL, style_weight=2.0), engine=Plain(), fresh=True)
    assert fresh.done == 0


def test_a_folder_of_something_else_is_left_alone(clip, tmp_path):
    (tmp_path / "out.mp4.work").mkdir()
    (tmp_path / "out.mp4.work" / "thesis.txt").write_text("mine")
    with pytest.raises(NstlibError, match="holds something else"):
        films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())


def test_outputs_that_cannot_be_are_refused_at_once(clip, tmp_path):
    for name, message in (("out.avi", "choose from .mp4"), ("no/out.mp4", "there is no folder")):
        with pytest.raises(NstlibError, match=message):
            films.Film(clip, STYLE, tmp_path / name, SMALL, engine=Plain())


def test_a_full_disk_keeps_what_is_finished(clip, tmp_path, monkeypatch):
    film = films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())
    next(film)

    def full(*names):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(NstlibError, match="No space left on device"):
            next(film)
    again = films.Film(clip, STYLE, tmp_path / "out.mp4", SMALL, engine=Plain())
    assert again.done == 1
    assert len(list(again)) == 8


def test_odd_sides_and_one_frame(tmp_path):
    for shape in ((33, 47), (17, 16)):
        name = f"{shape[0]}"
        clips.write_frames(tmp_path / name, [texture(*shape)], fps=10)
        source = clips.probe(tmp_path / name)
        written = films.stylize_video(source, STYLE, tmp_path / f"{name}.mp4", SMALL, engine=Plain())
        assert next(clips.read_frames(written.path)).shape == (*shape, 3)
        assert "even sides" in written.note


def test_the_optimised_frames_are_steadier_than_independent_ones(tmp_path):
    clips.write_frames(tmp_path / "clip", pan(4), fps=10)
    settings = replace(SMALL, steps=20, next_steps=10, init="noise")
    error = {}
    for name in ("steady", "independent"):
        film = films.Film(tmp_path / "clip", STYLE, tmp_path / f"{name}.mp4", replace(settings, consistency=name))
        error[name] = metrics.measure(pan(4), (f.image for f in film))["mean"]["warping_error"]
    assert error["steady"] < error["independent"] / 5


@pytest.mark.parametrize("name", STYLE_LOSSES[1:])
def test_every_style_loss_paints_a_clip_that_holds_together(tmp_path, name):
    clips.write_frames(tmp_path / "clip", pan(2), fps=10)
    settings, error = replace(SMALL, style_loss=name, next_steps=4, init="noise"), {}
    for way in ("steady", "independent"):
        film = films.Film(tmp_path / "clip", STYLE, tmp_path / f"{way}.mp4", replace(settings, consistency=way))
        error[way] = metrics.measure(pan(2), (frame.image for frame in film))["mean"]["warping_error"]
    assert error["steady"] < error["independent"] / 2


def test_the_stop_rule_is_a_percent_over_five_moves():
    assert not frames.settled([1.0, 0.9, 0.8, 0.7, 0.6])
    assert not frames.settled([1.0, 0.999, 0.998, 0.997, 0.996, 0.98])
    assert frames.settled([1.0, 0.999, 0.998, 0.997, 0.996, 0.992])


def test_moves_that_are_taken_back_end_no_frame():
    assert not frames.settled([1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    assert frames.settled([1.0, 0.999, 0.999, 0.998, 0.998, 0.997, 0.996, 0.995])


def distance(engine, image, mask):
    """Mean relative distance to the style of the Gram matrices of what the mask has, (H, W)."""
    model = load_model(engine.settings)
    found = model(tf.constant(image), tf.constant(np.float32(mask)[None]))["style"]
    aims = engine.styles.statistics(model, max(image.shape))
    return np.mean([metrics.relative(found[name][0].numpy(), aims[name][0].numpy()) for name in aims])


def test_what_is_new_and_what_was_there_are_near_the_style_each_by_itself():
    """However little is new: the one takes nothing from the other, and makes up for nothing in it."""
    whole = pan(1)[0]
    engine = frames.Optimised(STYLE, replace(SMALL, steps=60, next_steps=24))
    before = engine(whole).image
    for side in (10, 24):
        frame, thing = whole.copy(), np.zeros(whole.shape[:2], np.float32)
        thing[8 : 8 + side, 20 : 20 + side] = 1
        frame[thing > 0] = 0.9 * texture(side, side, seed=9, sigma=4).reshape(-1, 3)
        guide = Guide(before + thing[..., None] * (frame - before), ((before, 1 - thing),), thing > 2, thing, thing)
        new = engine(frame, guide).image
        rest, there = (distance(engine, image, 1 - thing) for image in (new, before))
        assert rest < 1.3 * there
        assert distance(engine, new, thing) < 0.5 * distance(engine, guide.start, thing)


@pytest.mark.parametrize(
    ("size", "side"), [(64, 30), (128, 12)]
)  # over SOME of the frame; of its window, all else held
def test_what_is_new_is_painted_like_the_rest(size, side):
    """A thing that comes in is as near to the style inside as what was there before."""
    whole = texture(size * 3 // 4, size)
    frame, thing = whole.copy(), np.zeros(whole.shape[:2], np.float32)
    thing[8 : 8 + side, 20 : 20 + side] = 1
    frame[thing > 0] = 0.9 * texture(side, side, seed=9, sigma=4).reshape(-1, 3)
    engine = frames.Optimised(STYLE, replace(SMALL, size=size, steps=60, next_steps=12))
    before = engine(whole).image
    trust = (1 - thing).astype(np.float32)
    held = thing == 0 if size > 64 else thing > 2
    guide = Guide(before + thing[..., None] * (frame - before), ((before, trust),), held, thing, thing)

    new, late = engine(frame, guide).image, engine(frame, replace(guide, anew=None, young=None)).image
    assert distance(engine, new, thing) < 0.6 * distance(engine, late, thing)
    assert np.abs(new - before)[thing == 0].mean() < 0.05


def test_what_is_new_is_painted_in_several_styles_by_their_shares():
    """A style without a share changes nothing."""
    frame, thing = pan(1)[0], np.zeros((48, 64), np.float32)
    thing[8:40, 20:48] = 1
    guide = Guide(frame, ((frame, 1 - thing),), thing > 2, thing, thing)
    one = frames.Optimised(STYLE, SMALL)(frame, guide).image
    settings = replace(SMALL, style_blend=(1, 0))
    both = frames.Optimised([STYLE, texture(seed=5)], settings)(frame, guide).image
    assert np.abs(one - both).max() < 1e-3


def test_a_network_is_steadied_where_motion_is_trusted():
    engine = frames.Steadied(lambda frame: frame, {"name": "identity"}, share=0.5)
    frame, before = np.zeros((48, 64, 3), np.float32), np.ones((48, 64, 3), np.float32)
    c = np.zeros((48, 64), np.float32)
    c[:, :32], c[:, :8] = 1, 10  # what is sure weighs no more than what is trusted
    found = engine(frame, Guide(before, ((before, c),), c > 2)).image
    assert np.allclose(found[:, :32], 0.5) and np.allclose(found[:, 32:], 0.5 * frames.DOUBTED)
    assert np.array_equal(engine(frame).image, frame)


def test_a_network_paints_while_motion_is_looked_for():
    painting, frame = threading.Event(), np.full((48, 64, 3), 0.25, np.float32)

    def paint(given: np.ndarray) -> np.ndarray:
        painting.set()
        return 1 - given

    def guided() -> Guide:
        assert painting.wait(20)  # which never comes where the guide is asked for first
        c = np.ones((48, 64), np.float32)
        return Guide(frame, ((frame, c),), c > 2)

    engine = frames.Steadied(paint, {"name": "inverse"}, share=0.5)
    assert np.allclose(next_frame.next_frame(engine, frame, guided, number=1).image, 0.5, atol=1 / 255)
    assert np.allclose(engine(0.5 * frame).image, 1 - 0.5 * frame)  # nothing of another frame is left


def test_the_contents_colours_are_kept(tmp_path):
    source = pan(3)
    clips.write_frames(tmp_path / "clip", source, fps=10)
    settings = replace(SMALL, preserve_color="luminance")
    frames = [frame.image for frame in films.Film(tmp_path / "clip", STYLE, tmp_path / "out.mp4", settings)]
    chroma = np.float32([[0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]).T
    assert all(np.abs(a @ chroma - b @ chroma).mean() < 0.02 for a, b in zip(frames, source, strict=True))
