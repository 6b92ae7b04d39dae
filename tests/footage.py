"""Small clips made by program: pans over blobs, flashes and clicks at known times, patches of known colours."""

import subprocess
import wave

import cv2
import imageio_ffmpeg
import numpy as np

from nstlib.media import clips

FLASHES = (0.6, 1.4)  # s: of picture and sound alike, in clips of 2 s


def texture(height=64, width=96, seed=0, sigma=2):
    """Blobs of colour, (H, W, 3)."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((height, width, 3), np.float32), (0, 0), sigma)
    return (noise - noise.min()) / (noise.max() - noise.min())


def pan(count, shape=(64, 96), *, step=2, seed=0, sigma=2):
    """Frames of a camera that moves over them, by `step` pixels a frame."""
    wide = texture(shape[0], shape[1] + step * count, seed, sigma)
    return [np.ascontiguousarray(wide[:, i * step : i * step + shape[1]]) for i in range(count)]


def ff(*arguments):
    """One call of ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-v", "error", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def url(path):
    return f"file:{path}"


def encode(path, frames, *options, rate=10, pix_fmt="rgb24", size=None):
    """uint8 or uint16 arrays, the last two or three axes a picture's, through ffmpeg into a file."""
    frames = np.asarray(frames)
    frames = frames if frames.dtype == np.uint16 else frames.astype(np.uint8)
    size = size or f"{frames.shape[2]}x{frames.shape[1]}"
    raw = ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", size, "-r", str(rate), "-i", "pipe:0"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *raw, *map(str, options), url(path)]
    subprocess.run(command, check=True, capture_output=True, input=frames.tobytes())
    return path


def flashing(path, *options, rate=25, times=FLASHES, sound=True, seconds=2):
    """Dark grey, white for one frame at each time; a click of 20 ms at each time."""
    frames = "+".join(f"eq(n\\,{round(time * rate)})" for time in times)
    picture = f"color=0x404040:s=64x48:r={rate}:d={seconds},drawbox=t=fill:color=white:enable={frames}"
    when = "+".join(f"between(t\\,{time}\\,{time + 0.02})" for time in times)
    clicks = ["-f", "lavfi", "-i", f"aevalsrc=0.8*sin(6283*t)*({when}):d={seconds}:s=48000"] if sound else []
    ff("-f", "lavfi", "-i", picture, *clicks, *options, url(path))
    return path


def flash_times(clip):
    """Seconds of the frames that are white."""
    bright = [frame.mean() > 0.6 for frame in clips.read_frames(clip)]
    return [float(number / clip.fps) for number in np.flatnonzero(bright)]


def sound_of(path, folder):
    """(samples in [-1, 1], samples a second) of a file's sound."""
    ff("-i", url(path), "-vn", "-ac", 1, folder / "sound.wav")
    with wave.open(str(folder / "sound.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768, file.getframerate()


def click_times(path, folder):
    """Seconds at which the sound begins after silence."""
    samples, rate = sound_of(path, folder)
    loud = np.flatnonzero(np.abs(samples) > 0.1) / rate
    return [float(time) for time, before in zip(loud, [-1, *loud], strict=False) if time - before > 0.2]


def passed_through(path, folder, **options):
    """(what `probe` says, the flashes and clicks of the clip that is written from it)."""
    clip = clips.probe(path, **options)
    out = folder / "through.mp4"
    clips.write_frames(out, clips.read_frames(clip), fps=clip.fps, audio=clip)
    written = clips.probe(out)
    assert (written.frames, written.fps) == (clip.frames, clip.fps)
    return clip, flash_times(written), click_times(out, folder) if clip.has_audio else []
