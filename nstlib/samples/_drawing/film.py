"""The sample clip as a file: frames and a soft soundtrack through ffmpeg."""

import tempfile
import wave
from collections.abc import Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from .noise import Array

RATE = 44100
CHORD = ((146.83, 0.0), (220.0, 0.12), (293.66, 0.5), (369.99, 0.9), (440.0, 1.3), (554.37, 1.7))  # D major 7: Hz, s
# one thread and no stamps of version or time: the same frames give the same file
EXACT = [
    "-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1",
]  # fmt: skip


def chime(time: Array, pitch: float, start: float) -> Array:
    """A soft bell: overtones of one pitch that swell and fade after `start`."""
    t = np.maximum(time - start, 0)
    tone = sum(np.sin(2 * np.pi * pitch * k * t) * np.exp(-1.3 * k * t) / k**1.6 for k in (1, 2, 3))
    return tone * (1 - np.exp(-t / 0.03))


def soundtrack(seconds: float, seed: int) -> Array:
    """A chord that opens note by note over a breath of surf: (samples, 2) float64 in [-1, 1]."""
    time = np.arange(round(seconds * RATE)) / RATE
    surf = np.random.default_rng(seed).standard_normal((time.size, 2))
    surf = np.cumsum(surf, 0) - np.cumsum(np.cumsum(surf, 0), 0) / np.arange(1, time.size + 1)[:, None]
    surf /= np.abs(surf).max() + 1e-9
    bells = sum(np.outer(chime(time, f, s), (0.5 + 0.3 * np.sin(f), 0.5 - 0.3 * np.sin(f))) for f, s in CHORD)
    fade = np.clip(np.minimum(time / 0.15, (seconds - time) / 0.4), 0, 1)[:, None]
    return 0.9 * fade * (0.3 * bells / np.abs(bells).max() * 2 + 0.03 * surf)


def write_sound(path: Path, sound: Array) -> None:
    """A 16-bit stereo WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def write(path: Path, frames: Iterable[Array], *, size: tuple[int, int], fps: int, sound: Array, crf: int = 15) -> None:
    """frames (H, W, 3) float32 in [0, 1] and a sound as H.264 yuv420p and AAC; the file appears when whole."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        tune, part = Path(folder, "sound.wav"), Path(folder, "part.mp4")
        write_sound(tune, sound)
        writer = imageio_ffmpeg.write_frames(
            str(part), size[::-1], fps=fps, codec="libx264", pix_fmt_out="yuv420p", quality=None, macro_block_size=1,
            audio_path=str(tune), audio_codec="aac", ffmpeg_log_level="error",
            output_params=["-crf", str(crf), "-preset", "veryslow", "-b:a", "96k", "-movflags", "+faststart", *EXACT],
        )  # fmt: skip
        writer.send(None)
        for frame in frames:
            writer.send(np.rint(frame * 255).astype(np.uint8))
        writer.close()
        part.replace(path)
