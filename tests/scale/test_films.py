"""A film on several workers: the same frames in the same order, whoever painted them and whenever they came."""

import itertools
import json
import os
import random
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from zipfile import ZipFile

import light
import numpy as np
import psutil
import pytest
from conftest import smooth_noise

from nstlib import samples
from nstlib.cli.main import main, parser
from nstlib.errors import NstlibError
from nstlib.media import clips, images
from nstlib.research import metrics
from nstlib.scale import executors, films, segments
from nstlib.scale.cells import read_input
from nstlib.scale.films import DistributedFilm, Segment, cut_segments
from nstlib.scale.segments import to_png
from nstlib.settings import Settings
from nstlib.video import flow
from nstlib.video.film import Film

LAYERS = {"style_layers": ("block1_conv1",), "content_layers": ("block1_conv2",)}
SMALL = Settings(extractor="random", precision="float32", size=64, steps=2, next_steps=1, **LAYERS)
STYLE = smooth_noise(3, (40, 40))


def pan(count, seed):
    wide = smooth_noise(seed, (48, 64 + count))
    return [np.ascontiguousarray(wide[:, i : i + 64]) for i in range(count)]


SOURCE = [*pan(9, 1), *pan(30, 2), *pan(1, 3)]  # three shots


@pytest.fixture
def clip(tmp_path):
    clips.write_frames(tmp_path / "clip", SOURCE, fps=10)
    return tmp_path / "clip"


@pytest.fixture
def painted(monkeypatch):
    monkeypatch.setattr(films, "paint_segment", light.piece)
    monkeypatch.setattr(films, "paint_keyframes", light.keyframes)


def film(clip, folder, pool, settings=SMALL, **more):
    return DistributedFilm(
        clip, STYLE, folder / "out", settings, executor=pool, **({"segment": 8, "overlap": 3} | more)
    )


def negatives(clip):
    return [1 - frame for frame in clips.read_frames(clip)]


def test_pieces_lie_within_shots_and_have_the_next_keyframe():
    found = list(cut_segments(SOURCE, 8, 3))
    segments = [piece for piece, _ in found]
    assert segments[0] == Segment(0, 9, False, False)  # a shot that is little longer stays whole
    assert segments[1:4] == [Segment(9, 8, False, True), Segment(17, 8, True, True), Segment(25, 8, True, True)]
    assert segments[4:] == [Segment(33, 6, True, False), Segment(39, 1, False, False)]
    for (piece, frames), (_, following) in itertools.pairwise(found):
        assert len(frames) == piece.count + piece.ends
        assert not piece.ends or frames[-1] == following[0]


@pytest.mark.parametrize(("size", "overlap"), [(8, 0), (8, 7), (7, 3), (100, 12), (0, 16)])
def test_any_cut_gives_every_frame_once(size, overlap):
    found = [piece for piece, _ in cut_segments(SOURCE, size, overlap)]
    assert [n for p in found for n in range(p.first, p.first + p.count)] == list(range(40))
    assert (len(found) == 3) == (size in (0, 100))
    assert any(piece.begins for piece in found) == (len(found) > 3 and overlap > 0)


def test_the_command_cuts_as_the_class_does():
    given = parser().parse_args(["video", "in.mp4", "style.png", "-o", "out.mp4"])
    assert given.segment == films.SEGMENT


def test_frames_come_in_order_with_their_record(clip, tmp_path, painted):
    made = film(clip, tmp_path, light.Here())
    frames = list(made)
    assert [frame.number for frame in frames] == list(range(40)) == [line["frame"] for line in made.store.log]
    assert np.allclose([frame.image for frame in frames], negatives(clip), atol=1e-6)
    made.write()
    assert not (tmp_path / "out.work").exists() and clips.probe(tmp_path / "out").frames == 40
    assert json.loads((tmp_path / "out.json").read_text())["pieces"] == {"frames": 8, "overlap": 3}


def test_pieces_may_come_in_any_order(clip, tmp_path, painted):
    with ThreadPoolExecutor(3) as pool:
        chance = random.Random(0)
        submit = pool.submit
        pool.submit = lambda fn, *args: submit(late, chance.uniform(0, 0.1), fn, *args)
        frames = list(film(clip, tmp_path, pool))
    assert np.allclose([frame.image for frame in frames], negatives(clip), atol=1e-6)


def late(seconds, fn, *args):
    time.sleep(seconds)
    return fn(*args)


def test_a_lost_executor_is_one_line_and_the_film_goes_on(clip, tmp_path, painted):
    with pytest.raises(NstlibError, match=r"the workers were lost \(.*\); 17 of 40 frames .*the same call goes on"):
        list(film(clip, tmp_path, Lost(3), window=1))  # a shot, the next one's keyframes, and its first piece
    rest = light.Here()
    again = film(clip, tmp_path, rest)
    assert again.done == 17
    assert [frame.number for frame in again] == list(range(17, 40))
    assert np.allclose(list(again.finished()), negatives(clip), atol=1e-6)
    assert len(rest.seen) == 6  # two pieces with their keyframes, the last one, and the last shot


class Lost(light.Here):
    """Does so many pieces and then breaks."""

    def submit(self, fn, *args):
        if self.left:
            return super().submit(fn, *args)
        future = Future()
        future.set_exception(OSError("connection closed"))
        return future


def test_a_film_stopped_anywhere_goes_on_to_the_same_frames(clip, tmp_path, painted):
    whole = negatives(clip)
    for stop in (1, 12, 17, 21, 33, 39):
        folder = tmp_path / str(stop)
        folder.mkdir()
        first = film(clip, folder, light.Here())
        for _ in range(stop):
            next(first)
        del first
        again = film(clip, folder, light.Here())
        assert again.done == stop and len(list(again)) == 40 - stop
        assert np.allclose(list(again.finished()), whole, atol=1e-6)


def test_a_film_whose_keyframes_were_taken_away_says_so(clip, tmp_path, painted):
    first = film(clip, tmp_path, light.Here(), window=1)
    for _ in range(17):
        next(first)
    del first
    next(tmp_path.glob("out.work/keyframes*")).unlink()
    with pytest.raises(NstlibError, match="out.work is damaged; start afresh with --fresh"):
        list(film(clip, tmp_path, light.Here()))


@pytest.mark.parametrize("how", [b"", b"{", b"3", b"[3]", b'[{"cut": true}]'])
def test_a_damaged_piece_is_one_line(clip, tmp_path, painted, how):
    first = film(clip, tmp_path, light.Here(), window=1)
    next(first)
    del first
    with ZipFile(tmp_path / "out.work" / "piece-000001.zip", "w") as file:
        file.writestr("how.json", how)
        file.writestr("0.png", b"")
    with pytest.raises(NstlibError, match="piece-000001.zip is damaged; start afresh with --fresh"):
        list(film(clip, tmp_path, light.Here()))
    (tmp_path / "out.work" / "piece-000001.zip").write_bytes(b"PK")
    with pytest.raises(NstlibError, match="piece-000001.zip is damaged"):
        list(film(clip, tmp_path, light.Here()))


def test_pieces_meet_in_their_keyframes_and_go_over_to_them(tmp_path):
    """With the work itself: a keyframe is the first frame of its piece, and the frame before it has its strokes."""
    clips.write_frames(tmp_path / "clip", SOURCE[9:33], fps=10)
    settings = replace(SMALL, steps=8, next_steps=4, init="noise")
    with ThreadPoolExecutor(1) as pool:
        made = [frame.image for frame in film(tmp_path / "clip", tmp_path, pool, settings, overlap=5)]
    frames = [to_png(frame) for frame in clips.read_frames(clips.probe(tmp_path / "clip", size=64))]
    begin, end = segments.paint_keyframes(settings, frames[:9], None, read_input(STYLE))
    assert np.array_equal(made[0], segments.from_png(begin[0])) and np.array_equal(made[8], segments.from_png(end[0]))
    assert begin[1]["cut"] and not end[1]["cut"]
    alone = segments.paint_segment(settings, frames[:8], begin, None, 5, read_input(STYLE))
    assert np.array_equal(made[2], segments.from_png(alone[2][0]))  # the first frames know nothing of the next piece
    w, c = flow.optical_flow(SOURCE[16], SOURCE[17]), np.ones((48, 64), np.float32)
    apart = metrics.warping_error(segments.from_png(alone[7][0]), made[8], w, c)
    assert metrics.warping_error(made[7], made[8], w, c) < 0.5 * apart


def test_what_needs_the_whole_clip_is_refused(clip, tmp_path, capsys):
    with pytest.raises(NstlibError, match="passes=2 needs the whole clip in one place"):
        film(clip, tmp_path, light.Here(), replace(SMALL, passes=2))
    with pytest.raises(NstlibError, match="segments of 8 frames are too short: the last 8"):
        film(clip, tmp_path, light.Here(), overlap=8)
    next(film(clip, tmp_path, light.Here()))
    with pytest.raises(NstlibError, match="pieces was"):
        Film(clip, STYLE, tmp_path / "out", SMALL)
    style = images.save(tmp_path / "style.png", STYLE)
    words = ["video", clip, style, "-o", tmp_path / "o.mp4", "--flow", clip, "--workers", 1, "--size", 32]
    assert main([str(word) for word in words]) == 1
    assert "--flow needs the whole clip" in capsys.readouterr().err


def test_a_piece_that_cannot_be_made_is_one_line(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(films, "paint_segment", lambda *args: 1 / 0)
    pool = ThreadPoolExecutor(1)
    with pool, pytest.raises(NstlibError, match="frames 0 to 8: ZeroDivisionError"):
        list(film(clip, tmp_path, pool))


def test_a_worker_killed_costs_no_frame(clip, running, tmp_path, painted):
    address, _, nanny = running
    settings = replace(SMALL, next_steps=20)
    with executors.executor(address) as pool:
        made = film(clip, tmp_path, pool, settings)
        frames = [next(made)]
        victims = [p for p in psutil.Process(nanny.pid).children() if "spawn_main" in " ".join(p.cmdline())]
        os.kill(victims[0].pid, signal.SIGKILL)
        frames += list(made)
    assert [frame.number for frame in frames] == list(range(40))
    assert np.allclose([frame.image for frame in frames], negatives(clip), atol=1e-6)


@pytest.mark.slow
def test_the_command_gives_a_clip_with_its_sound(running, tmp_path, capsys):
    style = images.save(tmp_path / "style.png", STYLE)
    words = ["video", samples.clip(), style, "-o", tmp_path / "out.mp4", "--end", 0.4, "--scheduler", running[0]]
    words += ["--extractor", "random", "--precision", "float32", "--size", 64, "--steps", 2, "--next-steps", 1]
    words += ["--style-layers", "block1_conv1", "--content-layers", "block1_conv2"]
    assert main([str(word) for word in words]) == 0
    found = clips.probe(tmp_path / "out.mp4")
    assert found.frames == 10 and found.has_audio
    record = json.loads((tmp_path / "out.mp4.json").read_text())
    assert len(record["frames"]) == 10 and record["frames"][5]["losses"]["total"] > 0
