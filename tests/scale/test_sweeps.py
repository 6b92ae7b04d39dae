"""Sweeps through executors of every kind; a Dask scheduler and its workers are real processes on loopback."""

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import light
import numpy as np
import psutil
import pytest
from PIL import Image

from nstlib.cli.main import main
from nstlib.engines import records
from nstlib.errors import NstlibError
from nstlib.media import images
from nstlib.scale import axes, cells, executors, sweeps
from nstlib.scale.axes import parse
from nstlib.scale.sheets import Sheet, wrap
from nstlib.settings import STYLE_LOSSES, Settings
from nstlib.workshop.bench._cluster import cluster, environment

HERE = Path(__file__).parents[1]
LAYERS = ("block1_conv1", "block2_conv1")
FAST = Settings(next_steps=1)


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    monkeypatch.setattr(sweeps, "paint_alone", light.paint)


def rows(folder):
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def children(nanny):
    """The worker processes."""
    return [p for p in psutil.Process(nanny.pid).children() if "spawn_main" in " ".join(p.cmdline())]


# axes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("content_weight=1e3,1e4", ("content_weight", [1e3, 1e4])),
        ("content-weight=1", ("content_weight", [1.0])),
        ("seed=3, 4", ("seed", [3, 4])),
        ("init=a,b.png;noise", ("init", ["a,b.png", "noise"])),
        ("style_layers=block1_conv1;block1_conv1,block2_conv1", ("style_layers", [("block1_conv1",), LAYERS])),
        ("style_layers=block1_conv1,block2_conv1", ("style_layers", [LAYERS])),
        ("style_blend=1,2;2,1", ("style_blend", [(1.0, 2.0), (2.0, 1.0)])),
        ("style=a.jpg,b.jpg", ("style", ["a.jpg", "b.jpg"])),
    ],
)
def test_an_axis_is_read_as_the_settings_flag_is(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("content_weight", "give name=value,value"),
        ("seed=", "give name=value,value"),
        ("stile=1", "axis='stile'; choose from style, rendering, engine"),
        ("seed=1,x", "--axis seed=1,x: .*'x'"),
    ],
)
def test_an_axis_that_cannot_be_read_is_one_line(text, message):
    with pytest.raises(NstlibError, match=message):
        parse(text)


# the grid


def test_cells_are_the_product_and_each_has_its_settings(content, style, tmp_path):
    pool = light.Here()
    cells = list(sweeps.sweep(content, style, {"seed": [1, 2], "size": [32, 48]}, pool, output=tmp_path))
    assert [cell.values for cell in cells] == [{"seed": s, "size": n} for s in (1, 2) for n in (32, 48)]
    assert [(args[0].seed, args[0].size) for args in pool.seen] == [(1, 32), (1, 48), (2, 32), (2, 48)]
    assert [row["seed"] for row in rows(tmp_path)] == ["1", "1", "2", "2"]
    assert len({cell.picture for cell in cells}) == 4 and all(cell.picture.exists() for cell in cells)
    assert [cell.losses["total"] for cell in cells] == [1, 1, 2, 2]


def test_style_losses_are_an_axis_and_a_cell_tells_what_one_cannot_do(content, style, small, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "paint_alone", cells.paint_cell)
    axes_given = {"style_loss": STYLE_LOSSES, "tile": [0, 16]}
    made = {
        (cell.values["style_loss"], cell.values["tile"]): cell
        for cell in sweeps.sweep(content, style, axes_given, light.Here(), settings=small, output=tmp_path)
    }
    assert {name for (name, tile), cell in made.items() if not tile and not cell.error} == set(STYLE_LOSSES)
    assert [key for key, cell in made.items() if cell.error] == [("remd", 16)]
    assert "does not work in tiles" in made["remd", 16].error


def test_styles_are_an_axis(tmp_path, content, style):
    paths = [str(images.save(tmp_path / f"{i}.png", style * i / 2)) for i in (1, 2)]
    pool = light.Here()
    cells = list(sweeps.sweep(content, (), {"style": [*paths, "none.png"]}, pool, output=tmp_path / "out"))
    assert [args[2].path for args in pool.seen] == paths
    assert {cell.values["style"]: cell.error for cell in cells}["none.png"].startswith("no such file: none.png")
    assert axes.axis_label("style", paths[0]) == "style 1.png"


def test_a_bad_cell_is_marked_and_the_others_are_made(content, style, tmp_path):
    grid = {"seed": [1, 900], "content_weight": [0.1, -1.0]}
    cells = {c.number: c for c in sweeps.sweep(content, style, grid, light.Here(), output=tmp_path)}
    assert [cells[i].error[:20] for i in range(4)] == [
        "",
        "content_weight=-1.0;",
        "ValueError: seed 900",
        "content_weight=-1.0;",
    ]
    table = rows(tmp_path)
    assert [bool(row["error"]) for row in table] == [False, True, True, True]
    assert [bool(row["picture"]) for row in table] == [True, False, False, False]
    with pytest.raises(NstlibError, match="seed 900 is bad"):
        cells[2].image  # noqa: B018
    found = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).reshape(-1, 3)
    reddish = (found[:, 0] > 240) & (found[:, 1] < 240) & (found[:, 1] > 220)
    assert reddish.mean() > 0.5  # three of four places


def test_what_is_there_is_not_made_again(content, style, tmp_path):
    first = sweeps.sweep(content, style, {"seed": range(8)}, light.Here(), settings=FAST, output=tmp_path)
    [next(first) for _ in range(3)]
    first.close()
    assert len(rows(tmp_path)) == 3
    again = light.Here()
    cells = list(sweeps.sweep(content, style, {"seed": range(8)}, again, settings=FAST, output=tmp_path))
    assert [args[0].seed for args in again.seen] == [3, 4, 5, 6, 7]
    assert sorted(cell.number for cell in cells) == list(range(8)) and len(rows(tmp_path)) == 8
    for change in ({"settings": replace(FAST, size=40)}, {"content": content[::-1]}):  # other pictures altogether
        more = light.Here()
        given = {"content": content, "settings": FAST, "output": tmp_path} | change
        list(sweeps.sweep(given.pop("content"), style, {"seed": range(8)}, more, **given))
        assert len(more.seen) == 8


def test_an_executor_that_is_lost_is_one_line_and_the_rest_goes_on(content, style, tmp_path):
    cells = sweeps.sweep(content, style, {"seed": range(8)}, light.Here(3), output=tmp_path, window=2)
    with pytest.raises(NstlibError, match=r"lost with 5 cells to go .*the same call goes on"):
        list(cells)
    assert len(rows(tmp_path)) == 3
    rest = light.Here()
    assert len(list(sweeps.sweep(content, style, {"seed": range(8)}, rest, output=tmp_path))) == 8
    assert len(rest.seen) == 5


def test_no_more_than_the_window_is_under_way(content, style, tmp_path):
    class Slow(light.Here):
        def submit(self, fn, *args):
            if (count := len(self.seen)) >= 4:
                self.pending[count - 4].set_result(light.paint(*self.seen[count - 4]))
            future = super().submit(lambda *args: None, *args)
            self.pending.append(fresh := type(future)())
            return fresh

    pool = Slow()
    pool.pending = []
    cells = sweeps.sweep(content, style, {"seed": range(20)}, pool, output=tmp_path, window=5)
    next(cells)
    assert len(pool.seen) == 5
    cells.close()
    assert all(future.cancelled() for future in pool.pending[1:])


@pytest.mark.parametrize(
    ("grid", "message"),
    [({"colour": [1]}, "axis='colour'; choose"), ({"seed": []}, "give a list"), ({"init": "noise"}, "give a list")],
)
def test_bad_axes_are_refused_at_once(content, style, tmp_path, grid, message):
    with pytest.raises(NstlibError, match=message):
        sweeps.sweep(content, style, grid, output=tmp_path)


# the sheet


def test_the_table_is_written_at_most_once_a_second(tmp_path):
    now = [0.0]
    sheet = Sheet(tmp_path, {"seed": range(8)}, (24, 32), clock=lambda: now[0])
    for number in range(8):
        sheet.add(number, {"seed": number}, {"picture": None, "losses": {}, "seconds": 0.0, "error": "bad"})
        now[0] += 0.3
    assert len(rows(tmp_path)) == 5  # at 0 s and at 1.2 s
    sheet.write()
    assert len(rows(tmp_path)) == 8


@pytest.mark.parametrize(("width", "height"), [(2, 3), (1, 1), (40, 30)])
def test_every_cell_has_a_place_of_its_own(tmp_path, width, height):
    grid = {"seed": range(height), "size": range(16, 16 + width)}
    sheet = Sheet(tmp_path, grid, (30, 40))
    places = np.array(sheet._layout.places)
    assert len(places) == len(list(axes.product(grid))) == len({tuple(place) for place in places})
    ends = places + sheet._layout.size
    assert (ends <= sheet._canvas.size).all() and (places >= 0).all()
    gaps = [np.diff(np.unique(places[:, i])).min(initial=10**6) for i in (0, 1)]
    assert gaps[0] > sheet._layout.size[0] and gaps[1] > sheet._layout.size[1]


def test_text_is_broken_to_the_width():
    text = "style layers block1_conv1, block2_conv1 " + "x" * 60
    assert wrap(text, 10_000) == text
    lines = wrap(text, 100).split("\n")
    assert len(lines) > 4 and "".join(lines).replace(" ", "") == text.replace(" ", "")


# executors of every kind


def test_a_broken_pool_of_processes_is_one_line(content, style, tmp_path):
    grid, settings = {"seed": range(6)}, replace(FAST, next_steps=200)
    before = set(psutil.Process().children())
    with executors.executor(workers=1) as pool:
        cells = sweeps.sweep(content, style, grid, pool, settings=settings, output=tmp_path)
        next(cells)
        for child in set(psutil.Process().children()) - before:
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        with pytest.raises(NstlibError, match="the workers were lost"):
            list(cells)
    assert 1 <= len(rows(tmp_path)) < 6


def same(folder, other):
    names = sorted(path.name for path in folder.glob("seed*.png"))
    assert names == sorted(path.name for path in other.glob("seed*.png"))
    for name in names:
        np.testing.assert_array_equal(images.load(folder / name), images.load(other / name))
    return len(names)


def killing(content, style, running, folder, kills):
    """A sweep of 40 cells over a cluster, a random worker of which is killed at so many random times."""
    address, _, nanny = running
    chance, grid = random.Random(kills), {"seed": range(40)}
    settings = replace(FAST, next_steps=150)
    done, killed = threading.Event(), []

    def kill():
        for _ in range(kills):
            if done.wait(chance.uniform(0.1, 0.6)):
                return
            while not (alive := children(nanny)) and not done.is_set():
                time.sleep(0.05)
            victim = chance.choice(alive)
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    killer = threading.Thread(target=kill)
    with executors.executor(address) as pool:
        cells = sweeps.sweep(content, style, grid, pool, settings=settings, output=folder / "dask", window=8)
        numbers = [next(cells).number]
        killer.start()
        numbers += [cell.number for cell in cells]
    done.set()
    killer.join()
    assert len(killed) == kills
    assert sorted(numbers) == list(range(40))
    list(sweeps.sweep(content, style, grid, light.Here(), settings=settings, output=folder / "here"))
    assert same(folder / "dask", folder / "here") == 40
    assert len(rows(folder / "dask")) == 40 and not any(row["error"] for row in rows(folder / "dask"))


def test_a_killed_worker_costs_no_cell(content, style, running, tmp_path):
    killing(content, style, running, tmp_path, 1)


@pytest.mark.slow
def test_five_killed_workers_cost_no_cell(content, style, running, tmp_path):
    killing(content, style, running, tmp_path, 5)


def test_the_clients_memory_stays_flat_over_a_thousand_cells(content, style, running, tmp_path):
    process, seen = psutil.Process(), []
    with executors.executor(running[0]) as pool:
        grid = {"seed": range(20), "steps": range(1, 51)}
        for count, _ in enumerate(sweeps.sweep(content, style, grid, pool, settings=FAST, output=tmp_path, window=32)):
            if count in (300, 999):
                seen.append(process.memory_info().rss)
    assert len(rows(tmp_path)) == 1000
    assert seen[1] - seen[0] < 8e6


def test_a_lost_scheduler_is_one_line_and_the_same_command_goes_on(content, style, tmp_path):
    settings, grid = replace(FAST, next_steps=100), {"seed": range(20)}
    with cluster(tmp_path, paths=[HERE]) as (address, scheduler, _), executors.executor(address) as pool:
        cells = sweeps.sweep(content, style, grid, pool, settings=settings, output=tmp_path / "out", window=4)
        next(cells)
        next(cells)
        scheduler.kill()
        with pytest.raises(NstlibError, match=r"the workers were lost with \d+ cells to go") as error:
            list(cells)
    assert "\n" not in str(error.value)
    kept = len(rows(tmp_path / "out"))
    assert 2 <= kept < 20 and len(list((tmp_path / "out").glob("seed*.png"))) == kept
    rest = light.Here()
    assert len(list(sweeps.sweep(content, style, grid, rest, settings=settings, output=tmp_path / "out"))) == 20
    assert len(rest.seen) == 20 - kept


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere"])
def test_no_scheduler_is_one_line(monkeypatch, address):
    from nstlib.scale import cluster as module

    monkeypatch.setattr(module, "TIMEOUT", 1)
    with pytest.raises(NstlibError, match=f"no Dask scheduler answers at {address} "):
        executors.executor(address).__enter__()


# the command

TINY = ["--extractor", "random", "--precision", "float32", "--size", "32", "--steps", "2", "--init", "noise"]
TINY += ["--style-layers", "block1_conv1", "--content-layers", "block1_conv1", "--axis", "seed=1,2"]


@pytest.fixture
def command(content, style, tmp_path, monkeypatch):
    """The words of a sweep's command up to -o; with it the real work."""
    monkeypatch.undo()
    paths = [str(images.save(tmp_path / f"{n}.png", image)) for n, image in (("content", content), ("style", style))]
    return ["sweep", *paths, *TINY, "-o"]


def alone(command, folder):
    subprocess.run([sys.executable, "-m", "nstlib", *command, str(folder)], env=environment(), check=True)
    return folder


def test_a_cluster_gives_the_pictures_of_one_process(command, running, tmp_path):
    assert main([*command, str(tmp_path / "dask"), "--scheduler", running[0]]) == 0
    assert same(alone(command, tmp_path / "alone"), tmp_path / "dask") == 2
    picture = next((tmp_path / "dask").glob("seed*.png"))
    record = images.read_record(picture)
    assert record["threads"] == 1 and record["inputs"]["content"]["path"] == command[1]
    assert records.replay(record).finish().shape == images.load(picture).shape


@pytest.mark.slow
def test_processes_give_the_pictures_of_one_process(command, tmp_path, capsys):
    assert main([*command, str(tmp_path / "pool"), "--workers", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "pool" / "sheet.png")
    assert same(alone(command, tmp_path / "alone"), tmp_path / "pool") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--axis", "seed=1", "--axis", "seed=2"], "--axis seed is given twice"),
        (["--axis", "sead=1"], "axis='sead'; choose from"),
        (["--axis", "seed=1", "--workers", "0"], "workers=0; give a number of processes"),
    ],
)
def test_a_mistake_in_the_command_is_one_line(content, tmp_path, capsys, words, message):
    picture = str(images.save(tmp_path / "content.png", content))
    assert main(["sweep", picture, picture, "-o", str(tmp_path / "out"), *words]) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_cell_that_fails_makes_the_command_say_so(content, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sweeps, "paint_cell", light.paint)
    picture, out = str(images.save(tmp_path / "content.png", content)), tmp_path / "out"
    assert main(["sweep", picture, picture, "-o", str(out), "--axis", "seed=1,900,2"]) == 1
    said = capsys.readouterr()
    assert said.out.strip() == str(out / "sheet.png") and f"1 of 3 cells could not be made; {out}" in said.err
    assert [bool(row["picture"]) for row in rows(out)] == [True, False, True]


def test_a_cell_is_another_one_where_a_network_was_learned_anew(tmp_path):
    """A folder that settings name counts by what is in it, as a file does."""
    (tmp_path / "starry").mkdir()
    model, settings = tmp_path / "starry" / "saved_model.pb", Settings(init=str(tmp_path / "starry"))
    asked = []
    for content in (b"once", b"anew", b"once"):
        model.write_bytes(content)
        asked.append(cells.request(["0" * 64], settings))
    assert asked[0] == asked[2] != asked[1]
