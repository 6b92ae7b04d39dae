"""Every door takes what people hold; anything else is one line that says what arrived."""

import io

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from nstlib.errors import NstlibError, NstlibNote
from nstlib.media import images

PIXELS = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
IMAGE = PIXELS / np.float32(255)


def data(kind="PNG", picture=PIXELS, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


class Tensor:
    """A tensor of any library: it gives an array when asked."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


def held(tmp_path):
    """The same picture in every form."""
    path = tmp_path / "²1 é.png"
    path.write_bytes(data())
    late = io.BytesIO(data())
    late.seek(0, io.SEEK_END)  # where writing it has left it
    yield from (path, str(path), os_path(path), data(), bytearray(data()), memoryview(data()), io.BytesIO(data()), late)
    yield from (Image.open(io.BytesIO(data())), Image.fromarray(PIXELS), PIXELS, IMAGE, IMAGE.astype(np.float64))
    yield from (PIXELS[None], IMAGE[None], Tensor(IMAGE[None]), Tensor(PIXELS), PIXELS.astype(np.uint16) * 257)
    yield np.dstack([PIXELS, np.full((6, 8), 255, np.uint8)])


def os_path(path):
    class Named:
        def __fspath__(self):
            return str(path)

    return Named()


def test_every_form_of_a_picture_is_the_same_picture(tmp_path):
    for given in held(tmp_path):
        np.testing.assert_allclose(images.load(given), IMAGE, atol=1e-6)
        assert images.load(given).dtype == np.float32 and images.shape_of(given) == (6, 8)
        taken = images.take(given)
        for _ in range(2):  # what is taken can be read again and again, as a stream cannot
            np.testing.assert_allclose(images.load(taken), IMAGE, atol=1e-6)


def test_an_open_file_and_a_pipe_are_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(data())
    with path.open("rb") as file:
        np.testing.assert_allclose(images.load(file), IMAGE, atol=1e-6)

    class Pipe:
        def read(self):
            return data()

    np.testing.assert_allclose(images.load(Pipe()), IMAGE, atol=1e-6)


def test_tensorflows_tensors_are_pictures():
    import tensorflow as tf

    for given in (tf.constant(IMAGE), tf.constant(IMAGE[None]), tf.Variable(IMAGE[None]), tf.constant(PIXELS)):
        np.testing.assert_allclose(images.load(given), IMAGE, atol=1e-6)
    for kind in (tf.bfloat16, tf.float16):
        np.testing.assert_allclose(images.load(tf.cast(IMAGE[None], kind)), IMAGE, atol=0.004)


def test_grey_arrays_and_masks_of_any_form():
    grey = PIXELS[..., 0]
    expected = np.repeat(grey[..., None], 3, 2) / 255
    for given in (grey, grey[..., None], grey[None], grey[None, ..., None], grey / 255.0, grey.astype(np.uint16) * 257):
        np.testing.assert_allclose(images.load(given), expected, atol=1e-6)
    np.testing.assert_array_equal(images.load(grey > 9)[..., 0], grey > 9)
    np.testing.assert_array_equal(images.load_masks([Tensor(grey[None] > 9)], PIXELS[None], 1)[0], grey > 9)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "a picture is None; give a path, bytes, an open file, a PIL image, an array or a tensor"),
        (3, "a picture is of type int; give"),
        ([[0.5]], "a picture is of type list; give"),
        (object(), "of type object"),
        (io.StringIO("a"), "opened as text; open it with mode 'rb'"),
        (b"", "the picture in 0 bytes is no picture"),
        (data("BMP")[:-30], "the picture in 168 bytes is truncated or damaged"),
        (np.zeros((4, 6, 8, 3)), r"array is \(4, 6, 8, 3\), a batch of 4; give one picture of it, such as x\[0\]"),
        (np.zeros((3, 60, 80)), r"array is \(3, 60, 80\); its channels stand first; give \(H, W\), \(H, W, 3\)"),
        (np.zeros((6, 8, 3), np.int64), "array is int64; give uint8, uint16, bool, or floats in"),
        (np.zeros((6, 8, 3), complex), "array is complex128"),
        (np.full((6, 8, 3), 255.0), "values from 255 to 255; give floats in"),
        (np.array("photo.jpg"), r"array is \(\)"),
        (Image.new("RGB", (0, 4)), "a PIL image is 0 x 4: it has no pixels"),
        ("https://example.org/a.jpg", "is an address; download the picture"),
    ],
)
def test_anything_else_is_one_line_that_says_what_arrived(given, said):
    with pytest.raises(NstlibError, match=said) as error:
        images.load(given)
    assert "\n" not in str(error.value)


def test_closed_files_and_tensors_that_give_no_array_are_one_line(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(data())
    with path.open("rb") as file:
        pass
    with pytest.raises(NstlibError, match="is a file that cannot be read: .*closed"):
        images.load(file)
    with Image.open(path) as picture:
        pass
    with pytest.raises(NstlibError, match="a.png cannot be decoded"):
        images.load(picture)

    class Symbolic:
        def __array__(self, dtype=None, copy=None):
            raise NotImplementedError("no values")

    with pytest.raises(NstlibError, match="which gives no array: no values"):
        images.load(Symbolic())


def test_one_or_several():
    assert [len(images.take_all(one)) for one in (PIXELS, PIXELS[None], data(), "a.png", io.BytesIO(data()))] == [1] * 5
    assert len(images.take_all([PIXELS, "a.png"])) == 2 == len(images.take_all(p for p in (PIXELS, data())))
    with pytest.raises(NstlibError, match="a style is None"):
        images.take_all(None, "a style")
    with pytest.raises(NstlibError, match="a style is of type int"):
        images.take_all([3], "a style")


MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
MODES += ["I", "F", "I;16", "I;16B", "I;16L"]


@pytest.mark.parametrize("mode", MODES)
def test_pil_images_of_every_mode_are_pictures(mode):
    image = images.load(Image.new(mode, (8, 6)))
    assert image.shape == (6, 8, 3) and image.dtype == np.float32 and np.isfinite(image).all()
    clear = mode in ("LA", "La", "PA", "RGBA", "RGBa", "CMYK")  # nothing at all, over white; no ink
    if mode not in ("LAB", "YCbCr"):
        assert (image == clear).all()


def test_pil_images_are_left_as_they_are():
    picture = Image.open(io.BytesIO(data("JPEG", np.zeros((600, 800, 3), np.uint8))))
    assert images.load(picture, size=80).shape == (60, 80, 3)
    assert picture.size == (800, 600) and picture.mode == "RGB"


TURNED = {  # what is stored for each orientation of an upright picture
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}
KINDS = ["TIFF", "PNG", "WEBP", "AVIF", "JPEG"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", TURNED)
def test_every_orientation_comes_out_upright_with_its_shape(kind, orientation):
    upright = np.zeros((30, 40, 3), np.uint8)
    upright[:15, :20], upright[:15, 20:], upright[15:, :20] = (220, 40, 40), (40, 200, 40), (40, 40, 220)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"TIFF": {}, "PNG": {}, "WEBP": {"lossless": True}}.get(kind, {"quality": 100, "subsampling": "4:4:4"})
    stored = data(kind, np.ascontiguousarray(TURNED[orientation](upright)), exif=exif, **options)
    image = images.load(stored)
    np.testing.assert_allclose(image * 255, upright, atol=4 if kind in ("JPEG", "AVIF") else 0)
    assert images.shape_of(stored) == (30, 40) == images.shape_of(Image.open(io.BytesIO(stored)))
    assert images.load(stored, size=20).shape == (15, 20, 3)
    assert images.load_masks([stored], upright, 1)[0].shape == (30, 40)
    assert images.load_masks([upright], stored, 1)[0].shape == (30, 40)


@pytest.mark.parametrize("kind", [".png", ".tiff"])
def test_16_bits_of_three_colours_keep_their_range(tmp_path, kind):
    pixels = np.random.default_rng(0).integers(0, 65536, (6, 8, 4), np.uint16)
    path = tmp_path / f"deep{kind}"
    cv2.imwrite(str(path), pixels[..., :3])
    np.testing.assert_allclose(images.load(path), pixels[..., 2::-1] / 65535, atol=1e-6)
    cv2.imwrite(str(path), pixels)
    alpha = pixels[..., 3:] / 65535
    np.testing.assert_allclose(images.load(path), pixels[..., 2::-1] / 65535 * alpha + 1 - alpha, atol=1e-5)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(NstlibError, match="deep.*(truncated|no picture)"):
        images.load(path)


def test_tiffs_of_floats(tmp_path):
    values = np.random.default_rng(0).random((6, 8, 3)).astype(np.float32)
    path = tmp_path / "f.tiff"
    Image.fromarray(values[..., 0]).save(path)
    np.testing.assert_allclose(images.load(path)[..., 1], values[..., 0], atol=1e-6)
    cv2.imwrite(str(path), values[..., ::-1])
    np.testing.assert_allclose(images.load(path), values, atol=1 / 255)
    Image.fromarray(values[..., 0] * 255).save(path)
    with pytest.raises(NstlibError, match="f.tiff has values from .* to 25.*; save it as 0 to 1"):
        images.load(path)
    values[0, 0, 0] = 1.7
    Image.fromarray(values[..., 0]).save(path)
    with pytest.warns(NstlibNote, match="f.tiff has values to 1.7; what lies outside 0 to 1 is cut"):
        assert images.load(path).max() == 1


def test_transparent_palettes_and_colours_lie_on_white():
    palette = Image.fromarray(PIXELS).quantize(8)
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=bytes([0] * 4 + [255] * 4))
    clear = np.asarray(palette) < 4
    image = images.load(file.getvalue())
    assert (image[clear] == 1).all() and (image[~clear] < 1).any()
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    np.testing.assert_array_equal(images.load(data(picture=red, transparency=(255, 0, 0))), 1)
    np.testing.assert_array_equal(images.load(data(picture=red[..., 1], transparency=0)), 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "GIF", "BMP", "PPM", "JPEG2000"])
def test_a_truncated_file_of_any_kind_is_one_line(kind):
    rng = np.random.default_rng(0)
    whole = data(kind, rng.integers(0, 256, (90, 90, 3), np.uint8))
    for share in (0.02, 0.3, 0.6, 0.9):
        with pytest.raises(NstlibError) as error:
            images.load(whole[: int(len(whole) * share)])
        assert "\n" not in str(error.value) and "bytes is" in str(error.value)
