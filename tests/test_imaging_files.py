"""Image files of every kind, whole and damaged, read and written."""

import gzip
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deconv_ref.errors import DeconvRefError, DTypeError, ParameterError, ShapeError
from deconv_ref.imaging import list_images, read_idx, read_image, write_image
from deconv_ref.imaging.files import check_format

# Pillow warns of the damage that it then stumbles over.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

DATA = Path(__file__).parents[2] / "shared" / "data"
GREY = np.array([[0, 1, 128], [200, 254, 255]], np.uint8)
RGB = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14  # rows, columns, channels
ALPHA = np.array([[0, 255, 128], [1, 254, 77]], np.uint8)


def on_white(values, alpha):
    """Compose by the formula in floats, exact to half a level and away from halves here."""
    alpha = alpha.astype(np.float64) / 255
    return np.rint(values * alpha + 255 * (1 - alpha)).astype(np.uint8)


def save(folder, image, name="x.png", **options):
    path = folder / name
    image.save(path, **options)
    return path


def integers(path):
    return read_image(path, integers=True)


# --- what files may hold -------------------------------------------------------------------------


def test_grey(tmp_path):
    path = save(tmp_path, Image.fromarray(GREY))
    np.testing.assert_array_equal(integers(path), GREY[None], strict=True)
    expected = np.array([[k / 255 for k in row] for row in GREY.tolist()], np.float32)[None]
    np.testing.assert_array_equal(read_image(path), expected, strict=True)


def test_colour(tmp_path):
    x = read_image(save(tmp_path, Image.fromarray(RGB)))
    assert x.shape == (3, 2, 3)
    assert x.flags.c_contiguous
    assert x.flags.writeable
    np.testing.assert_array_equal(x, (RGB.transpose(2, 0, 1) / 255).astype(np.float32), strict=True)


def test_a_file_that_was_written_by_hand(tmp_path):
    path = tmp_path / "x.ppm"
    path.write_bytes(b"P6 2 1 255\n" + bytes([1, 2, 3, 40, 50, 60]))
    np.testing.assert_array_equal(integers(path)[:, 0], [[1, 40], [2, 50], [3, 60]])
    path.with_suffix(".pgm").write_bytes(b"P5 2 1 65535\n" + bytes([1, 2, 255, 254]))
    deep = integers(path.with_suffix(".pgm"))
    np.testing.assert_array_equal(deep, np.array([[[258, 65534]]], np.uint16), strict=True)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    values = GREY[..., None] if mode == "LA" else RGB
    layers = np.concatenate([values, ALPHA[..., None]], axis=2)
    got = integers(save(tmp_path, Image.fromarray(layers, mode)))
    expected = on_white(values, ALPHA[..., None]).transpose(2, 0, 1)
    np.testing.assert_array_equal(got, expected, strict=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_transparent_level_of_grey_is_white(tmp_path, dtype):
    white = np.iinfo(dtype).max
    pixels = np.array([[[7, 200, 9]]], dtype)
    got = integers(save(tmp_path, Image.fromarray(pixels[0]), transparency=200))
    np.testing.assert_array_equal(got, np.array([[[7, white, 9]]], dtype), strict=True)


def test_a_transparent_colour_is_white(tmp_path):
    got = integers(save(tmp_path, Image.fromarray(RGB), transparency=(42, 56, 70)))
    expected = RGB.copy()
    expected[(expected == (42, 56, 70)).all(axis=2)] = 255
    np.testing.assert_array_equal(got, expected.transpose(2, 0, 1), strict=True)


def test_palette(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 0, 0, 0, 70, 80, 90])
    image.putdata([2, 1, 0])
    expected = np.array([[70, 0, 10], [80, 0, 20], [90, 0, 30]], np.uint8)[:, None]
    np.testing.assert_array_equal(integers(save(tmp_path, image)), expected, strict=True)
    got = integers(save(tmp_path, image, transparency=1))
    expected[:, 0, 1] = 255
    np.testing.assert_array_equal(got, expected, strict=True)
    got = integers(save(tmp_path, image, transparency=bytes([255, 255, 51])))
    expected = np.array([[218, 0, 10], [220, 0, 20], [222, 0, 30]], np.uint8)[:, None]
    np.testing.assert_array_equal(got, expected, strict=True)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("order", "<>")
def test_sixteen_bits(tmp_path, suffix, order):
    pixels = np.array([[0, 1, 257], [40000, 65534, 65535]], np.uint16)
    image = Image.fromarray(pixels.astype(f"{order}u2"))
    path = save(tmp_path, image, f"x.{suffix}")
    np.testing.assert_array_equal(integers(path), pixels[None], strict=True)
    np.testing.assert_array_equal(read_image(path), (pixels[None] / 65535).astype(np.float32))


def test_one_bit(tmp_path):
    got = integers(save(tmp_path, Image.fromarray(np.array([[True, False]]))))
    np.testing.assert_array_equal(got, np.array([[[255, 0]]], np.uint8), strict=True)


def test_cmyk(tmp_path):
    inks = np.array([[[255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]]], np.uint8)
    got = integers(save(tmp_path, Image.fromarray(inks, "CMYK"), "x.tif"))
    expected = np.array([[0, 255, 255, 0], [255, 0, 255, 0], [255, 255, 0, 0]])[:, None]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_orientation_of_the_camera(tmp_path, orientation, deep):
    upright = np.array([[1, 2, 3], [4, 5, 6]], np.uint16 if deep else np.uint8)
    stored = {  # the standard tells where the stored first row and first column lie
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_array_equal(integers(path), upright[None], strict=True)


def test_the_first_frame_counts(tmp_path):
    frames = [Image.fromarray(np.full((2, 2), level, np.uint8)) for level in (9, 99)]
    path = save(tmp_path, frames[0], "x.tif", save_all=True, append_images=frames[1:])
    assert (integers(path) == 9).all()


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_without_a_white_are_refused(tmp_path, dtype):
    path = save(tmp_path, Image.fromarray(np.ones((2, 2), dtype)), "x.tif")
    with pytest.raises(
        ParameterError, match=r"read_image: path must be an image of .* it has 32-bit"
    ):
        read_image(path)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "jpg", "png", "ppm", "tif", "webp"])
def test_every_truncation_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    whole = save(tmp_path, Image.fromarray(noise), f"x.{suffix}").read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    for length in range(0, int(len(whole) * 0.8), 7):
        cut.write_bytes(whole[:length])
        with pytest.raises(ParameterError, match=r"read_image: path must be .* got .*cut\."):
            read_image(cut)


@settings(max_examples=150)
@given(st.data())
def test_damage_never_shows_the_decoder(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    suffix = data.draw(st.sampled_from(["bmp", "gif", "jpg", "png", "ppm", "tif", "webp"]))
    content = bytearray(save(folder, Image.fromarray(RGB), f"d.{suffix}").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / f"d.{suffix}").write_bytes(content)
    try:
        x = read_image(folder / f"d.{suffix}")
    except ParameterError as error:
        assert str(error).startswith("read_image: path must be")
    else:
        assert x.ndim == 3
        assert x.dtype == np.float32


def huge(rows, columns):
    """Write a PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("rows", "columns"), [(10_000, 10_000), (30_000, 30_000)])
def test_huge_images_are_refused(tmp_path, recwarn, rows, columns):
    path = tmp_path / "huge.png"
    path.write_bytes(huge(rows, columns))
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ParameterError, match=rf"at most {limit} pixels, got .*{rows * columns} pi"):
        read_image(path)
    assert not recwarn.list, "Pillow's warning, before the error"


def test_files_that_cannot_be_opened(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    for path, reason in (
        (tmp_path / "none.png", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "text.png", "cannot identify"),
    ):
        with pytest.raises(ParameterError, match=f"read_image: path must be .*{reason}"):
            read_image(path)
    with pytest.raises(ParameterError, match="read_image: path must be a path, got 3"):
        read_image(3)


def test_pillow_is_imported_when_needed():
    program = "import sys; sys.modules['PIL'] = sys.modules['scipy'] = None; import deconv_ref."
    subprocess.run([sys.executable, "-c", f"{program}imaging"], check=True, timeout=120)


def test_without_pillow_the_remedy_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DeconvRefError, match=r"read_image: Pillow is not .*pip install pillow"):
        read_image(tmp_path / "x.png")


# --- writing -------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    st.sampled_from([(1, np.uint8), (3, np.uint8), (1, np.uint16)]),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(["png", "tif", "TIFF"]),
    st.integers(0, 2**32),
)
def test_what_is_written_is_read(tmp_path_factory, kind, rows, columns, suffix, seed):
    channels, dtype = kind
    rng = np.random.default_rng(seed)
    x = rng.integers(0, np.iinfo(dtype).max, (channels, rows, columns), dtype, endpoint=True)
    path = tmp_path_factory.getbasetemp() / f"x.{suffix}"
    write_image(path, x[:, ::-1])
    np.testing.assert_array_equal(integers(path), x[:, ::-1], strict=True)
    if dtype == np.uint8:  # every level survives the way through floats
        write_image(path, read_image(path))
        np.testing.assert_array_equal(integers(path), x[:, ::-1], strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_rounded_and_clipped(tmp_path, dtype):
    x = np.array([[[-np.inf, -1, 0.49 / 255, 0.51 / 255, 0.5, 254.51 / 255, 1, np.inf]]], dtype)
    write_image(tmp_path / "x.pgm", x)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pgm"]
    content = (tmp_path / "x.pgm").read_bytes()
    assert content.endswith(bytes([0, 0, 0, 1, 128, 255, 255, 255]))
    assert content.startswith(b"P5\n8 1\n255\n")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    x = np.zeros((1, 2, 2), np.uint16)
    (tmp_path / "x.jpg").write_bytes(b"before")
    with pytest.raises(
        ParameterError, match="write_image: path must be a format that holds grey of uint16"
    ):
        write_image(tmp_path / "x.jpg", x)
    (tmp_path / "folder.png").mkdir()
    for path, reason in (
        (tmp_path / "folder.png", "directory"),
        (tmp_path / "no/x.png", "No such"),
    ):
        with pytest.raises(ParameterError, match=f"a file that can be written, got .*{reason}"):
            write_image(path, x)
    assert (tmp_path / "x.jpg").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "x.jpg"]


KINDS = {
    "grey": np.arange(100, 112, dtype=np.uint8).reshape(1, 3, 4),
    "RGB": np.random.default_rng(0).integers(0, 256, (3, 20, 20), np.uint8),
    "deep": np.arange(40000, 40012, dtype=np.uint16).reshape(1, 3, 4),
}
HELD = {  # as it is
    "bmp": {"grey", "RGB"},
    "pbm": set(),
    "pgm": {"grey", "deep"},
    "png": {"grey", "RGB", "deep"},
    "ppm": {"grey", "RGB", "deep"},
    "tif": {"grey", "RGB", "deep"},
}
LOSSY = {"gif": {"grey", "RGB"}, "jpg": {"grey", "RGB"}, "webp": {"grey", "RGB"}}


@pytest.mark.parametrize("suffix", HELD | LOSSY)
@pytest.mark.parametrize("kind", KINDS)
def test_a_format_holds_an_image_or_refuses_it(tmp_path, kind, suffix):
    path, x = tmp_path / f"x.{suffix}", KINDS[kind]
    if kind in HELD.get(suffix, ()):
        write_image(path, x)
        np.testing.assert_array_equal(integers(path), x, strict=True)
    elif kind in LOSSY.get(suffix, ()):
        write_image(path, x)
        assert integers(path).shape[1:] == x.shape[1:]
    else:
        for refuse in (write_image, check_format):
            with pytest.raises(ParameterError, match=r"must be a format that holds .* of uint"):
                refuse(path, x)
        assert not path.exists()


@pytest.mark.parametrize("name", ["x", "x.txt", "x.xyz"])
def test_names_that_tell_no_format(tmp_path, name):
    with pytest.raises(ParameterError, match=r"suffix of an image format, such as \.bmp"):
        write_image(tmp_path / name, np.zeros((1, 2, 2)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        ([[0.5]], DTypeError, "x must be a NumPy array of .* got list"),
        (np.zeros((1, 2, 2), int), DTypeError, "got int64"),
        (np.zeros((2, 2)), ShapeError, r"\(1, H, W\) or \(3, H, W\).*got shape \(2, 2\)"),
        (np.zeros((2, 2, 3)), ShapeError, r"got shape \(2, 2, 3\)"),
        (np.zeros((3, 2, 2), np.uint16), ShapeError, r"of shape \(1, H, W\) without"),
        (np.zeros((3, 0, 2)), ShapeError, "without empty axes"),
        (np.full((1, 2, 2), np.nan), ParameterError, "x must be without NaN"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, x, error, text):
    with pytest.raises(error, match=f"write_image: .*{text}"):
        write_image(tmp_path / "x.png", x)


# --- folders -------------------------------------------------------------------------------------


def test_folders(tmp_path):
    with pytest.raises(ParameterError, match=r"list_images: folder must be .* none of its 0 files"):
        list_images(tmp_path)
    for name in ("b.PNG", "a.jpeg", "c.txt", ".d.png", "e"):
        (tmp_path / name).touch()
    (tmp_path / "f.png").mkdir()
    for number in np.random.default_rng(0).permutation(30):
        (tmp_path / f"d{number:02}.ppm").touch()
    names = ["a.jpeg", "b.PNG", *(f"d{number:02}.ppm" for number in range(30))]
    assert list_images(str(tmp_path)) == [tmp_path / name for name in names]
    for folder, reason in ((tmp_path / "c.txt", "Not a directory"), (tmp_path / "g", "No such")):
        with pytest.raises(ParameterError, match=f"a folder of images, got .*{reason}"):
            list_images(folder)


# --- idx -----------------------------------------------------------------------------------------

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(("code", "dtype"), TYPES.items())
def test_idx(tmp_path, code, dtype, compress):
    values = np.array([[0, 1, 100], [-3 if code != 8 else 7, 5, 77]]).astype(dtype)
    content = bytes([0, 0, code, 2]) + struct.pack(">II", 2, 3) + values.tobytes()
    path = tmp_path / "values"
    path.write_bytes(compress(content))
    got = read_idx(path)
    np.testing.assert_array_equal(got, values.astype(values.dtype.newbyteorder("=")), strict=True)
    assert got.flags.writeable
    for length in range(len(content)):
        path.write_bytes(compress(content[:length]))
        with pytest.raises(ParameterError, match="read_idx: path must be a whole idx file, got"):
            read_idx(path)
    path.write_bytes(compress(content + b"\0"))
    with pytest.raises(
        ParameterError, match=rf"has {len(content) + 1} bytes .* for {len(content)}"
    ):
        read_idx(path)


def test_damaged_idx(tmp_path):
    path = tmp_path / "values"
    content = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]))
    for damaged in (
        content[:-5],
        content[:-8] + b"\0" * 8,
        content[:12],
        b"\x1f\x8b",
        b"PNG",
        bytes([0, 0, 10, 1, 0, 0, 0, 1, 1]),
        bytes([0, 0, 8, 0, 1]),
        bytes([0, 0, 8, 4]) + b"\xff" * 16,
    ):
        path.write_bytes(damaged)
        with pytest.raises(ParameterError, match="read_idx: path must be a whole idx file"):
            read_idx(path)
    with pytest.raises(ParameterError, match="No such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(ParameterError, match="read_idx: path must be"):
        read_idx(3)


@pytest.mark.skipif(not (DATA / "FashionMNIST").is_dir(), reason="the data is not here")
def test_fashion_mnist():
    images = read_idx(DATA / "FashionMNIST" / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(DATA / "FashionMNIST" / "t10k-labels-idx1-ubyte.gz")
    assert (images.shape, images.dtype) == ((10_000, 28, 28), np.uint8)
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 1000))
