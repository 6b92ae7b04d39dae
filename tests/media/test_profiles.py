"""Colours come out as sRGB, whatever says what they are: ICC profiles, PNG's chunks, HEIF's codes, EXIF."""

import io
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from nstlib.errors import NstlibNote
from nstlib.media import images, profiles

PATCHES = np.uint8([[(180, 60, 50), (60, 160, 70)], [(50, 80, 170), (190, 160, 120)]])
PICTURE = PATCHES.repeat(24, axis=0).repeat(32, axis=1)  # (48, 64, 3)

# The colorants that these spaces' published profiles hold, adapted to D50, and their gammas.
SPACES = {
    "adobe": ([(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)], 2.19921875),
    "p3": ([(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)], 2.2),
    "prophoto": ([(0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)], 1.8),
}


def icc(space, kind, pcs, tags):
    """An ICC profile, version 2, of these tags."""
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78), **tags}
    tags[b"cprt"] = b"text" + bytes(4) + b"none\0"
    tags[b"wtpt"] = xyz(0.9642, 1, 0.8249)
    table, data, offset = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", offset + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    size = struct.pack(">I", offset + len(data))
    date, light = struct.pack(">6H", 2026, 1, 1, 0, 0, 0), xyz(0.9642, 1, 0.8249)[8:]
    head = size + bytes(4) + b"\x02\x40\0\0" + kind + space + pcs + date + b"acsp" + bytes(28) + light + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + data


def xyz(*values):
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def gamma(value):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256)) + bytes(2)


def rgb_profile(name):
    colorants, exponent = SPACES[name]
    tags = {b"rgb"[i : i + 1] + b"XYZ": xyz(*colorants[i]) for i in range(3)}
    return icc(b"RGB ", b"mntr", b"XYZ ", tags | {b"rgb"[i : i + 1] + b"TRC": gamma(exponent) for i in range(3)})


def grey_profile(exponent):
    return icc(b"GRAY", b"mntr", b"XYZ ", {b"kTRC": gamma(exponent)})


INKS = np.uint8([(0, 174, 239), (236, 0, 140), (255, 242, 0), (35, 31, 32)])


def cmyk_profile():
    """A table of 16 mixtures of four inks, each the product of its inks' colours."""
    corners = [[(n >> (3 - ink)) & 1 for ink in range(4)] for n in range(16)]
    colors = np.uint8(
        [np.prod([INKS[i] / 255 for i in range(4) if c[i]] + [np.ones(3)], axis=0) * 255 for c in corners]
    )
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(colors[None]), to_lab)) ^ np.uint8([0, 128, 128])
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (i in (0, 4, 8)) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + straight * 4 + lab.tobytes() + straight * 3
    return icc(b"CMYK", b"prtr", b"Lab ", {b"A2B0": table})


def encoded(profile, picture=PICTURE):
    """The sRGB picture's values in a profile's space."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    made = ImageCms.profileToProfile(Image.fromarray(picture), ImageCms.createProfile("sRGB"), opened)
    return np.asarray(made)


def png(pixels, **chunks):
    """A PNG's bytes with these chunks."""
    info = PngImagePlugin.PngInfo()
    for name, data in chunks.items():
        info.add(name.encode(), data)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def patches(source):
    """The four patches' colours, 0 to 255."""
    image = images.load(source)
    height, width = image.shape[:2]
    return image[height // 4 :: height // 2, width // 4 :: width // 2] * 255


def assert_right(source, within=3):
    np.testing.assert_allclose(patches(source), PATCHES, atol=within)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_profile_is_converted_in_every_format(space, kind):
    profile, lossy = rgb_profile(space), kind in ("JPEG", "AVIF")
    options = {"quality": 100} | ({"subsampling": "4:4:4"} if lossy else {})
    data = saved(Image.fromarray(encoded(profile)), kind, icc_profile=profile, **(options if kind != "PNG" else {}))
    assert_right(data, within=3 + 4 * lossy * (space == "prophoto"))  # a step there is up to four here
    with Image.open(io.BytesIO(data)) as picture:
        np.testing.assert_array_equal(images.load(picture), images.load(data))


def test_a_profile_counts_for_transparent_and_for_palette_pictures():
    profile = rgb_profile("adobe")
    picture = Image.fromarray(encoded(profile))
    assert_right(saved(picture.quantize(16), "PNG", icc_profile=profile))
    picture.putalpha(128)
    image = images.load(saved(picture, "PNG", icc_profile=profile))
    expected = PICTURE * (128 / 255) + 255 - 128
    np.testing.assert_allclose(image * 255, expected, atol=3)
    palette = picture.convert("RGB").quantize(16)
    clear = saved(palette, "PNG", icc_profile=profile, transparency=palette.getpixel((0, 0)))
    np.testing.assert_array_equal(images.load(clear)[:20, :20], 1)


@pytest.mark.parametrize("value", [0, 30, 55, 200, 255])
def test_a_grey_profile_is_converted_at_8_and_16_bits(value):
    linear, profile = value / 255, grey_profile(1.0)
    expected = 255 * (linear * 12.92 if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)
    for picture in (np.full((4, 5), value, np.uint8), np.full((4, 5), value * 257, np.uint16)):
        image = images.load(saved(Image.fromarray(picture), "PNG", icc_profile=profile))
        np.testing.assert_allclose(image * 255, expected, atol=1.5)


def test_a_grey_picture_with_a_profile_of_colours_stays_grey():
    image = images.load(saved(Image.new("L", (4, 4), 128), "JPEG", icc_profile=rgb_profile("adobe")))
    np.testing.assert_allclose(image * 255, 128, atol=2)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_goes_through_its_profile(kind):
    profile, ink = cmyk_profile(), np.eye(4, dtype=np.uint8) * 255
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    for each, expected in [*zip(ink, INKS, strict=True), (ink[0] * 0, (255, 255, 255))]:
        picture = Image.new("CMYK", (16, 16), tuple(map(int, each)))
        image = images.load(saved(picture, kind, icc_profile=profile, **options))
        np.testing.assert_allclose(image[8, 8] * 255, expected, atol=4)


def test_lab_becomes_srgb():
    lab = ImageCms.profileToProfile(
        Image.fromarray(PICTURE), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    for source in (saved(lab, "TIFF"), lab):  # a step of 8-bit Lab is up to five of red in a blue
        assert_right(source, within=4)


def linear(values):
    v = values / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def fixed(*values):
    return struct.pack(f">{len(values)}I", *(round(v * 100_000) for v in values))


BT709 = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # as cHRM has it, the white first
P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)


@pytest.mark.parametrize("exponent", [1.0, 0.55556, 0.7])
def test_png_gamma_alone(exponent):
    pixels = np.rint(255 * linear(PICTURE) ** exponent).astype(np.uint8)
    assert_right(png(pixels, gAMA=fixed(exponent)))
    with Image.open(io.BytesIO(png(pixels, gAMA=fixed(exponent)))) as picture:
        assert_right(picture)


def test_png_gamma_of_the_usual_screen_is_srgb():
    for chunks in ({"gAMA": fixed(0.45455)}, {"gAMA": fixed(0.45455), "cHRM": fixed(*BT709)}, {"cHRM": fixed(*BT709)}):
        np.testing.assert_array_equal(images.to_uint8(images.load(png(PICTURE, **chunks))), PICTURE)


def test_linear_light_in_16_bits_keeps_its_darks(tmp_path):
    import cv2

    dark = np.linspace(0, 40, 64).astype(np.uint8)[None, :, None].repeat(3, 2)
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.rint(65535 * linear(dark)).astype(np.uint16))
    data = path.read_bytes()
    gama = struct.pack(">I", 4) + b"gAMA" + fixed(1.0)
    data = data[:33] + gama + struct.pack(">I", __import__("zlib").crc32(gama[4:])) + data[33:]
    np.testing.assert_array_equal(images.to_uint8(images.load(data)), dark)


def test_png_primaries_are_what_little_cms_makes_of_them():
    pixels = encoded(rgb_profile("p3"))
    assert_right(png(pixels, gAMA=fixed(1 / 2.2), cHRM=fixed(*P3)), within=8)  # sRGB's curve stands for 2.2
    v = np.rint(255 * (pixels / 255) ** (2.2 * 0.7)).astype(np.uint8)
    assert_right(png(v, gAMA=fixed(0.7), cHRM=fixed(*P3)), within=4)


def test_png_codes_of_display_p3():
    assert_right(png(in_codes(), cICP=bytes([12, 13, 0, 1])))


def hdr(transfer):
    """The patches and SDR white in BT.2020 with PQ or HLG, as BT.2408 places them."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    picture = np.concatenate([PICTURE, np.full((48, 32, 3), 255, np.uint8)], axis=1)
    nits = 203 * linear(picture) @ to_2020.T
    if transfer == 16:
        p = (nits / 10000) ** 0.1593017578125
        value = ((0.8359375 + 18.8515625 * p) / (1 + 18.6875 * p)) ** 78.84375
    else:
        scene = 0.265 * nits / 203
        value = np.where(
            scene <= 1 / 12,
            np.sqrt(3 * scene),
            0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
        )
    return np.rint(255 * value).astype(np.uint8)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_rolled_off_and_said(transfer):
    with pytest.warns(NstlibNote, match="is HDR"):
        image = images.load(png(hdr(transfer), cICP=bytes([9, transfer, 0, 1]))) * 255
    assert image[:, 70:].min() >= 235
    found = image[12::24, [16, 48]]
    np.testing.assert_allclose(found, PATCHES, atol=12)


def test_highlights_rise_to_white_without_a_step():
    light = np.linspace(0, 6, 500)[:, None].repeat(3, 1)
    rolled = profiles._rolled_off(light)[:, 0]
    steps = np.diff(rolled)
    assert rolled.max() <= 1 and (steps >= -1e-9).all() and abs(np.diff(steps)).max() < 1e-3
    np.testing.assert_allclose(rolled[light[:, 0] < profiles.KNEE], light[light[:, 0] < profiles.KNEE, 0])


def test_pngs_chunks_have_the_order_of_the_specification():
    pixels, profile = encoded(rgb_profile("adobe")), rgb_profile("adobe")
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", fixed(1.0))
    assert_right(saved(Image.fromarray(pixels), "PNG", pnginfo=info, icc_profile=profile))
    np.testing.assert_array_equal(images.to_uint8(images.load(png(PICTURE, gAMA=fixed(1.0), sRGB=b"\0"))), PICTURE)
    info.add(b"cICP", bytes([1, 13, 0, 1]))
    with_codes = saved(Image.fromarray(PICTURE), "PNG", pnginfo=info, icc_profile=profile)
    np.testing.assert_array_equal(images.to_uint8(images.load(with_codes)), PICTURE)


def test_cameras_say_adobe_rgb_in_exif():
    pixels = Image.fromarray(encoded(rgb_profile("adobe")))
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 65535
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {1: "R03"}
    assert_right(saved(pixels, "JPEG", quality=100, subsampling=0, exif=exif))
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 1
    plain = images.load(saved(pixels, "JPEG", quality=100, subsampling=0, exif=exif))
    np.testing.assert_allclose(plain * 255, pixels, atol=3)


@pytest.mark.parametrize(
    "broken",
    [b"no profile", rgb_profile("adobe")[:200], rgb_profile("adobe")[:-40], grey_profile(1.0), cmyk_profile()],
    ids=["bytes", "cut", "cut late", "grey", "cmyk"],
)
def test_a_broken_profile_is_a_note_and_no_failure(broken, tmp_path):
    path = tmp_path / "odd.jpg"
    Image.fromarray(PICTURE).save(path, quality=100, subsampling=0, icc_profile=broken)
    with pytest.warns(NstlibNote, match=r"odd.jpg has a colour profile that cannot be used .*; its colours"):
        assert_right(path)


def test_chromaticities_that_mean_nothing_are_a_note():
    for chunks in ({"cHRM": fixed(0.3, 0.3, *[0.5] * 6)}, {"cHRM": bytes(32)}, {"gAMA": bytes(4), "cHRM": bytes(32)}):
        with pytest.warns(NstlibNote, match="mean no colours"):
            assert_right(png(PICTURE, **chunks))
    with pytest.warns(NstlibNote, match="unknown kind \\(code 99\\)"):
        assert_right(png(PICTURE, cICP=bytes([99, 13, 0, 1])))


def test_srgbs_own_profile_changes_no_bit():
    np.testing.assert_array_equal(
        images.to_uint8(images.load(saved(Image.fromarray(PICTURE), "PNG", icc_profile=profiles.srgb_profile()))),
        PICTURE,
    )


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_results_say_that_they_are_srgb(tmp_path, name):
    image = images.load(PICTURE)
    first = images.save(tmp_path / name, image).read_bytes()
    with Image.open(tmp_path / name) as picture:
        if name == "a.png":
            assert picture.info["srgb"] == 0
        else:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
            assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert_right(tmp_path / name)
    assert images.save(tmp_path / name, image).read_bytes() == first


def in_codes():
    """The patches in Display P3 with sRGB's curve, for which code 12 of H.273 stands with code 13."""
    return np.rint(255 * profiles.srgb_encoded((encoded(rgb_profile("p3")) / 255) ** 2.2)).astype(np.uint8)


def test_avif_says_its_colours_in_codes():
    data = saved(Image.fromarray(in_codes()), "AVIF", quality=100, subsampling="4:4:4")
    codes = data.index(b"colrnclx") + 8
    assert_right(data[:codes] + struct.pack(">H", 12) + data[codes + 2 :], within=4)


def test_heic_has_its_profile_its_codes_and_its_turn():
    heif = pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif")
    for orientation in range(1, 9):
        exif, data = Image.Exif(), io.BytesIO()
        exif[ExifTags.Base.Orientation] = orientation
        heif.from_pillow(Image.fromarray(PICTURE)).save(data, quality=-1, exif=exif.tobytes())
        upright = (48, 64) if orientation < 5 else (64, 48)
        assert images.shape_of(data.getvalue()) == upright == images.load(data.getvalue()).shape[:2]

    picture, data = heif.from_pillow(Image.fromarray(in_codes())), io.BytesIO()
    picture.info["nclx_profile"] = {
        "color_primaries": 12,
        "transfer_characteristics": 13,
        "matrix_coefficients": 6,
        "full_range_flag": 1,
    }
    picture.save(data, quality=-1, chroma=444, save_nclx_profile=True)
    assert_right(data.getvalue(), within=4)

    profile = rgb_profile("p3")
    data = io.BytesIO()
    heif.from_pillow(Image.fromarray(encoded(profile))).save(data, quality=-1, chroma=444, icc_profile=profile)
    assert_right(data.getvalue(), within=4)
    assert images.shape_of(data.getvalue()) == PICTURE.shape[:2]


def test_heic_without_its_reader_is_one_line(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(struct.pack(">I4s4s", 24, b"ftyp", b"heic") + b"\0\0\0\0mif1heic" + bytes(40))
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(images.NstlibError, match=r"a.heic is HEIC; to read it, pip install pillow-heif"):
        images.load(path)
    with pytest.raises(images.NstlibError, match="is HEIC"):
        images.shape_of(path)
