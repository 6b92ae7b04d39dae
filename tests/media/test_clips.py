"""Clips come in and go out whole: frames, rate, sound and rotation are read back from what was written."""

import resource
import subprocess
import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest
from footage import ff, sound_of, url

from nstlib.errors import NstlibError, NstlibNote
from nstlib.media import clips, ffmpeg


def film(path, *options, seconds=1, rate=10, size="64x48", sound=True):
    tone = ["-f", "lavfi", "-i", f"sine=duration={seconds}"] if sound else []
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
    ff(*source, *tone, "-pix_fmt", "yuv420p", *options, url(path))
    return path


def grey(n, shape=(48, 64)):
    """Frames whose brightness says their number."""
    for i in range(n):
        yield np.full((*shape, 3), (20 + 10 * i) / 255, np.float32)


def levels(frames):
    return [round(float(frame.mean()) * 255) for frame in frames]


def onset(path, tmp_path):
    """Seconds until the sound begins."""
    samples, rate = sound_of(path, tmp_path)
    return float(np.argmax(np.abs(samples) > 0.01) / rate)


def test_probe_reads_what_ffmpeg_knows(tmp_path):
    clip = clips.probe(film(tmp_path / "a.mp4"))
    assert (clip.width, clip.height, clip.fps, clip.frames, clip.duration) == (64, 48, 10, 10, 1.0)
    assert clip.has_audio and not clip.rotation and not clip.variable
    assert not clips.probe(film(tmp_path / "b.mp4", sound=False)).has_audio


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "15", "60"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_frame_rate_is_exact(tmp_path, rate, suffix):
    assert clips.probe(film(tmp_path / f"a{suffix}", rate=rate)).fps == Fraction(rate)


def test_frames_are_float_rgb_in_order(tmp_path):
    clips.write_frames(tmp_path / "a.mp4", grey(12), fps=10)
    frames = list(clips.read_frames(tmp_path / "a.mp4"))
    assert all(f.shape == (48, 64, 3) and f.dtype == np.float32 for f in frames)
    assert np.allclose(levels(frames), [20 + 10 * i for i in range(12)], atol=1)


def test_colours_survive(tmp_path):
    colours = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.5, 0.7]])
    picture = np.repeat(np.repeat(colours[None], 64, 0), 16, 1)
    clips.write_frames(tmp_path / "a.mp4", [picture] * 3, fps=10)
    back = next(clips.read_frames(tmp_path / "a.mp4"))
    assert np.abs(back[8::16, 8::16] - picture[8::16, 8::16]).max() < 0.03


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "folder"])
def test_start_end_every_pick_frames(tmp_path, name):
    clips.write_frames(tmp_path / name, grey(12), fps=25)
    cut = {"start": 0.12, "end": 0.4, "every": 2}
    clip = clips.probe(tmp_path / name, **cut)
    assert (clip.frames, clip.fps, clip.start) == (4, Fraction(25, 2), pytest.approx(0.12))
    frames = list(clips.read_frames(tmp_path / name, **cut))
    assert np.allclose(levels(frames), [50, 70, 90, 110], atol=2)
    everything = list(clips.read_frames(tmp_path / name))
    assert all(np.array_equal(a, b) for a, b in zip(frames, everything[3:10:2], strict=True))
    assert levels(clips.read_frames(clip)) == levels(frames)


def test_size_is_the_longest_side(tmp_path):
    film(tmp_path / "a.mp4", size="128x72")
    assert next(clips.read_frames(tmp_path / "a.mp4", size=64)).shape == (36, 64, 3)
    clip = clips.probe(tmp_path / "a.mp4", size=64)
    assert (clip.width, clip.height) == (64, 36)
    clips.write_frames(tmp_path / "folder", grey(2, (72, 128)), fps=10)
    assert next(clips.read_frames(tmp_path / "folder", size=64)).shape == (36, 64, 3)


def test_reading_can_stop_midway(tmp_path):
    frames = clips.read_frames(film(tmp_path / "a.mp4", seconds=5))
    next(frames)
    frames.close()


def test_rotation_is_applied(tmp_path):
    film(tmp_path / "flat.mp4", sound=False)
    ff("-display_rotation", 90, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "turned.mp4")
    clip = clips.probe(tmp_path / "turned.mp4")
    assert (clip.width, clip.height, clip.rotation) == (48, 64, 90)
    flat, turned = (next(clips.read_frames(tmp_path / f"{name}.mp4")) for name in ("flat", "turned"))
    assert np.abs(np.rot90(flat) - turned).mean() < 0.03


def test_pixels_come_out_square(tmp_path):
    film(tmp_path / "a.mp4", "-vf", "setsar=2/1", sound=False)
    assert next(clips.read_frames(tmp_path / "a.mp4")).shape == (48, 128, 3)


def test_ten_bit_video_is_read(tmp_path):
    film(tmp_path / "a.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p10le", sound=False)
    assert len(list(clips.read_frames(tmp_path / "a.mkv"))) == 10


def test_a_variable_rate_keeps_time(tmp_path):
    clips.write_frames(tmp_path / "steady", grey(8), fps=10)
    hold = "setpts='if(lt(N,4),N,N+4)*0.1/TB'"  # the fourth picture is held for half a second
    steady = ["-framerate", 1000, "-i", tmp_path / "steady" / "%06d.png"]
    ff(*steady, "-vf", hold, "-fps_mode", "vfr", "-c:v", "ffv1", tmp_path / "a.mkv")
    with pytest.warns(NstlibNote, match="its rate varies; made constant, 10 frames a second: 4 frames repeated"):
        clip = clips.probe(tmp_path / "a.mkv")
    assert clip.variable and clip.fps == 10
    shown = levels(clips.read_frames(clip))
    assert np.allclose(shown, [20, 30, 40, 50, 50, 50, 50, 50, 60, 70, 80, 90], atol=1)
    with pytest.warns(NstlibNote):
        assert levels(clips.read_frames(tmp_path / "a.mkv", start=0.5, end=0.9)) == shown[5:9]


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_rate_and_count_are_read_back(tmp_path, name):
    written = clips.write_frames(tmp_path / name, grey(10), fps=20)
    clip = clips.probe(tmp_path / name)
    assert (clip.frames, clip.fps, clip.width, clip.height) == (10, 20, 64, 48)
    assert (written.frames, written.fps, written.note) == (10, 20, "")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_gif_holds_its_colours_and_says_its_limits(tmp_path):
    film(tmp_path / "a.mp4")
    written = clips.write_frames(tmp_path / "a.gif", grey(12), fps=60, audio=tmp_path / "a.mp4")
    assert "at most 50 frames a second, not 60" in written.note and "no sound" in written.note
    assert clips.probe(tmp_path / "a.gif").duration == pytest.approx(0.2, abs=0.021)


def test_a_folder_is_read_in_natural_order(tmp_path):
    for number, level in ((1, 10), (2, 20), (10, 100), (9, 90)):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), np.full((4, 4, 3), level, np.uint8))
    (tmp_path / "notes.txt").write_text("not a frame")
    with pytest.warns(NstlibNote) as notes:
        clip = clips.probe(tmp_path)
    assert levels(clips.read_frames(clip)) == [10, 20, 90, 100] and clip.fps == 25
    assert [note.message.args[0].split(": ", 1)[1] for note in notes] == list(clip.notes)
    assert clip.notes[0] == "numbers are missing: 3 to 8; the frames around them follow one another"
    assert clip.notes[1].startswith("a folder of images has no rate; 25 frames a second are taken")
    assert levels(clips.read_frames(tmp_path / "frame2.png")) == [20]


def test_pngs_keep_every_bit(tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.float32) / 255
    clips.write_frames(tmp_path / "folder", [frame], fps=10)
    assert np.array_equal(next(clips.read_frames(tmp_path / "folder")), frame)


@pytest.mark.parametrize("shape", [(47, 63), (1, 1), (48, 63), (2, 1)])
def test_odd_sides_are_padded_said_and_undone(tmp_path, shape):
    written = clips.write_frames(tmp_path / "a.mp4", grey(3, shape), fps=10)
    assert f"{shape[1]}x{shape[0]} is stored as" in written.note
    assert clips.probe(tmp_path / "a.mp4").frames == 3
    frames = list(clips.read_frames(tmp_path / "a.mp4"))
    assert frames[0].shape == (*shape, 3)
    assert np.allclose(levels(frames), [20, 30, 40], atol=1)


def test_mp4s_play_in_browsers(tmp_path):
    clips.write_frames(tmp_path / "a.mp4", grey(10), fps=10, audio=film(tmp_path / "b.mp4"))
    _, _, log = ffmpeg.call("-i", url(tmp_path / "a.mp4"))
    assert "h264" in log and "yuv420p" in log and "aac" in log
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("sound", "expected"), [(3, 1.0), (0.5, 0.5)])
def test_sound_is_cut_to_the_picture(tmp_path, sound, expected):
    ff("-f", "lavfi", "-i", "testsrc2=d=1:r=10:s=64x48", "-f", "lavfi", "-i", f"sine=d={sound}", tmp_path / "in.mp4")
    clips.write_frames(tmp_path / "out.mp4", grey(10), fps=10, audio=tmp_path / "in.mp4")
    samples, rate = sound_of(tmp_path / "out.mp4", tmp_path)
    assert len(samples) / rate == pytest.approx(expected, abs=0.05)
    assert clips.probe(tmp_path / "out.mp4").duration == 1.0


@pytest.mark.parametrize("every", [1, 3])
def test_sound_stays_in_step_with_start_and_end(tmp_path, every):
    beep = "aevalsrc=if(gte(t\\,1)\\,0.5*sin(2000*t)\\,0):d=2"  # silence, and a tone from second 1 on
    ff("-f", "lavfi", "-i", "testsrc2=d=2:r=30:s=64x48", "-f", "lavfi", "-i", beep, tmp_path / "in.mp4")
    clip = clips.probe(tmp_path / "in.mp4", start=0.5, end=1.7, every=every)
    clips.write_frames(tmp_path / "out.mp4", clips.read_frames(clip), fps=clip.fps, audio=clip)
    assert onset(tmp_path / "out.mp4", tmp_path) == pytest.approx(0.5, abs=0.03)
    assert clips.probe(tmp_path / "out.mp4").duration == pytest.approx(1.2)


def test_pictures_that_begin_late_keep_their_sound_in_step(tmp_path):
    film(tmp_path / "a.mp4", sound=False)
    tone = "aevalsrc=if(gte(t\\,0.5)\\,0.5*sin(2000*t)\\,0):d=1.4"
    late = ["-itsoffset", 0.4, "-i", tmp_path / "a.mp4", "-f", "lavfi", "-i", tone, "-c:v", "copy"]
    ff(*late, tmp_path / "late.mkv")
    clip = clips.probe(tmp_path / "late.mkv")
    assert clip.start == pytest.approx(0.4, abs=0.02)
    clips.write_frames(tmp_path / "out.mp4", clips.read_frames(clip), fps=clip.fps, audio=clip)
    assert onset(tmp_path / "out.mp4", tmp_path) == pytest.approx(0.1, abs=0.03)


def test_sound_that_begins_after_the_picture_does_so_again(tmp_path):
    film(tmp_path / "a.mp4", sound=False)
    ff(
        "-i",
        tmp_path / "a.mp4",
        "-itsoffset",
        0.4,
        "-f",
        "lavfi",
        "-i",
        "sine=d=0.6",
        "-c:v",
        "copy",
        tmp_path / "b.mkv",
    )
    clips.write_frames(tmp_path / "out.mp4", clips.read_frames(tmp_path / "b.mkv"), fps=10, audio=tmp_path / "b.mkv")
    assert onset(tmp_path / "out.mp4", tmp_path) == pytest.approx(0.4, abs=0.03)


def test_a_clip_without_sound_is_fine(tmp_path):
    source = film(tmp_path / "a.mp4", sound=False)
    clips.write_frames(tmp_path / "b.mp4", grey(3), fps=10, audio=source)
    assert not clips.probe(tmp_path / "b.mp4").has_audio


def test_sound_that_is_over_before_the_start_is_fine(tmp_path):
    ff("-f", "lavfi", "-i", "testsrc2=d=2:r=10:s=64x48", "-f", "lavfi", "-i", "sine=d=0.5", tmp_path / "in.mp4")
    clip = clips.probe(tmp_path / "in.mp4", start=1.5)
    assert clips.write_frames(tmp_path / "b.mp4", clips.read_frames(clip), fps=10, audio=clip).frames == 5
    assert clips.probe(tmp_path / "b.mp4").frames == 5


@pytest.mark.parametrize(
    "name", ["a b.mp4", 'it\'s "quoted".mp4', "-y.mp4", "ключ ☃.mp4", "concat:a|b.mp4", "http:x.mp4"]
)
def test_any_name_is_a_file_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    clips.write_frames(name, grey(3), fps=10)
    assert clips.probe(name).frames == 3
    clips.write_frames(name.replace(".mp4", ".gif"), clips.read_frames(name), fps=10, audio=name)
    assert clips.probe(name.replace(".mp4", ".gif")).frames == 3


def test_one_frame_is_a_clip(tmp_path):
    clips.write_frames(tmp_path / "a.mp4", grey(1), fps=10)
    clip = clips.probe(tmp_path / "a.mp4")
    assert (clip.frames, clip.fps) == (1, 10)
    assert len(list(clips.read_frames(clip))) == 1


def test_a_size_that_changes_midway(tmp_path):
    for name, size in (("a", "64x48"), ("b", "32x24")):
        film(tmp_path / f"{name}.ts", size=size, sound=False)
    (tmp_path / "both.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    assert {f.shape for f in clips.read_frames(tmp_path / "both.ts")} == {(48, 64, 3)}
    folder = tmp_path / "folder"
    clips.write_frames(folder, grey(2), fps=10)
    cv2.imwrite(str(folder / "000003.png"), np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(NstlibError, match=r"000003\.png is 20x10, the clip begins as 64x48"):
        list(clips.read_frames(folder))


def test_a_truncated_clip_is_refused_and_its_beginning_is_not(tmp_path):
    whole = film(tmp_path / "a.mp4", "-movflags", "+faststart", seconds=4)
    data = whole.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(NstlibError, match=r"cut short: \d+ frames"):
        list(clips.read_frames(tmp_path / "cut.mp4"))
    assert len(list(clips.read_frames(tmp_path / "cut.mp4", end=0.5))) == 5
    (tmp_path / "head.mp4").write_bytes(data[:200])
    with pytest.raises(NstlibError, match="no video that can be read"):
        clips.probe(tmp_path / "head.mp4")


def test_what_is_no_clip_is_one_line(tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "nothing").mkdir()
    ff("-f", "lavfi", "-i", "sine=d=0.2", tmp_path / "song.m4a")
    cases = {
        "text.mp4": "no video that can be read: moov atom not found",
        "empty.mp4": "no video that can be read",
        "broken.png": "no picture",
        "nothing": "holds no images",
        "song.m4a": "has sound and no picture",
        "missing.mp4": "no such clip",
    }
    for name, message in [*cases.items(), *cases.items()]:  # said again, it is said as well
        with pytest.raises(NstlibError, match=message) as caught:
            clips.probe(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_ranges_are_checked(tmp_path):
    film(tmp_path / "a.mp4")
    for bad in ({"start": -1}, {"start": 2, "end": 1}, {"every": 0}, {"size": 0}):
        with pytest.raises(NstlibError, match="expected 0 <= start < end"):
            clips.probe(tmp_path / "a.mp4", **bad)
    with pytest.raises(NstlibError, match=r"no frame from 5 s on: it lasts 1.000 s"):
        clips.probe(tmp_path / "a.mp4", start=5)


def test_writing_refuses_clearly(tmp_path):
    (tmp_path / "file").write_text("")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("")
    cases = [
        (tmp_path / "a.mp4", [], "no frames to write"),
        (tmp_path / "a.avi", grey(1), "choose from .mp4, .mov, .webm, .gif, .webp, a name without"),
        (tmp_path / "file" / "a.mp4", grey(1), "there is no folder"),
        (full, grey(1), "not empty"),
        (tmp_path / "b.mp4", [np.zeros((4, 4, 3)), np.zeros((4, 6, 3))], r"frame 1 is \(4, 6, 3\)"),
    ]
    for path, frames, message in cases:
        with pytest.raises(NstlibError, match=message):
            clips.write_frames(path, frames, fps=10)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "full"]


def test_an_unwritable_name_is_one_line(tmp_path):
    with pytest.raises(NstlibError, match="cannot write"):
        clips.write_frames(tmp_path / f"{'x' * 250}.mp4", grey(1), fps=10)


def test_a_failure_midway_leaves_the_old_file(tmp_path):
    def broken():
        yield from grey(2)
        raise KeyboardInterrupt

    for name in ("a.mp4", "a.gif"):
        clips.write_frames(tmp_path / name, grey(4), fps=10)
        with pytest.raises(KeyboardInterrupt):
            clips.write_frames(tmp_path / name, broken(), fps=10)
        assert clips.probe(tmp_path / name).frames == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gif", "a.mp4"]


@pytest.mark.parametrize("name", ["a.mp4", "folder"])
def test_a_full_disk_is_one_line(tmp_path, name):
    noise = np.random.default_rng(0).random((64, 64, 3), np.float32)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))  # a file may not grow beyond 2000 bytes
    try:
        with pytest.raises(NstlibError, match="cannot write"):
            clips.write_frames(tmp_path / name, [noise] * 5, fps=10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not any(tmp_path.iterdir())


def test_ffmpegs_reason_is_found():
    log = "[mp4 @ 0x1] x\n[out#0/mp4 @ 0x2] Error writing trailer: No space left on device\nConversion failed!\n"
    assert ffmpeg.why(log) == "No space left on device"
    assert ffmpeg.why("[in#0 @ 0x5] moov atom not found\nError opening input files: Invalid\n") == "moov atom not found"
    assert ffmpeg.why("") == "ffmpeg gives no reason"


def test_memory_is_flat(tmp_path):
    code = """
import resource, sys
from nstlib.media import clips
frames = clips.read_frames(sys.argv[1])
clips.write_frames(sys.argv[2], frames, fps=25)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for count in (10, 200):
        source = film(tmp_path / f"{count}.mp4", rate=25, seconds=count / 25, size="160x120", sound=False)
        call = [sys.executable, "-c", code, str(source), str(tmp_path / f"{count}.out.mp4")]
        peaks.append(int(subprocess.run(call, check=True, capture_output=True, text=True).stdout))
    assert peaks[1] <= peaks[0] * 1.05


def test_a_folder_is_not_replaced_by_a_video(tmp_path):
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(NstlibError, match="out.mp4 is a folder; name a file in it"):
        clips.write_frames(tmp_path / "out.mp4", [np.zeros((16, 16, 3), np.float32)], fps=10)
    assert (tmp_path / "out.mp4").is_dir()
