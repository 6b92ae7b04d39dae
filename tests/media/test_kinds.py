"""Clips of every kind that people have, made here: times, tracks, colours, fields, turns, transparency, animations."""

import av
import numpy as np
import pytest
from footage import FLASHES, click_times, encode, ff, flash_times, flashing, passed_through, url
from PIL import Image

from nstlib.errors import NstlibError, NstlibNote
from nstlib.media import clips, demux

X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "3", "-x264-params", "b-pyramid=normal:scenecut=0"]
MPEG2 = ["-c:v", "mpeg2video", "-bf", "2", "-g", "12", "-q:v", "4"]
ALT_REF = ["-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "200k"]
KINDS = {
    "xvid.avi": ["-c:v", "mpeg4", "-vtag", "xvid", "-bf", "2", "-q:v", "3", "-c:a", "libmp3lame"],
    "h264.avi": [*X264, "-c:a", "libmp3lame"],
    "mjpeg.avi": ["-c:v", "mjpeg", "-q:v", "3", "-c:a", "pcm_s16le"],
    "mpeg2.mpg": [*MPEG2, "-c:a", "mp2"],
    "mpeg2.vob": [*MPEG2, "-c:a", "ac3"],
    "mpeg2.ts": [*MPEG2, "-c:a", "mp2"],
    "h264.ts": [*X264, "-c:a", "aac"],
    "h264.mkv": [*X264, "-c:a", "aac"],
    "h264.flv": [*X264, "-c:a", "aac"],
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1", "-c:a", "aac"],
    "mpeg4.3gp": ["-c:v", "mpeg4", "-bf", "2", "-c:a", "aac"],
    "vp8.webm": ["-c:v", "libvpx", *ALT_REF, "-c:a", "libvorbis"],
    "vp9.webm": ["-c:v", "libvpx-vp9", *ALT_REF, "-cpu-used", "5", "-c:a", "libopus"],
    "wmv.wmv": ["-c:v", "wmv2", "-q:v", "3", "-c:a", "wmav2"],
    "prores.mov": ["-c:v", "prores_ks", "-c:a", "pcm_s16le"],
}


@pytest.mark.parametrize("name", KINDS)
def test_flashes_and_clicks_stay_where_they_are(name, tmp_path):
    clip, flashes, clicks = passed_through(flashing(tmp_path / name, *KINDS[name]), tmp_path)
    late = 0.06 if name.endswith(".avi") else 0.02  # AVI has no presentation times: all of it begins with its delay
    assert (clip.frames, clip.fps, clip.duration, clip.variable) == (50, 25, 2.0, False)
    assert np.allclose(flashes, FLASHES, atol=0.001 if late == 0.02 else late)
    assert np.allclose(clicks, FLASHES, atol=late) and np.allclose(flashes, clicks, atol=0.02)


@pytest.mark.parametrize("name", ["raw.h264", "raw.m2v", "raw.hevc", "raw.m4v"])
@pytest.mark.parametrize("rate", ["30", "24000/1001"])
def test_a_raw_stream_has_its_frames_in_order_at_its_own_rate(name, rate, tmp_path):
    codec = {"h264": X264, "m2v": MPEG2, "hevc": KINDS["hevc.mp4"][:4], "m4v": KINDS["mpeg4.3gp"][:4]}[name[4:]]
    levels = np.arange(40, 220, 6, np.uint8)
    encode(tmp_path / name, levels[:, None, None, None].repeat(48, 1).repeat(64, 2).repeat(3, 3), *codec, rate=rate)
    clip = clips.probe(tmp_path / name)
    assert (clip.frames, clip.fps) == (30, clips.usual_rate(clips.Fraction(rate)))
    assert np.allclose([255 * frame.mean() for frame in clips.read_frames(clip)], levels, atol=3)


def test_a_stream_without_a_rate_says_so_and_takes_one(tmp_path):
    flashing(tmp_path / "a.mjpeg", "-c:v", "mjpeg", sound=False)
    with pytest.warns(NstlibNote, match="says no rate; 25 frames a second are taken, --fps sets another"):
        assert clips.probe(tmp_path / "a.mjpeg").fps == 25
    assert clips.probe(tmp_path / "a.mjpeg", fps=50).duration == 1
    with pytest.raises(NstlibError, match="has a rate of its own; leave out fps=50"):
        clips.probe(flashing(tmp_path / "a.mp4"), fps=50)


def test_the_hidden_frames_are_there_to_be_passed_over(tmp_path):
    for number in (1, 2):
        passes = ["-pass", number, "-passlogfile", tmp_path / "log"]
        noise = "testsrc2=s=64x48:r=25:d=2,noise=alls=20:allf=t"
        ff("-f", "lavfi", "-i", noise, *KINDS["vp8.webm"][:-2], *passes, tmp_path / "a.webm")
    with av.open(str(tmp_path / "a.webm")) as file:
        packets = sum(packet.size > 0 for packet in file.demux(video=0))
    assert packets > 50 == clips.probe(tmp_path / "a.webm").frames


@pytest.mark.parametrize("first", [0x82, 0x84, 0x92, 0xB0])
def test_vp9_packets_that_are_only_referred_to_are_known(first):
    shown = bool(first & 0b10) if first != 0xB0 else False
    packet = av.Packet(bytes([first, 0, 0]))
    assert demux._hidden(packet) != shown
    assert not demux._hidden(av.Packet(bytes([first, 0, 0b11000000])))  # a superframe shows one of its frames
    assert not demux._hidden(av.Packet(bytes([first | 0b1000, 0, 0]))) or first == 0xB0  # an earlier one is shown


def test_a_stream_cut_from_a_longer_one_begins_with_what_can_be_decoded(tmp_path):
    options = ["-c:v", "libx265", "-x265-params", "log-level=error:open-gop=1:keyint=10:min-keyint=10:scenecut=0"]
    flashing(tmp_path / "whole.ts", *options, "-c:a", "aac")
    ff("-ss", 0.45, "-i", tmp_path / "whole.ts", "-c", "copy", tmp_path / "cut.mkv")
    clip, flashes, clicks = passed_through(tmp_path / "cut.mkv", tmp_path)
    assert len(flashes) == len(clicks) == 1 and np.allclose(flashes, clicks, atol=0.02) and clip.fps == 25


def test_pictures_with_a_varying_rate_stay_with_their_sound(tmp_path):
    slow = "select='lt(n,20)+not(mod(n,2))'"  # 30 a second, and half as many from frame 20 on
    flashing(tmp_path / "whole.mkv", "-c:v", "ffv1", "-c:a", "pcm_s16le", rate=30)
    ff("-i", tmp_path / "whole.mkv", "-vf", slow, "-fps_mode", "vfr", *X264, "-c:a", "aac", tmp_path / "a.mp4")
    with pytest.warns(NstlibNote, match="its rate varies; made constant, 30 frames a second: 20 frames repeated"):
        clip, flashes, clicks = passed_through(tmp_path / "a.mp4", tmp_path)
    assert (clip.fps, clip.frames) == (30, 60)
    assert np.allclose(sorted({round(t, 1) for t in flashes}), FLASHES) and np.allclose(clicks, FLASHES, atol=0.02)


def test_frames_that_come_faster_for_a_while_are_not_lost(tmp_path):
    flashing(tmp_path / "whole.mkv", "-c:v", "ffv1", rate=50, sound=False, times=(0.1, 0.22, 1.4))
    ff(
        "-i",
        tmp_path / "whole.mkv",
        "-vf",
        "select='lt(n,20)+not(mod(n,2))'",
        "-fps_mode",
        "vfr",
        *X264,
        tmp_path / "a.mp4",
    )
    with pytest.warns(NstlibNote, match="constant, 50 frames a second: 40 frames repeated$"):
        clip = clips.probe(tmp_path / "a.mp4")
    assert flash_times(clip)[:2] == [0.1, 0.22] and clip.frames == 100


def test_a_picture_that_stays_to_the_end_does(tmp_path):
    theora = ["-c:v", "libtheora", "-q:v", "8", "-c:a", "libvorbis"]  # it leaves out frames that stay the same
    with pytest.warns(NstlibNote, match="its rate varies"):
        clip, flashes, clicks = passed_through(flashing(tmp_path / "a.ogv", *theora), tmp_path)
    assert clip.duration == 2 and np.allclose([flashes, clicks], [FLASHES] * 2, atol=0.02)


@pytest.mark.parametrize(("name", "codecs"), [("a.ts", [*X264, "-c:a", "aac"]), ("a.mpg", [*MPEG2, "-c:a", "mp2"])])
@pytest.mark.parametrize("later", [0, 1.3, 3600])
def test_recordings_that_were_joined_play_on(name, codecs, later, tmp_path):
    first = flashing(tmp_path / f"first-{name}", *codecs)
    ff("-i", first, "-c", "copy", "-output_ts_offset", later, tmp_path / f"second-{name}")
    (tmp_path / name).write_bytes(first.read_bytes() + (tmp_path / f"second-{name}").read_bytes())
    clip, flashes, clicks = passed_through(tmp_path / name, tmp_path)
    assert (clip.frames, clip.fps) == (100, 25) and np.allclose(flashes, [0.6, 1.4, 2.6, 3.4])
    assert np.allclose(clicks, flashes, atol=0.04)  # the sound of the first part is longer by a part of a packet


# sound


def two_tracks(path, *options, late=(0.25, 0.5), language=("fra", "eng")):
    """A flash at 0.5 s, and two tracks with a click each."""
    picture = ["-f", "lavfi", "-i", "color=0x404040:s=64x48:r=30:d=1,drawbox=t=fill:color=white:enable=eq(n\\,15)"]
    click = "aevalsrc=0.8*sin(6283*t)*between(t\\,{0}\\,{0}+0.02):d=1:s=48000"
    sounds = [part for time in late for part in ("-f", "lavfi", "-i", click.format(time))]
    tags = [part for i, name in enumerate(language) for part in (f"-metadata:s:a:{i}", f"language={name}")]
    ff(*picture, *sounds, "-map", 0, "-map", 1, "-map", 2, *tags, *options, url(path))
    return path


ENGLISH = ["-disposition:a:0", "0", "-disposition:a:1", "default"]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov"])
def test_the_default_track_is_kept_and_the_other_named(name, tmp_path):
    two_tracks(tmp_path / name, *X264, "-c:a", "aac", *ENGLISH)
    with pytest.warns(NstlibNote, match=r"sound track 2 \(aac, eng\) is kept, not 1 \(aac, fra\): --audio N takes"):
        clip, flashes, clicks = passed_through(tmp_path / name, tmp_path)
    assert clip.audio == 2 and np.allclose([flashes, clicks], 0.5, atol=0.02)
    clip, _, clicks = passed_through(tmp_path / name, tmp_path, audio=1)
    assert clip.notes == () and np.allclose(clicks, 0.25, atol=0.02)
    assert not clips.probe(tmp_path / name, audio=False).has_audio
    for number in (0, 3, -1):
        with pytest.raises(NstlibError, match=rf"tracks 1 \(aac, fra\), 2 \(aac, eng\); there is no track {number}"):
            clips.probe(tmp_path / name, audio=number)


def undecodable(path, old, new, count=1):
    path.write_bytes(path.read_bytes().replace(old, new, count))
    return path


@pytest.mark.parametrize(("name", "old", "new"), [("a.mov", b"sowt", b"apac"), ("a.mkv", b"A_FLAC", b"A_XYZ1")])
def test_a_track_that_cannot_be_decoded_gives_way_beforehand(name, old, new, tmp_path):
    first = ["-disposition:a:0", "default", "-disposition:a:1", "0"]
    codec = ["-c:a", "pcm_s16le" if name == "a.mov" else "flac"]
    path = undecodable(two_tracks(tmp_path / name, *X264, *codec, *first), old, new)
    with pytest.warns(NstlibNote, match=r"sound track 1 \(.*fra\) cannot be decoded$"):
        clip, _, clicks = passed_through(path, tmp_path)
    assert clip.audio == 2 and np.allclose(clicks, 0.5, atol=0.02)
    with pytest.raises(NstlibError, match=r"sound track 1 \(.*fra\) cannot be decoded"):
        clips.probe(path, audio=1)
    undecodable(path, old, new)
    with pytest.warns(NstlibNote, match=r"1 \(.*fra\), 2 \(.*eng\) cannot be decoded: no sound"):
        clip, _, _ = passed_through(path, tmp_path)
    assert not clip.has_audio


def test_a_track_of_noise_gives_way_too(tmp_path):
    path = two_tracks(tmp_path / "a.mkv", *X264, "-c:a:0", "flac", "-c:a:1", "aac")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"fLaC", b"gNoM").replace(b"\xff\xf8", b"\0\0"))
    with pytest.warns(NstlibNote, match=r"sound track 1 .* cannot be decoded"):
        assert clips.probe(path).audio == 2


def test_words_in_a_title_are_no_sound(tmp_path):
    flashing(tmp_path / "a.mp4", "-metadata", "title=Stream #0:1, Audio: aac, rotation of 90 degrees", sound=False)
    clip = clips.probe(tmp_path / "a.mp4")
    assert not clip.has_audio and clip.rotation == 0 and clip.notes == ()


@pytest.mark.parametrize(("layout", "kept"), [("mono", 1), ("stereo", 2), ("5.1", 6), ("quad", 2)])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_sound_of_any_layout_goes_along(suffix, layout, kept, tmp_path):
    flashing(tmp_path / "a.mkv", *X264, "-af", f"aformat=channel_layouts={layout}", "-c:a", "flac")
    clip = clips.probe(tmp_path / "a.mkv")
    clips.write_frames(tmp_path / f"b{suffix}", clips.read_frames(clip), fps=clip.fps, audio=clip)
    with av.open(str(tmp_path / f"b{suffix}")) as file:
        assert file.streams.audio[0].codec_context.layout.nb_channels == kept
    assert np.allclose(click_times(tmp_path / f"b{suffix}", tmp_path), FLASHES, atol=0.02)


# pictures: which stream, which way up


def test_the_second_picture_stream_lends_nothing(tmp_path):
    flat = encode(tmp_path / "flat.mp4", np.full((5, 48, 64, 3), 90), *X264)
    ff("-display_rotation", 90, "-i", flat, "-c", "copy", tmp_path / "turned.mp4")
    ff("-i", flat, "-i", tmp_path / "turned.mp4", "-map", 0, "-map", 1, "-c", "copy", tmp_path / "two.mov")
    with pytest.warns(NstlibNote, match="1 further picture track left out"):
        clip = clips.probe(tmp_path / "two.mov")
    assert (clip.width, clip.height, clip.rotation) == (64, 48, 0)


def test_the_default_picture_stream_is_shown(tmp_path):
    dark, light = (encode(tmp_path / f"{v}.mp4", np.full((5, 48, 64, 3), v), *X264) for v in (50, 200))
    marks = ["-disposition:v:0", "0", "-disposition:v:1", "default"]
    ff("-i", dark, "-i", light, "-map", 0, "-map", 1, "-c", "copy", *marks, tmp_path / "two.mkv")
    with pytest.warns(NstlibNote, match="left out"):
        assert 255 * next(clips.read_frames(tmp_path / "two.mkv")).mean() == pytest.approx(200, abs=3)


CORNERS = np.full((48, 64, 3), 90, np.uint8)
CORNERS[:24, :32], CORNERS[:24, 32:], CORNERS[24:, :32] = (220, 40, 40), (40, 200, 40), (40, 40, 220)
TURNS = {
    ("-display_rotation", 90): np.rot90(CORNERS, 1),
    ("-display_rotation", 180): np.rot90(CORNERS, 2),
    ("-display_rotation", 270): np.rot90(CORNERS, 3),
    ("-display_hflip",): CORNERS[:, ::-1],
    ("-display_vflip",): CORNERS[::-1],
    ("-display_rotation", 90, "-display_hflip"): None,
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("sides", [(48, 64), (64, 64)])
def test_every_turn_is_the_players(turn, sides, tmp_path):
    encode(tmp_path / "flat.mp4", [CORNERS] * 3, *X264, "-vf", f"scale={sides[1]}:{sides[0]}", "-crf", 4)
    ff(*turn, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "turned.mp4")
    ff("-i", tmp_path / "turned.mp4", "-frames:v", 1, tmp_path / "shown.png")  # as ffmpeg turns it
    clip = clips.probe(tmp_path / "turned.mp4")
    shown, found = np.asarray(Image.open(tmp_path / "shown.png")), 255 * next(clips.read_frames(clip))
    assert found.shape == shown.shape == (clip.height, clip.width, 3)
    assert np.abs(found - shown).mean() < 4
    if TURNS[turn] is not None and sides == (48, 64):
        assert np.abs(found - TURNS[turn]).mean() < 6 and clip.rotation == (turn[1] if len(turn) == 2 else 0)


@pytest.mark.parametrize(("sar", "turn", "size"), [("4/3", 0, (85, 48)), ("1/2", 0, (32, 48)), ("4/3", 90, (48, 85))])
def test_pixels_that_are_not_square_become_so(sar, turn, size, tmp_path):
    encode(tmp_path / "flat.mp4", [CORNERS] * 2, *X264, "-vf", f"setsar={sar}")
    ff("-display_rotation", turn, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "a.mp4")
    clip = clips.probe(tmp_path / "a.mp4")
    assert (clip.width, clip.height) == size and next(clips.read_frames(clip)).shape == (size[1], size[0], 3)


# fields


def bar(path, *options, order="top"):
    """A bright bar that moves 4 px a field, interlaced: 10 frames of 96 rows, 25 a second."""
    fields = np.full((20, 96, 160, 3), 90)
    for number, field in enumerate(fields):
        field[:, 30 + 4 * number : 54 + 4 * number] = 200
    return encode(path, fields, "-vf", f"tinterlace=interleave_{order}", *options, rate=50)


def combing(frame):
    """By how much more neighbouring rows differ than rows two apart, of 255."""
    near, far = (np.abs(frame[step:] - frame[:-step])[: 96 - 2].mean(2) for step in (1, 2))
    return 255 * (near - far).max()


FIELDS = {
    "tff.mp4": ("top", [*X264, "-flags", "+ildct+ilme"]),
    "bff.mp4": ("bottom", [*X264, "-flags", "+ildct+ilme"]),
    "tff.ts": ("top", [*X264, "-flags", "+ildct+ilme"]),
    "bff.mpg": ("bottom", [*MPEG2, "-flags", "+ildct+ilme"]),
    "tff.vob": ("top", [*MPEG2, "-flags", "+ildct+ilme"]),
    "tff.mkv": ("top", ["-c:v", "ffv1"]),
    "bff.mov": ("bottom", ["-c:v", "prores_ks", "-flags", "+ildct"]),
    "tff.mov": ("top", ["-c:v", "mjpeg", "-q:v", "2", "-field_order", "tt"]),
}


@pytest.mark.parametrize("name", FIELDS)
def test_interlaced_frames_are_made_whole_and_that_is_said(name, tmp_path):
    order, options = FIELDS[name]
    with pytest.warns(NstlibNote, match="interlaced; deinterlaced"):
        clip = clips.probe(bar(tmp_path / name, *options, order=order))
    frames = list(clips.read_frames(clip))
    assert (len(frames), clip.fps) == (10, 25)
    assert max(map(combing, frames)) < 10
    places = [np.argmax(frame[40, :, 0] > 0.6) for frame in frames]
    assert all(6 <= step <= 10 for step in np.diff(places))  # 8 px a frame, forwards
    assert np.array_equal(next(clips.read_frames(replaced(clip, 7))), frames[7])  # the same wherever reading starts


def replaced(clip, number):
    from dataclasses import replace

    return replace(clip, picks=clip.picks[number : number + 1])


def test_progressive_frames_stay_as_they_are(tmp_path):
    still = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    encode(tmp_path / "a.mkv", [still] * 3, "-c:v", "ffv1", "-pix_fmt", "bgr0")
    assert np.array_equal(clips.images.to_uint8(next(clips.read_frames(tmp_path / "a.mkv"))), still)
    assert clips.probe(tmp_path / "a.mkv").notes == ()


# colours

PATCHES = np.array([(180, 60, 50), (60, 160, 70), (50, 80, 170), (128, 128, 128)], np.uint8)
SKIN = np.array([(224, 172, 145), (141, 85, 54)], np.uint8)
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def linear(colours):
    v = np.asarray(colours) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def hdr_frame(transfer, boost=1.0):
    """The patches, two skins and white, BT.2020 in yuv444p10le, (3, 48, 112): white is 203 nits, times `boost`."""
    colours = np.concatenate([PATCHES, SKIN, [(255, 255, 255)]])
    light = boost * linear(colours) @ TO_2020.T
    if transfer == "smpte2084":
        p = (203 * light / 10000) ** 0.1593017578125
        code = ((0.8359375 + 18.8515625 * p) / (1 + 18.6875 * p)) ** 78.84375
    elif transfer == "arib-std-b67":
        scene = 0.265 * light
        log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        code = np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)
    else:
        code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    luma = code @ np.array([0.2627, 0.678, 0.0593])
    planes = [64 + 876 * luma, 512 + 896 * (code[:, 2] - luma) / 1.8814, 512 + 896 * (code[:, 0] - luma) / 1.4746]
    return np.rint(planes).astype(np.uint16)[:, None, :].repeat(48, 1).repeat(16, 2)


HDR = {
    "a.mov": [
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=error:lossless=1",
        "-tag:v",
        "hvc1",
        "-pix_fmt",
        "yuv420p10le",
    ],
    "a.mp4": ["-c:v", "libx265", "-x265-params", "log-level=error:crf=12", "-pix_fmt", "yuv420p10le"],
    "a.mkv": ["-c:v", "ffv1", "-pix_fmt", "yuv444p10le"],
    "a.webm": ["-c:v", "libvpx-vp9", "-crf", "10", "-b:v", "0", "-pix_fmt", "yuv420p10le"],
}


def hdr_clip(path, transfer, boost=1.0):
    tags = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}:range=tv"
    frames = [hdr_frame(transfer, boost)] * 3
    return encode(path, frames, "-vf", tags, *HDR[path.name], pix_fmt="yuv444p10le", size="112x48")


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("name", HDR)
def test_hdr_is_tone_mapped(name, transfer, tmp_path):
    kind = "PQ" if transfer == "smpte2084" else "HLG"
    with pytest.warns(NstlibNote, match=rf"HDR \({kind}\); tone-mapped to SDR"):
        clip = clips.probe(hdr_clip(tmp_path / name, transfer))
    *patches, white = 255 * next(clips.read_frames(clip))[24, 8::16]
    assert white.min() >= 235
    assert np.allclose(patches[:4], PATCHES, atol=12) and np.allclose(patches[4:], SKIN, atol=12)


def test_highlights_keep_their_hue_and_find_room(tmp_path):
    with pytest.warns(NstlibNote, match="tone-mapped"):
        frame = next(clips.read_frames(hdr_clip(tmp_path / "a.mkv", "smpte2084", boost=4)))
    red, green, blue, _, _, _, white = 255 * frame[24, 8::16]
    assert white.min() > 245 and np.argmax(red) == 0 and np.argmax(green) == 1 and np.argmax(blue) == 2
    assert red[0] < 254 and red[1:].max() < 160  # bright, and still red


def test_ten_bits_of_bt2020_without_hdr_are_converted(tmp_path):
    clip = clips.probe(hdr_clip(tmp_path / "a.mkv", "bt2020-10"))
    *patches, white = 255 * next(clips.read_frames(clip))[24, 8::16]
    assert clip.notes == () and white.min() >= 253 and np.allclose(patches[:4], PATCHES, atol=4)


@pytest.mark.parametrize("sides", [(1280, 720), (640, 360)])
@pytest.mark.parametrize("full", [False, True])
def test_matrix_and_range_are_guessed_as_players_do(sides, full, tmp_path):
    picture = np.full((2, sides[1], sides[0], 3), (200, 60, 90), np.uint8)
    matrix, span = "bt709" if sides[0] >= 1280 else "bt601", "pc" if full else "tv"
    convert = (
        f"scale=out_color_matrix={matrix}:out_range={span},format=yuv444p,setparams=colorspace=unknown:range={span}"
    )
    encode(tmp_path / "a.mkv", picture, "-vf", convert, "-c:v", "ffv1")
    assert np.allclose(255 * next(clips.read_frames(tmp_path / "a.mkv"))[::50, ::50], (200, 60, 90), atol=2)


# transparency

RED = np.zeros((60, 80, 4), np.uint8)
RED[20:40, 30:50] = (230, 40, 40, 255)
RED[..., 1][RED[..., 3] == 0] = 180  # what must not be seen
ALPHA = {
    "prores.mov": ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"],
    "rle.mov": ["-c:v", "qtrle", "-pix_fmt", "argb"],
    "png.mov": ["-c:v", "png"],
    "ffv1.mkv": ["-c:v", "ffv1", "-pix_fmt", "bgra"],
    "vp8.webm": ["-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "1M"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "5", "-b:v", "0"],
    "a.gif": ["-lavfi", "split[a][b];[a]palettegen=reserve_transparent=1[p];[b][p]paletteuse"],
    "a.png": ["-f", "apng", "-plays", "0"],
    "a.webp": ["-c:v", "libwebp_anim", "-lossless", "1"],
}


@pytest.mark.parametrize("name", ALPHA)
@pytest.mark.parametrize(("background", "seen"), [("white", (255, 255, 255)), ("#102030", (16, 32, 48))])
@pytest.mark.filterwarnings("ignore::nstlib.errors.NstlibNote")
def test_transparent_parts_show_the_background(name, background, seen, tmp_path):
    frames = [np.roll(RED, shift, 1) for shift in (0, 4, 8)]
    clip = clips.probe(encode(tmp_path / name, frames, *ALPHA[name], pix_fmt="rgba"), background=background)
    shown = [255 * frame for frame in clips.read_frames(clip)]
    assert len(shown) == 3
    assert np.allclose(shown[0][:12], seen, atol=4) and np.allclose(shown[0][24:36, 34:46], (230, 40, 40), atol=9)
    if name.endswith(".webm"):  # whose chroma, of half the size, has mixed what is hidden into what is seen
        return
    smaller = clips.probe(tmp_path / name, background=background, size=40)
    edge = 255 * next(clips.read_frames(smaller))
    assert edge.shape == (30, 40, 3) and edge[..., 1].max() <= max(seen[1], 40) + 9  # no hidden green bleeds in


def test_a_background_is_a_colour_or_one_line(tmp_path):
    flashing(tmp_path / "a.mp4", sound=False)
    assert clips.probe(tmp_path / "a.mp4", background=(1, 2, 3)).background == (1, 2, 3)
    for bad in ("nocolour", "#12", (1, 2), (0, 0, 300), None):
        with pytest.raises(NstlibError, match="give a colour's name, #rrggbb, or three numbers"):
            clips.probe(tmp_path / "a.mp4", background=bad)


# animated pictures


def squares(count=6):
    """A yellow square that moves 10 px a frame."""
    for number in range(count):
        picture = np.full((60, 80, 3), 60, np.uint8)
        picture[20:40, 10 * number : 10 * number + 20] = (230, 220, 40)
        yield Image.fromarray(picture)


def place(frame):
    return int(np.argmax(frame[30, :, 0] > 0.6))


LOSSLESS = {"webp": {"lossless": True}, "avif": {"quality": 100}, "png": {}, "gif": {}}


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_an_animation_has_all_its_frames(suffix, tmp_path):
    first, *others = squares()
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=others, duration=100, **LOSSLESS[suffix])
    clip = clips.probe(tmp_path / f"a.{suffix}")
    assert (clip.frames, clip.fps, clip.variable, clip.notes) == (6, 10, False, ())
    assert np.allclose([place(frame) for frame in clips.read_frames(clip)], [0, 10, 20, 30, 40, 50], atol=1)
    assert [place(frame) for frame in clips.read_frames(tmp_path / f"a.{suffix}", start=0.3, every=2)] == pytest.approx(
        [30, 50], abs=1
    )


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_uneven_delays_are_kept(suffix, tmp_path):
    first, *others = squares()
    delays = [100, 300, 40, 100, 60, 250 if suffix != "gif" else 200]
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=others, duration=delays, **LOSSLESS[suffix])
    with pytest.warns(NstlibNote, match="its rate varies; made constant"):
        clip = clips.probe(tmp_path / f"a.{suffix}")
    assert clip.duration == pytest.approx(sum(delays) / 1000, abs=0.5 / float(clip.fps))
    shown = [round(place(frame), -1) for frame in clips.read_frames(clip)]
    held = [1000 * shown.count(10 * number) / float(clip.fps) for number in range(6)]
    assert held == pytest.approx(delays, abs=500 / float(clip.fps))


@pytest.mark.parametrize(("suffix", "called"), [("webp", "a.gif"), ("avif", "a.mp4"), ("png", "a"), ("gif", "a.mov")])
def test_an_animation_is_known_by_what_it_holds(suffix, called, tmp_path):
    first, *others = squares()
    first.save(tmp_path / f"b.{suffix}", save_all=True, append_images=others, duration=100, **LOSSLESS[suffix])
    (tmp_path / f"b.{suffix}").rename(tmp_path / called)
    clip = clips.probe(tmp_path / called)
    assert (clip.frames, clip.fps, len(list(clips.read_frames(clip)))) == (6, 10, 6)


def test_delays_too_short_are_shown_as_browsers_do(tmp_path):
    first, *others = squares(3)
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=0, lossless=True)
    assert clips.probe(tmp_path / "a.webp").fps == 10


def test_the_still_of_an_apng_is_not_in_its_animation(tmp_path):
    first, *others = squares(3)
    still = Image.new("RGB", first.size, "red")
    still.save(tmp_path / "a.png", save_all=True, append_images=[first, *others], duration=100, default_image=True)
    assert [place(frame) for frame in clips.read_frames(tmp_path / "a.png")] == [0, 10, 20]


def test_the_pages_of_a_tiff_are_frames(tmp_path):
    first, *others = squares()
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    with pytest.warns(NstlibNote, match="its pages have no rate; 25 frames a second are taken"):
        clip = clips.probe(tmp_path / "a.tif")
    assert [place(frame) for frame in clips.read_frames(clip)] == [0, 10, 20, 30, 40, 50] and clip.fps == 25
    assert clips.probe(tmp_path / "a.tif", fps=8).fps == 8
    described = "ImageJ=1.53t\nimages=6\nfinterval=0.2\n"
    first.save(tmp_path / "b.tif", save_all=True, append_images=others, description=described)
    assert clips.probe(tmp_path / "b.tif").fps == 5
    first.save(tmp_path / "c.tif", save_all=True, append_images=[others[0].resize((40, 30))])
    with pytest.raises(NstlibError, match=r"c\.tif, frame 2 is 40x30, the clip begins as 80x60"):
        list(clips.read_frames(clips.probe(tmp_path / "c.tif", fps=5)))


def test_a_damaged_animation_is_one_line(tmp_path):
    first, *others = squares()
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=100)
    data = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(data[: len(data) // 2])
    with pytest.raises(NstlibError, match="is truncated or damaged|is no picture that can be read"):
        list(clips.read_frames(tmp_path / "a.webp"))


# folders


def test_a_folder_keeps_the_rate_of_its_clip(tmp_path):
    flashing(tmp_path / "a.mp4", "-r", "30000/1001", rate=30)
    clip = clips.probe(tmp_path / "a.mp4")
    clips.write_frames(tmp_path / "frames", clips.read_frames(clip), fps=clip.fps, audio=clip)
    again = clips.probe(tmp_path / "frames")
    assert (again.fps, again.frames, again.notes) == (clip.fps, clip.frames, ())
    assert clips.probe(tmp_path / "frames", fps=10).fps == 10
    for damaged in ('{"fps": "0"}', "[]", "{", '{"fps": null}', '{"fps": "1/0"}', '{"fps": 1e999}'):
        (tmp_path / "frames" / "rate.json").write_text(damaged)
        with pytest.raises(NstlibError, match=r"rate\.json holds no rate; remove it and give --fps"):
            clips.probe(tmp_path / "frames")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((1, 2, 3), None),
        ((118, 119, 120), None),
        ((1, 2, 6, 7, 9), "numbers are missing: 3 to 5, 8"),
        ((0, 5, 10), "its numbers go in steps of 5"),
    ],
)
def test_gaps_are_said(numbers, said, tmp_path):
    for number in numbers:
        Image.new("RGB", (8, 8)).save(tmp_path / f"shot2_{number:04d}.png")
    if said is None:
        assert clips.probe(tmp_path, fps=10).notes == ()
        return
    with pytest.warns(NstlibNote, match=said):
        assert clips.probe(tmp_path, fps=10).frames == len(numbers)


def test_odd_names_are_names(tmp_path):
    for name in ("²1.png", "a٣.png", "%d.png", "-y.png", "no number.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    assert clips.probe(tmp_path, fps=10).frames == 5


# what is written

OUTPUTS = {
    "a.mp4": ({}, "h264", "aac"),
    "b.mp4": ({"codec": "hevc", "crf": 24}, "hevc", "aac"),
    "a.mov": ({}, "h264", "aac"),
    "b.mov": ({"codec": "hevc"}, "hevc", "aac"),
    "a.webm": ({}, "vp9", "opus"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_videos_say_their_colours_and_keep_their_sound(name, tmp_path):
    options, codec, sound = OUTPUTS[name]
    source = clips.probe(flashing(tmp_path / "source.mkv", *X264, "-c:a", "flac"))
    frames = [np.full((47, 63, 3), value, np.float32) for value in np.linspace(0.2, 0.8, 50)]
    written = clips.write_frames(tmp_path / name, frames, fps=25, audio=source, **options)
    with av.open(str(tmp_path / name)) as file:
        context = file.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert (context.codec.canonical_name, file.streams.audio[0].codec_context.codec.canonical_name) == (
            codec,
            sound,
        )
        assert codec != "hevc" or context.codec_tag == "hvc1"
    clip = clips.probe(tmp_path / name)
    assert (clip.frames, clip.fps, clip.width, clip.height) == (50, 25, 63, 47)
    assert bool(written.note) == (codec != "vp9")
    shown = [frame.mean() for frame in clips.read_frames(clip)]
    assert np.allclose(shown, np.linspace(0.2, 0.8, 50), atol=0.012)
    assert np.allclose(click_times(tmp_path / name, tmp_path), FLASHES, atol=0.02)


def test_an_animated_webp_is_written(tmp_path):
    frames = [np.full((20, 30, 3), value, np.float32) for value in np.linspace(0, 1, 9)]
    assert clips.write_frames(tmp_path / "a.webp", frames, fps=30).note == ""
    clip = clips.probe(tmp_path / "a.webp")
    assert (clip.frames, clip.fps) == (9, 30)
    assert np.allclose([frame.mean() for frame in clips.read_frames(clip)], np.linspace(0, 1, 9), atol=0.02)


def test_a_lower_crf_is_a_larger_file(tmp_path):
    noise = list(np.random.default_rng(0).random((5, 48, 64, 3), np.float32))
    for name, worst in {"a.mp4": 51, "a.webm": 63}.items():
        for crf in (5, worst):
            clips.write_frames(tmp_path / f"{crf}{name}", noise, fps=10, crf=crf)
        assert (tmp_path / f"5{name}").stat().st_size > 2 * (tmp_path / f"{worst}{name}").stat().st_size


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.webm", {"codec": "hevc"}, "a.webm: codec='hevc'; choose from vp9"),
        ("a.gif", {"codec": "h264"}, "a.gif takes no codec; leave out h264, or name a video"),
        ("a.mp4", {"codec": "av1"}, "a.mp4: codec='av1'; choose from h264, hevc"),
        ("a.mp4", {"crf": 52}, "a.mp4: crf=52; give a whole number from 0, the best, to 51"),
        ("a.webp", {"crf": 20}, "a.webp: crf=20; only a video takes it"),
        ("a.avi", {}, "choose from .mp4, .mov, .webm, .gif, .webp"),
        ("a.mkv", {}, "choose from .mp4, .mov, .webm, .gif, .webp"),
    ],
)
def test_what_cannot_be_written_is_one_line(name, options, message, tmp_path):
    with pytest.raises(NstlibError, match=message):
        clips.write_frames(tmp_path / name, [np.zeros((8, 8, 3))], fps=10, **options)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("stem", ["a%d", "%03d", "100 %", "-i", "ключ ☃", "it's; $(x)"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".gif", ".webp", ""])
def test_every_output_takes_every_name(stem, suffix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = [np.full((16, 16, 3), value, np.float32) for value in (0.2, 0.8)]
    clips.write_frames(f"{stem}{suffix}", frames, fps=10)
    found = clips.probe(f"{stem}{suffix}")
    assert (found.frames, found.fps) == (2, 10) and [path.name for path in tmp_path.iterdir()] == [f"{stem}{suffix}"]
