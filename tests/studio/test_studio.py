"""The studio without a browser: its knobs, its worker, what it keeps and what it says."""

import html
import itertools
import json
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest
from conftest import smooth_noise

from nstlib import samples
from nstlib.core.run import Run
from nstlib.core.style_losses import load_style_loss
from nstlib.engines import records
from nstlib.engines.lessons import Learnt
from nstlib.errors import NstlibError
from nstlib.media import clips, images
from nstlib.settings import DEFAULT_WEIGHTS, PHOTO_WEIGHTS, STEERABLE, STYLE_LOSSES, Settings, usual
from nstlib.studio import Grid, Studio, brush, code, curves, guard, lesson_box
from nstlib.studio.checkpoints import MOST, Checkpoints
from nstlib.studio.knobs import Knobs, shown
from nstlib.studio.live_box import CAMERA, CLIP
from nstlib.studio.moves import PAUSE, Moves
from nstlib.studio.pace import Pace, roughly, to_come
from nstlib.studio.sources import read as studio_source
from nstlib.studio.view import PICTURES, View
from nstlib.studio.worker import Worker

WAIT = 120
NOW = datetime.now(timezone.utc)


@pytest.fixture
def files(tmp_path):
    """A content and two styles, as files."""
    shapes = {"content": (48, 64), "one": (56, 40), "two": (40, 40)}
    return {
        name: images.save(tmp_path / f"{name}.png", smooth_noise(seed, shape))
        for seed, (name, shape) in enumerate(shapes.items())
    }


@pytest.fixture
def studio(files, small, tmp_path):
    styles = {"one": files["one"], "two": files["two"]}
    panel = Studio(files["content"], styles, small, folder=tmp_path / "out")
    yield panel
    panel.close()


def finished(studio):
    studio.start()
    studio.wait(WAIT)
    return studio.worker.run


def said(studio):
    return re.sub(r"<[^>]+>", "", studio.message.value)


def knobs(settings):
    return Knobs(settings, lambda name: None)


def test_every_setting_of_a_picture_has_a_widget_with_its_help():
    made = knobs(Settings())
    assert set(made.widgets) == {f.name for f in shown()}
    for f in shown():
        widget = made.widgets[f.name]
        tip = getattr(widget, "tooltip", None) or getattr(getattr(widget, "slider", None), "tooltip", None)
        assert tip == f.metadata["help"] or isinstance(usual(f), tuple), f.name


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(convention="tutorial", style_weight=0.5, tv_weight=0.0, size=200, optimizer="adam"),
        Settings(style_layers=("block1_conv1", "block2_conv1"), style_layer_weights=(0.25, 1.0), init="noise"),
        Settings(convention="gatys", content_weight=12.5, scales=2, preserve_color="luminance", seed=4),
    ],
)
def test_knobs_say_the_settings_that_they_were_set_to(settings):
    made = knobs(Settings())
    made.set(settings)
    assert made.settings() == settings
    assert knobs(settings).settings() == settings


def test_a_weights_slider_is_logarithmic_and_its_left_end_is_zero():
    weight = knobs(Settings()).widgets["style_weight"]
    assert weight.value is None and weight.number.value == DEFAULT_WEIGHTS["relative"][1]
    weight.slider.value = 1.0
    assert weight.value == weight.number.value == 10 * DEFAULT_WEIGHTS["relative"][1]
    weight.slider.value = weight.slider.min
    assert weight.value == 0
    weight.number.value = 0.1
    assert weight.value == 0.1 and weight.slider.value == pytest.approx(-1)


def test_a_number_that_lies_between_two_steps_of_its_slider_stays_when_the_page_rounds_the_handle():
    weight = knobs(Settings()).widgets["style_weight"]
    weight.number.value = 3.0
    weight.slider.value = 0.5  # what the page answers
    assert weight.value == 3.0
    weight.slider.value = 0.6
    assert weight.value == 3.98


def test_another_convention_has_its_own_weights():
    made = knobs(Settings())
    made.widgets["style_weight"].slider.value = 1.0
    made.widgets["convention"].value = "tutorial"
    assert made.settings().style_weight is None
    assert made.widgets["content_weight"].number.value == DEFAULT_WEIGHTS["tutorial"][0]


def test_start_makes_a_picture_and_ends(studio, small):
    run = finished(studio)
    assert (studio.state, run.number, studio.error) == ("done", small.steps, None)
    assert f"<b>{small.steps}</b>" in studio.view.status.value
    assert studio.view.terms.value.startswith("<svg") and studio.transport.start.description == "Go on"


def test_moving_a_weight_steers_the_run_without_tracing_and_one_that_has_ended_goes_on(studio, small):
    run = finished(studio)
    traces = run.model.traces
    studio.knobs.widgets["style_weight"].slider.value = 1.0
    studio.wait(WAIT)
    assert studio.worker.run is run and run.model.traces == traces
    assert run.settings.style_weight == 10.0 and run.steering[-1] == (small.steps, run.settings)
    assert run.number == small.steps + small.steps // 2


def test_what_cannot_be_steered_says_that_it_waits_for_a_start(studio):
    run = finished(studio)
    studio.set(size=48, style_weight=2.0)
    studio.wait(WAIT)
    assert studio.pending == ["size"] and said(studio) == "size waits for a new start: press Start anew"
    assert studio.transport.start.description == "Start anew"
    assert (run.settings.size, run.settings.style_weight) == (64, 2.0)
    again = finished(studio)
    assert again is not run and again.shape == (36, 48) and studio.pending == []


def test_several_styles_are_blended_and_their_shares_steer(studio):
    studio.set(styles=["one", "two"])
    run = finished(studio)
    assert len(run.styles.pictures) == 2 and studio.knobs.blend.layout.display == ""
    studio.knobs.widgets["style_blend"].sliders[0].value = 0.25
    studio.wait(WAIT)
    assert run.settings.style_blend == (0.25, 1.0) and studio.pending == []


def test_shares_that_are_all_zero_are_refused_in_one_line(studio):
    for slider in studio.knobs.widgets["style_layer_weights"].sliders:
        slider.value = 0
    assert "are all 0" in said(studio)
    studio.knobs.widgets["style_layer_weights"].sliders[0].value = 1
    assert said(studio) == "" and studio.knobs.settings().style_layer_weights == (1.0, 0.0)


def test_pause_step_and_stop(studio, small):
    studio.set(steps=100_000)
    studio.start()
    studio.worker.post(studio.pause)
    studio.wait(WAIT)
    assert studio.state == "paused"
    number = studio.worker.run.number
    studio.step()
    studio.wait(WAIT)
    assert (studio.state, studio.worker.run.number) == ("paused", number + 1)
    studio.stop()
    studio.wait(WAIT)
    assert (studio.state, studio.worker.run, studio.transport.keep.disabled) == ("idle", None, True)


def test_going_back_takes_the_weights_of_that_step_along(studio):
    run = finished(studio)
    first = run.curves["total"][2]
    studio.knobs.widgets["style_weight"].slider.value = 1.0
    studio.wait(WAIT)
    studio.back(2)
    studio.wait(WAIT)
    assert (studio.state, run.number, studio.knobs.settings().style_weight) == ("paused", 2, None)
    studio.step()
    studio.wait(WAIT)
    assert run.curves["total"][2] == pytest.approx(first, rel=1e-6)


def test_the_python_of_a_steered_result_makes_the_same_picture(studio, tmp_path, monkeypatch):
    finished(studio)
    studio.set(style_weight=3.0, style_layer_weights=(1.0, 0.5))
    studio.wait(WAIT)
    studio.keep()
    studio.wait(WAIT)
    (card,) = studio.shelf.all
    kept = card.kept
    monkeypatch.chdir(tmp_path)
    exec(code.python(kept.record), {})
    np.testing.assert_array_equal(images.load(tmp_path / "picture.png"), images.load(images.to_uint8(kept.image)))
    saved = studio.shelf.save(card)
    assert str(saved) in card.said.value
    again = records.replay(images.read_record(saved)).finish()
    np.testing.assert_array_equal(again, kept.image)


def test_two_results_are_compared_and_one_is_taken_up_again(studio):
    finished(studio)
    studio.keep("plain")
    studio.set(style_weight=5.0)
    studio.wait(WAIT)
    studio.keep("strong")
    studio.wait(WAIT)
    for card in studio.shelf.all:
        card.compare.value = True
    assert (studio.view.viewer.left_name, studio.view.viewer.right_name) == ("plain", "strong")
    table = studio.shelf.below.children[0].value
    assert "style_weight" in table and "content_weight" not in table and "strong" in table
    plain, strong = studio.shelf.snapshots
    studio.take_up(plain)
    studio.wait(WAIT)
    np.testing.assert_array_equal(studio.worker.run.image, plain.image)
    assert (studio.state, studio.knobs.settings().style_weight, studio.pending) == ("paused", None, [])
    assert not np.array_equal(plain.image, strong.image)


def upload(name, content):
    return ({"name": name, "type": "", "size": len(content), "content": memoryview(content), "last_modified": NOW},)


def test_bad_input_is_one_line_and_leaves_the_panel_usable(studio, tmp_path):
    from PIL import Image

    huge = tmp_path / "huge.png"
    Image.new("1", (10_000, 10_000)).save(huge)
    for path, line in {"nowhere.png": "no such file: nowhere.png", str(huge): "100 megapixels"}.items():
        studio.contents.path.value = path
        assert line in said(studio) and "\n" not in said(studio)
    studio.contents.upload.value = upload("notes.txt", b"no picture at all")
    assert said(studio) == "notes.txt is no picture that can be read" and studio.contents.upload.value == ()
    assert [s.name for s in studio.contents.chosen] == ["content"] and not (studio.folder / "uploads").exists()
    assert finished(studio).number and said(studio) == ""


def test_a_path_and_an_upload_replace_what_was_chosen_and_are_added_where_styles_are_blended(studio, files):
    studio.styles.path.value = str(files["two"])
    assert [s.path for s in studio.styles.chosen] == [files["two"]] and not studio.styles.blend.value
    studio.styles.blend.value = True
    studio.styles.upload.value = upload("painting.png", files["one"].read_bytes())
    assert [s.name for s in studio.styles.chosen] == ["two", "painting"] and studio.knobs.blend.layout.display == ""
    studio.styles.blend.value = False
    assert len(studio.styles.chosen) == 1


def test_an_upload_is_kept_offered_and_chosen(studio, files):
    studio.styles.upload.value = upload("../my painting.png", files["two"].read_bytes())
    source = studio.styles.sources[-1]
    assert source.path == studio.folder / "uploads" / "my_painting.png" and source in studio.styles.chosen


def test_a_clip_has_a_frame_slider_and_its_frame_is_a_file(studio):
    studio.contents.choose_named(["balloon clip"])
    assert studio.contents.frames.layout.display == "" and studio.contents.slider.max == 59
    studio.contents.slider.value = 7
    studio.set(size=32)
    run = finished(studio)
    assert run.sources["content"] == studio.folder / "clip-0007.png" and run.shape == (18, 32)


def test_an_error_of_the_thread_is_shown_and_the_thread_lives(studio, monkeypatch):
    def broken(self):
        raise ValueError("the\nsky fell")

    with monkeypatch.context() as patch:
        patch.setattr(Run, "__next__", broken)
        studio.start()
        with pytest.raises(ValueError, match="sky fell"):
            studio.wait(WAIT)
    assert said(studio) == "ValueError: the sky fell" and studio.worker.alive
    assert finished(studio).number and studio.error is None


def test_what_no_run_can_have_is_shown_and_leaves_the_old_run(studio):
    run = finished(studio)
    studio.set(init="nowhere.png")
    studio.start()
    with pytest.raises(NstlibError, match="choose from content, noise, style"):
        studio.wait(WAIT)
    assert studio.worker.run is run and "nowhere.png" in said(studio)
    assert studio.pending == ["init"] and studio.transport.start.description == "Start anew"


def test_an_interrupt_ends_the_thread_and_start_makes_another(studio):
    studio.set(steps=100_000)
    studio.start()
    worker = studio.worker
    guard.interrupt_all()
    assert not worker.alive and studio.state == "idle" and "interrupted" in said(studio)
    studio.set(steps=2)
    assert finished(studio).number == 2
    worker._thread.join(WAIT)
    assert not worker._thread.is_alive()


def test_an_interrupt_in_a_step_that_takes_long_leaves_no_word_of_it(studio, monkeypatch):
    """The thread ends when the step in hand does; until then and afterwards the panel stands still."""
    go_on, in_hand = threading.Event(), threading.Event()

    def long(run):
        in_hand.set()
        go_on.wait(WAIT)
        raise ValueError("late")

    with monkeypatch.context() as patch:
        patch.setattr(Run, "__next__", long)
        studio.start()
        assert in_hand.wait(WAIT)
        first = studio.worker
        guard.interrupt_all()
        go_on.set()
        first._thread.join(WAIT)
    assert studio.state == "idle" and studio.error is None and studio.worker is not first
    assert finished(studio).number


def test_close_ends_the_thread(studio):
    studio.start()
    worker = studio.worker
    studio.close()
    assert not worker.alive
    assert worker._thread not in threading.enumerate()
    with pytest.raises(NstlibError, match="closed"):
        studio.start() or studio.worker


def test_starting_one_studio_pauses_another_and_forgets_a_closed_one(studio, files, small, tmp_path):
    others = [Studio(files["content"], files["one"], replace(small, steps=10**5), folder=tmp_path) for _ in range(2)]
    for other in others:
        other.start()
    others[1].close()
    assert finished(studio).number
    others[0].wait(WAIT)
    assert others[0].state == "paused"
    others[0].close()


def test_steering_faster_than_the_steps_leaves_one_entry_a_step(content, style, small):
    class Deaf:
        def stepped(self, run): ...
        def turned(self, state): ...
        def failed(self, error):
            raise error

    worker = Worker(Deaf())
    worker.start(lambda: Run(content, style, small), go=False)
    for weight in range(1, 50):
        worker.steer(replace(small, style_weight=float(weight)))
    worker.step()
    worker.wait(WAIT)
    run = worker.run
    worker.close()
    assert run.steering[1:] == [(0, run.settings)] and run.settings.style_weight == 49.0


def test_a_picture_moves_while_a_slider_does(content, style, small):
    pictures = []

    class Hand:
        def stepped(self, run):
            pictures.append(run.image)
            worker.steer(replace(small, steps=20, style_weight=1.0 + 0.02 * len(pictures)))

        def turned(self, state): ...
        def failed(self, error):
            raise error

    worker = Worker(Hand())
    worker.start(lambda: Run(content, style, replace(small, steps=20)))
    worker.wait(WAIT)
    run = worker.run
    worker.close()
    moved = sum(not np.array_equal(a, b) for a, b in itertools.pairwise(pictures[2:]))
    assert run.number == 20 and len(run.steering) >= 9 and moved >= 4


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_view_sends_no_more_pictures_than_the_page_can_take(content, style, small):
    clock, sent = Clock(), []
    view, run = View(clock=clock), Run(content, style, small)
    view.viewer.observe(sent.append, "right")
    for k in range(200):
        clock.now = k / 100
        if k % 50 == 0:
            next(run)
        view.show(run, "")
    assert 0 < len(sent) <= 2 * PICTURES
    view.urge()
    count = len(sent)
    next(run)
    view.show(run, "")
    assert len(sent) == count + 1  # at once, since a knob has moved


def test_checkpoints_are_few_and_reach_from_the_start_to_the_end(content, style, small):
    run, kept = Run(content, style, replace(small, steps=60)), Checkpoints()
    while run.number < 59:
        kept.consider(run)
        next(run)
    assert kept.numbers[0] == 0 and kept.numbers[-1] >= 45 and 3 <= len(kept.numbers) <= MOST
    assert kept.back_to(30)["number"] <= 30 and max(kept.numbers) <= 30
    tight = Checkpoints(budget=1.0)
    for _ in range(2):
        tight.consider(run)
    assert len(tight.numbers) <= 2


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_curves_are_well_formed_whatever_their_length(count):
    values = [10.0 ** (-i / 100) * (i % 7 > 0) for i in range(count)]
    losses = {"total": values, "style": [0.0] * count, "content": [2.0] * count, "style/block1_conv1": values}
    for text in (curves.terms(losses, [3, 4]), curves.layers(losses)):
        chart = ET.fromstring(text)
        for line in chart.findall("polyline"):
            places = [tuple(map(float, p.split(","))) for p in line.get("points").split()]
            assert all(0 <= x <= curves.WIDTH and 0 <= y <= curves.HEIGHT for x, y in places)
            assert len(places) <= 2 * curves.POINTS + 1


def test_a_grid_has_a_result_for_every_pair_and_one_figure(content, style, small, tmp_path):
    grid = Grid(
        content, style, rows={"style_weight": [0.1, 10.0]}, columns={"init": ["content", "none"]}, settings=small
    ).wait(WAIT)
    assert set(grid.results) == {(0, 0), (1, 0)} and set(grid.errors) == {(0, 1), (1, 1)}
    assert "choose from" in grid.cells[0, 1][1].value
    assert not np.array_equal(grid.results[0, 0], grid.results[1, 0])
    saved = images.load(grid.save(tmp_path / "grid.png"))
    assert min(saved.shape[:2]) > 300
    with pytest.raises(NstlibError, match="cannot be written"):
        grid.save(tmp_path / "grid.nothing")
    grid.close()


@pytest.mark.parametrize("rows", [{}, {"style_weight": []}, {"a": [1]}, {"size": [32], "seed": [1]}, ["size"]])
def test_an_axis_is_one_setting_with_values(content, style, rows):
    with pytest.raises(NstlibError, match=r"give one setting|unknown setting"):
        Grid(content, style, rows=rows, columns={"seed": [0]})


def test_the_knobs_that_steer_are_those_of_the_table():
    made = knobs(Settings())
    boxes = [*made.steering.children, made.layers, made.blend]
    steering = {name for name, box in made._rows.items() if box in boxes}
    assert steering == {name for name in STEERABLE if name in made._rows}


def test_the_default_panel_has_a_slider_for_every_style_layer():
    layers = knobs(Settings()).widgets["style_layer_weights"]
    assert len(layers.sliders) == len(layers.box.children) == len(Settings().style_layers)


def test_a_move_is_undone_and_made_again_and_steers_each_time(studio, small):
    run = finished(studio)
    studio.knobs.widgets["style_weight"].slider.value = 1.0
    studio.styles.choose_named(["two"])
    assert studio.pending == ["styles"]
    studio.undo()
    assert studio.pending == [] and studio.knobs.settings().style_weight == 10.0
    studio.undo()
    studio.wait(WAIT)
    assert studio.knobs.settings().style_weight is None and run.settings.style_weight is None
    assert studio.transport.undo.disabled and not studio.transport.redo.disabled
    studio.redo()
    studio.wait(WAIT)
    assert run.settings.style_weight == 10.0
    studio.knobs.widgets["tv_weight"].slider.value = 0.5
    assert studio.transport.redo.disabled


def test_the_moves_of_one_slider_that_follow_each_other_are_one_move():
    clock = Clock()
    history = Moves(0, clock=clock)
    for number, (what, pause) in enumerate([("a", 0), ("a", 0.1), ("a", 0.1), ("b", 0.1), ("b", 2 * PAUSE)], 1):
        clock.now += pause
        history.add(number, what)
    assert [history.undo(), history.undo(), history.undo(), history.undo()] == [4, 3, 0, None]
    assert history.can == (False, True) and history.redo() == 3


def test_reset_takes_every_knob_or_one_back_to_what_it_was_at_first(studio, small):
    studio.set(style_weight=3.0, tv_weight=0.5, size=48, style_layers=("block1_conv1",), style_layer_weights=())
    studio.reset("style_weight")
    assert studio.knobs.settings().style_weight is None and studio.knobs.settings().size == 48
    studio.reset("style_layers")
    assert studio.knobs.settings().style_layers == small.style_layers
    studio.reset()
    assert studio.knobs.settings() == small
    studio.undo()
    assert studio.knobs.settings().size == 48


@pytest.mark.parametrize("value", [12345.678, 0.0001234, 1e8])
def test_a_weight_is_shown_in_full(value):
    made = knobs(Settings(style_weight=value))
    assert made.widgets["style_weight"].number.value == made.settings().style_weight == value


def test_the_time_left_counts_the_larger_sizes_that_are_still_to_come():
    settings, pace = Settings(size=512, steps=100), Pace()
    assert pace.left(settings, (512, 512), 0, 100) is None
    pace.add(settings, (256, 256), 0.1)
    parts = list(to_come(settings, (512, 512), 10, 100))
    assert sum(count for _, count in parts) == 90 and len(parts) > 1
    assert [pixels for pixels, _ in parts] == sorted(pixels for pixels, _ in parts) and parts[-1][0] == 512**2
    assert pace.left(settings, (512, 512), 10, 100) == pytest.approx(sum(0.1 * p / 256**2 * n for p, n in parts))
    pace.add(settings, (512, 512), 0.3)  # less than four times as long
    *_, (_, last) = parts
    assert pace.left(settings, (512, 512), 100 - last, 100) == pytest.approx(0.3 * last)


def test_a_time_is_told_as_one_says_it():
    assert [roughly(s) for s in (0.2, 7.6, 43, 170, 8000)] == ["1 s", "8 s", "45 s", "3 min", "2.2 h"]


def test_a_card_is_renamed_sorted_downloaded_and_deleted(studio):
    finished(studio)
    sent = []
    studio.view.viewer.send = lambda message, buffers: sent.append((message, buffers))
    for name, weight in {"b": 1.0, "a": 50.0}.items():
        studio.set(style_weight=weight)
        studio.wait(WAIT)
        studio.keep(name)
        studio.wait(WAIT)
    first, second = studio.shelf.all
    second.name.value = "zebra / 1"
    studio.shelf.order.value = "by name"
    assert studio.shelf.cards.children == (first.box, second.box)
    studio.shelf.order.value = "by style loss"
    assert studio.shelf.cards.children == (second.box, first.box)
    studio.shelf.download(second)
    ((message, (content,)),) = sent
    assert message["download"] == "zebra---1.png" and content.startswith(b"\x89PNG")
    second.compare.value = True
    studio.shelf.delete(second)
    assert studio.shelf.snapshots == [first.kept] and studio.view.viewer.right_name == "result"


def test_close_asks_before_it_throws_a_result_away(studio):
    closing = studio.transport.close
    finished(studio)
    closing.close.click()
    assert closing.sure.layout.display == "" and studio.worker.alive
    closing.stay.click()
    assert closing.sure.layout.display == "none"
    closing.close.click()
    closing.sure.click()
    with pytest.raises(NstlibError, match="closed"):
        studio.keep()


def test_a_studio_whose_cell_is_run_again_is_closed(files, small, tmp_path, monkeypatch):
    def made(cell, run):
        monkeypatch.setattr(guard, "_cell", lambda shell: (cell, run))
        panel = Studio(files["content"], files["one"], small, folder=tmp_path)
        panel.step()
        return panel

    one, beside, elsewhere = made("a", 1), made("a", 1), made("b", 2)
    again = made("a", 3)
    assert [p._closed for p in (one, beside, elsewhere, again)] == [True, True, False, False]
    guard.close_all()
    assert not [t for t in threading.enumerate() if t.name == "nstlib studio"]


def test_a_studio_whose_cell_is_run_again_hands_on_what_it_kept(files, small, tmp_path, monkeypatch):
    def made(run, styles):
        monkeypatch.setattr(guard, "_cell", lambda shell: ("a", run))
        return Studio(files["content"], styles, small, folder=tmp_path)

    one = made(1, [files["one"], files["two"]])
    one.set(styles="two")
    finished(one)
    one.keep()
    one.wait(WAIT)
    again = made(2, files["one"])  # without the style that was chosen
    (kept,) = again.shelf.snapshots
    assert kept.name == "result 1" and "had kept" in said(again)
    assert [source.name for source in again.styles.chosen] == ["one"]
    again.take_up(kept)
    again.wait(WAIT)
    assert [source.name for source in again.styles.chosen] == ["two"] and not again.pending
    np.testing.assert_array_equal(again.worker.run.image, kept.image)
    again.keep()
    again.wait(WAIT)
    assert [each.name for each in again.shelf.snapshots] == ["result 1", "result 2"]
    again.close()


def test_a_process_with_studios_at_work_ends_cleanly(files, tmp_path):
    program = f"""
import time
from nstlib.settings import Settings
from nstlib.studio import Studio
from nstlib import samples
contents = [{str(files["content"])!r}, samples.clip()]
layers = {{"style_layers": ("block1_conv1",), "content_layers": ("block1_conv1",)}}
settings = Settings(extractor="random", precision="float32", size=64, steps=10**5, next_steps=2, **layers)
one, other, writes = [Studio(contents, {str(files["one"])!r}, settings) for _ in range(3)]
one.start()
other.start()
writes.contents.choose([1])
writes.set(steps=2)
writes.strip.task.start()
while not (one.worker.run and other.worker.run and "frame" in writes.strip.task.told.value):
    time.sleep(0.1)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_photograph_has_its_own_usual_settings_and_a_painting_gets_its_own_back(studio, small):
    studio.knobs.widgets["rendering"].value = "photo"
    settings = studio.knobs.settings()
    assert (settings.size, settings.steps, settings.forms) == (0, 60, 0)
    assert studio.knobs.widgets["content_weight"].number.value == PHOTO_WEIGHTS[0]
    assert studio.knobs._rows["strength"].layout.display == ""
    studio.set(strength=1.5, steps=4)
    run = finished(studio)
    assert run.image.shape == (48, 64, 3) and run.settings.strength == 1.5
    studio.knobs.widgets["rendering"].value = "painting"
    assert studio.knobs.settings() == small
    studio.undo()
    assert studio.knobs.settings().rendering == "photo" and studio.knobs.settings().strength == 1.5


@pytest.mark.parametrize("name", STYLE_LOSSES[1:])
def test_every_style_loss_is_chosen_steered_and_described(studio, name):
    studio.set(style_loss=name, steps=3)
    assert load_style_loss(name).__doc__.splitlines()[0][:20] in html.unescape(studio.knobs.about.value)
    run = finished(studio)
    studio.knobs.widgets["style_weight"].slider.value = 0.5
    studio.wait(WAIT)
    assert studio.worker.run is run and run.settings.style_loss == name and run.number > 3 and studio.error is None


def test_a_run_that_ended_is_not_steered_by_what_means_another_thing_now(studio):
    studio.set(rendering="photo")
    run = finished(studio)
    taken = run.number
    studio.knobs.widgets["rendering"].value = "painting"
    studio.wait(WAIT)
    assert "rendering" in studio.pending and studio.worker.run is run and run.number == taken


def test_a_network_of_one_pass_shows_no_knob_that_it_has_no_use_for(studio):
    rows = studio.knobs._rows
    for engine, display in (("hub", "none"), ("optimise", "")):
        studio.knobs.widgets["engine"].value = engine
        assert {rows[name].layout.display for name in ("content_weight", "style_weight", "forms", "steps")} == {display}
    assert rows["style_scale"].layout.display != "none"


def test_a_new_run_has_the_view_to_itself(studio):
    finished(studio)
    studio.keep("first")
    studio.wait(WAIT)
    studio.shelf.all[0].compare.value = True
    studio.begin()
    studio.wait(WAIT)
    assert not studio.shelf.all[0].compare.value and not studio.view._pair


def test_a_convention_has_its_own_forms(studio):
    forms = studio.knobs.widgets["forms"]
    for convention, value in (("gatys", 0), ("relative", 0.25)):
        studio.knobs.widgets["convention"].value = convention
        assert forms.value == value
    studio.set(convention="tutorial", forms=0.5)
    assert studio.knobs.settings().forms == forms.value == 0.5


class Learning:
    """Stands for `engines.lessons.Learning`, which has tests of its own."""

    left = False

    def __init__(self, painting, output, *, photos, lesson, fresh):
        self.painting, self.output, self.steps, self.fresh = painting, output, lesson.steps, fresh
        self.photos = photos
        Learning.last = self

    def __iter__(self):
        return (Learnt(n, 1.0, 0.1, 0.5, float(self.steps - n)) for n in range(1, self.steps + 1))

    def preview(self):
        return smooth_noise(3, (32, 32))

    def leave(self):
        self.left = True


def test_a_painting_is_learned_on_a_thread_and_is_the_engine_then(studio, files, monkeypatch):
    monkeypatch.setattr(lesson_box, "learn", Learning)
    box = studio.lesson
    task = box.task
    box.steps.value = 2
    task.start()
    task.close(WAIT)
    assert Learning.last.painting == [files["one"]] and not Learning.last.fresh
    stills = [source.path for source in studio.contents.sources if source.clip is None]
    assert [photo for photo in Learning.last.photos if not isinstance(photo, np.ndarray)] == stills
    assert len(Learning.last.photos) > len(stills)  # a clip's frames
    settings = studio.knobs.settings()
    assert (settings.engine, settings.module) == ("hub", str(studio.folder / "learned" / "one"))
    assert "one is the engine now: press Start" in said(studio) and task.preview.value
    box.steps.value, box.fresh.value = 10**5, True
    task.start()
    assert task.button.description == "Stop"
    studio.interrupt()
    task.close(WAIT)
    assert "stopped at step" in task.told.value and not task.button.disabled
    assert Learning.last.left and Learning.last.fresh and task.button.description == "Learn" and not task.at_work


def test_what_cannot_be_learned_is_one_line(studio, monkeypatch):
    def refused(*given, **more):
        raise NstlibError("the painting is too small")

    monkeypatch.setattr(lesson_box, "learn", refused)
    studio.lesson.task.start()
    studio.lesson.task.close(WAIT)
    assert said(studio) == "the painting is too small" and studio.knobs.settings().engine == "optimise"


def stroke(layer, *points, erase=False, radius=0.2):
    return {"layer": layer, "erase": erase, "radius": radius, "points": [list(point) for point in points]}


def mark(studio, *strokes):
    for one in strokes:
        studio._acted({"action": "stroke", "stroke": one})


def test_strokes_are_regions_that_take_each_others_place_and_are_erased():
    left, right = stroke("one", (0, 0.5), (0.4, 0.5), radius=0.5), stroke("two", (0.4, 0.5), (1, 0.5), radius=0.2)
    one, two = brush.marked([left, right], ["one", "two"], (40, 80))
    assert one[20, 4] > 0.99 and two[20, 4] < 0.01 and two[20, 70] > 0.99 and one[20, 70] < 0.01
    assert (one + two <= 1.01).all()
    rubbed = stroke("two", (1, 0.5), radius=0.3, erase=True)
    assert brush.marked([left, right, rubbed], ["two"], (40, 80))[0][20, 75] < 0.01
    assert brush.marked([stroke("one", (0.5, 0.5), radius=0.25)], ["one"], (40, 80))[0].sum() == pytest.approx(
        np.pi * 20**2, rel=0.05
    )


def test_the_brush_says_where_a_style_goes_and_a_kept_card_makes_it_again(studio, tmp_path, monkeypatch):
    studio.set(styles=["one", "two"])
    studio.start()
    studio.wait(WAIT)
    mark(studio, stroke("one", (0.1, 0.1), (0.1, 0.9)))
    assert studio.pending == ["masks"]
    studio.start()
    studio.wait(WAIT)
    studio.keep()
    studio.wait(WAIT)
    kept = studio.shelf.snapshots[0]
    one, two = (images.load(mask["path"])[..., 0] for mask in kept.record["inputs"]["masks"])
    assert one[24, 6] > 0.99 and two[24, 6] < 0.01 and two[24, 60] > 0.99
    assert "in masks" in studio.shelf.all[0].box.children[2].value
    run = kept.make()
    run.restore(kept.state)
    assert (run.image == kept.image).all()
    monkeypatch.chdir(tmp_path)
    exec(code.python(kept.record), {})
    assert (images.to_uint8(images.load("picture.png")) == images.to_uint8(kept.image)).all()
    studio.undo()
    assert studio.view.viewer.strokes == [] and studio.pending == ["masks"]
    studio.redo()
    assert studio.pending == []


def test_what_is_marked_is_painted_anew_and_the_rest_stays_to_the_bit(studio, tmp_path, monkeypatch):
    mark(studio, stroke(brush.REPAINT, (0.2, 0.3), (0.3, 0.3), radius=0.1))
    studio.repaint()
    assert "no result yet" in studio.message.value
    studio.start()
    studio.wait(WAIT)
    before = images.to_uint8(studio.worker.run.image)
    assert studio.pending == []
    studio.set(styles="two")
    studio.repaint()
    studio.wait(WAIT)
    after = images.to_uint8(studio.worker.run.image)
    differs = (before != after).any(axis=-1)
    assert differs[14, 14] and not differs[:, 40:].any() and not differs[40:].any()
    assert len(studio.shelf.snapshots) == 1  # the result as it was
    studio.keep()
    studio.wait(WAIT)
    kept = studio.shelf.snapshots[-1]
    assert (kept.make().finish() == kept.image).all()
    assert (records.replay(kept.record).finish() == kept.image).all()
    monkeypatch.chdir(tmp_path)
    exec(code.python(kept.record), {})
    assert (images.to_uint8(images.load("picture.png")) == after).all()
    mark(studio, stroke(brush.REPAINT, (0.2, 0.3), (0.3, 0.3), radius=0.5, erase=True))
    studio.repaint()
    assert "nothing is marked" in studio.message.value
    studio._acted({"action": "clear", "layer": brush.REPAINT})
    assert studio.view.viewer.strokes == []
    studio.undo()
    assert len(studio.view.viewer.strokes) == 2


def test_marks_belong_to_their_content(studio, files):
    mark(studio, stroke("one", (0.5, 0.5)))
    studio.contents.add(studio_source(files["two"]))
    assert studio.view.viewer.strokes == []
    studio.undo()
    assert len(studio.view.viewer.strokes) == 1


def test_live_is_there_where_the_engine_paints_in_one_pass(studio):
    assert studio.live.fold.layout.display == "none"
    studio.set(engine="hub", module="instant", strength=0.5)
    assert studio.live.fold.layout.display == "" and studio.live.source.options == (CAMERA,)
    studio.live.button.click()
    live = studio.live.box.children[-1]
    assert live.strength == 0.5 and live.paint(smooth_noise(1, (32, 40))).shape == (32, 40, 3)
    studio.set(strength=0.25)
    assert live.strength == 0.25 and studio.live.box.children[-1] is live  # a slider does not end the camera
    studio.set(styles="two")
    assert studio.live.box.children[-1] is studio.live.button and live.comm is None
    studio.contents.choose_named(["balloon clip"])
    assert studio.live.source.options == (CAMERA, CLIP)
    studio.live.source.value = CLIP
    studio.live.button.click()
    assert len(studio.live.box.children[-1].clip) > 1000
    studio.live.button.click()
    assert studio.live.box.children[-1] is studio.live.button
    studio.set(module="nowhere")
    studio.live.button.click()
    assert "nowhere" in studio.message.value and studio.live.box.children[-1] is studio.live.button


@pytest.fixture
def clip(studio, tmp_path):
    """The studio with four frames of the bundled clip as its content, its strip open."""
    path = tmp_path / "clip.mp4"
    clips.write_frames(path, clips.read_frames(clips.probe(samples.clip(), end=0.16, size=64)), fps=24)
    studio.contents.add(studio_source(path))
    studio.strip.fold.selected_index = 0
    studio.strip._reader[1].join(WAIT)
    studio.set(size=64, steps=2)
    return studio.strip


def test_the_strip_shows_a_clip_and_its_keyframes_take_the_knobs_back(studio, clip):
    assert [item["name"] for item in clip.tiles.items] == ["0.00 s", "0.04 s", "0.08 s", "0.12 s"]
    studio.contents.choose(studio.contents.tiles.chosen, 0)
    studio.set(style_weight=1.0)
    clip.set.click()
    clip.tiles.chosen = [3]
    assert studio.contents.frame == 3 and clip.remove.disabled
    studio.set(style_weight=3.0)
    clip.set.click()
    assert list(clip.keyframes) == [0, 3] and "style 1" in clip.told.value and "style 3" in clip.told.value
    assert [item["name"][0] for item in clip.tiles.items] == ["◆", "0", "0", "◆"]
    clip.tiles.chosen = [0]
    assert studio.knobs.settings().style_weight == 1.0
    clip.remove.click()
    assert list(clip.keyframes) == [3]
    studio.contents.choose_named(["content"])
    assert clip.fold.layout.display == "none" and clip.keyframes == {}


def test_keyframes_are_undone_and_made_again_and_come_back_with_their_clip(studio, clip):
    studio.contents.choose(studio.contents.tiles.chosen, 1)
    clip.set.click()
    first = clip.keyframes
    studio.set(style_weight=3.0)
    clip.set.click()
    clip.remove.click()
    assert clip.keyframes == {} and clip.remove.disabled
    studio.undo()
    assert clip.keyframes[1]["style_weight"] == 3 and not clip.remove.disabled
    studio.undo()
    assert clip.keyframes == first
    studio.redo()
    assert clip.keyframes[1]["style_weight"] == 3
    studio.contents.choose_named(["content"])
    assert clip.keyframes == {}
    studio.undo()
    assert clip.keyframes[1]["style_weight"] == 3 and "◆" in clip.tiles.items[1]["name"]


def test_a_clip_is_written_stopped_and_goes_on(studio, clip):
    studio.contents.choose(studio.contents.tiles.chosen, 0)
    clip.set.click()
    made, task = [], clip.task
    stop_after = {"frames": 1}
    show = task.show

    def shown(picture):
        made.append(picture)
        show(picture)
        if len(made) == stop_after["frames"]:
            task.stop()

    task.show = shown
    task.start()
    task.close(WAIT)
    assert len(made) == 1 and "goes on" in task.told.value and clip.written is None
    stop_after["frames"] = 0
    task.start()
    task._thread.join(WAIT)
    assert len(made) == 4 and clip.written == studio.folder / "clip-styled.mp4" and clip.written.exists()
    record = json.loads(clip.written.with_name("clip-styled.mp4.json").read_text())
    assert record["keyframes"]["0"]["style_weight"] == studio.knobs.settings().term_weights[1]
    assert clip.download.layout.display == ""
    task.stop()
    studio.set(rendering="photo")
    task.start()
    task._thread.join(WAIT)
    assert "keyframes are for paintings" in studio.message.value and task.button.description == "Write the clip"
