import numpy as np
import pytest
from conftest import smooth_noise
from PIL import Image

from nstlib.errors import NstlibError
from nstlib.media import colors, images

COLOR = (200, 100, 50)


def written(tmp_path, picture, name="picture.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


def test_every_mode_becomes_rgb_between_0_and_1(tmp_path):
    rgb = Image.new("RGB", (8, 6), COLOR)
    for mode, name in [("RGB", "a.png"), ("P", "p.png"), ("CMYK", "c.tif"), ("RGBA", "t.png"), ("YCbCr", "y.jpg")]:
        picture = rgb.quantize(4) if mode == "P" else rgb.convert(mode)
        image = images.load(written(tmp_path, picture, name))
        assert image.shape == (6, 8, 3) and image.dtype == np.float32
        np.testing.assert_allclose(image, np.broadcast_to(np.float32(COLOR) / 255, image.shape), atol=0.03)


def test_grey_has_three_equal_channels_and_16_bits_keep_their_range(tmp_path):
    np.testing.assert_allclose(images.load(written(tmp_path, Image.new("L", (4, 4), 51))), 0.2, atol=1e-6)
    deep = Image.fromarray(np.full((4, 4), 52428, np.uint16))
    np.testing.assert_allclose(images.load(written(tmp_path, deep)), 0.8, atol=1e-4)


def test_transparency_lies_on_white(tmp_path):
    image = images.load(written(tmp_path, Image.new("RGBA", (4, 4), (*COLOR, 0))))
    np.testing.assert_array_equal(image, 1)


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), c) for c in ((255, 0, 0), (0, 255, 0))]
    path = written(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(images.load(path)[0, 0], (1, 0, 0), atol=0.01)


def test_a_picture_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = written(tmp_path, Image.new("RGB", (8, 6)), "turned.jpg", exif=exif)
    assert images.load(path).shape == (8, 6, 3) == (*images.shape_of(path), 3)


def test_one_pixel_and_a_long_strip_load(tmp_path):
    assert images.load(written(tmp_path, Image.new("RGB", (1, 1))), size=32).shape == (32, 32, 3)
    assert images.load(written(tmp_path, Image.new("RGB", (20000, 2))), size=64).shape == (1, 64, 3)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_one_line_that_names_the_file(tmp_path, content):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(NstlibError, match="odd.png is no picture") as error:
        images.load(path)
    assert "\n" not in str(error.value)


def test_a_truncated_picture_is_one_line(tmp_path):
    for name in ("half.jpg", "half.png"):
        whole = written(tmp_path, Image.fromarray(images.to_uint8(smooth_noise(0, (90, 90)))), name)
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with pytest.raises(NstlibError, match=f"{name} is truncated or damaged"):
            images.load(whole)


def test_missing_files_and_folders_are_told_apart(tmp_path):
    with pytest.raises(NstlibError, match="no such file"):
        images.load(tmp_path / "missing.png")
    with pytest.raises(NstlibError, match="is a folder"):
        images.load(tmp_path)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2, 2)), np.zeros((0, 2, 3)), np.full((2, 2, 3), 255.0), np.full((2, 2), np.nan)]
)
def test_an_array_that_is_no_image_is_refused(array):
    with pytest.raises(NstlibError, match="array"):
        images.load(array)


def test_bytes_come_back_from_a_file_as_they_went(tmp_path):
    image = images.load((smooth_noise(3, (9, 11)) * 255).astype(np.uint8))
    path = images.save(tmp_path / "a.png", image, record={"style": "é", "weights": [1.5]})
    np.testing.assert_array_equal(images.load(path), image)
    assert images.read_record(path) == {"style": "é", "weights": [1.5]}
    assert images.read_record(images.save(tmp_path / "a.jpg", image, record={"a": 1})) == {"a": 1}


def test_a_record_that_readers_would_refuse_lies_beside(tmp_path):
    record = {"curve": [i / 7 for i in range(100_000)]}
    path = images.save(tmp_path / "a.png", np.zeros((4, 4, 3)), record=record)
    assert images.load(path).shape == (4, 4, 3) and images.read_record(path) == record
    images.save(path, np.zeros((4, 4, 3)), record={"newer": 1})
    assert images.read_record(path) == {"newer": 1}


def test_no_program_is_run_for_a_picture(tmp_path):
    path = written(tmp_path, Image.new("RGB", (4, 4)), "a.eps")
    with pytest.raises(NstlibError, match="is PostScript"):
        images.load(path)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    kept = images.save(tmp_path / "a.png", np.zeros((4, 4, 3)))
    before = kept.read_bytes()
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(NstlibError, match="a.png cannot be written: No space left"):
        images.save(kept, np.ones((4, 4, 3)))
    assert kept.read_bytes() == before and list(tmp_path.iterdir()) == [kept]


def test_outputs_that_cannot_be_are_refused_at_once(tmp_path):
    for path in (tmp_path / "a.bmpx", tmp_path / "none" / "a.png"):
        with pytest.raises(NstlibError, match=path.name):
            images.save(path, np.zeros((4, 4, 3)))


def test_a_picture_without_a_record_says_so(tmp_path):
    with pytest.raises(NstlibError, match="carries no record"):
        images.read_record(written(tmp_path, Image.new("RGB", (4, 4))))


def test_matched_colors_have_the_contents_mean_and_covariance():
    style, content = 0.3 + 0.2 * smooth_noise(4, (40, 50)), 0.4 + 0.1 * smooth_noise(5, (30, 30))
    matched = colors.match_colors(style, content).reshape(-1, 3)
    np.testing.assert_allclose(matched.mean(0), content.reshape(-1, 3).mean(0), atol=1e-3)
    np.testing.assert_allclose(np.cov(matched.T), np.cov(content.reshape(-1, 3).T), atol=1e-4)


def test_luminance_transfer_keeps_y_and_takes_chroma():
    a, b = 0.4 + 0.1 * smooth_noise(6, (20, 20)), 0.4 + 0.1 * smooth_noise(7, (20, 20))
    mixed = colors.with_chroma_of(a, b)
    np.testing.assert_allclose(colors.luminance(mixed), colors.luminance(a), atol=1e-3)
    np.testing.assert_allclose((mixed @ colors.YIQ.T)[..., 1:], (b @ colors.YIQ.T)[..., 1:], atol=1e-3)


def test_masks_must_fit_the_content_and_the_styles(tmp_path):
    content = written(tmp_path, Image.new("RGB", (8, 6)), "content.png")
    mask = written(tmp_path, Image.new("L", (8, 6), 255), "mask.png")
    other = written(tmp_path, Image.new("L", (6, 6), 255), "other.png")
    assert images.load_masks([mask], content, 1)[0].shape == (6, 8)
    with pytest.raises(NstlibError, match="2 masks for 1 styles"):
        images.load_masks([mask, mask], content, 1)
    with pytest.raises(NstlibError, match="other.png is 6 x 6, content is 8 x 6"):
        images.load_masks([other], content, 1)
    with pytest.raises(NstlibError, match="content.png is black everywhere"):
        images.load_masks([content], content, 1)


def test_resizing_keeps_the_mean_and_the_range():
    image = smooth_noise(8, (64, 48))
    np.testing.assert_allclose(images.resize(image, (16, 12)).mean((0, 1)), image.mean((0, 1)), atol=1e-5)
    grown = images.resize((image > 0.5).astype(np.float32), (100, 90))
    assert grown.min() >= 0 and grown.max() <= 1
