"""The systems' tasks: their samples, what is done to them, and networks tile by tile."""

from itertools import islice
from statistics import fmean

import numpy as np
import pytest
from commanding import smooth, write_digits, write_images

from deconv_ref.imaging import downsample, list_images, read_image, write_image
from deconv_ref.imaging.levels import as_floats, as_integers
from deconv_ref.imaging.tasks import TASKS, Batches, digits, restoration, samples

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 64, 64)).astype(np.uint8)


def random():
    return np.random.default_rng(7)


# Samples


def batches(task, arrays, **options):
    return Batches(arrays, task.pair, 2, 9, **options)


def same(left, right):
    return [[a.tobytes() for a in pair] for pair in left] == [
        [a.tobytes() for a in pair] for pair in right
    ]


def test_an_epoch_depends_on_seed_and_number_alone():
    task = TASKS["C"]
    running = batches(task, (PIXELS,))
    first, second, third = (list(running) for _ in range(3))
    assert len(running) == len(first) == 3
    assert [len(x) for x, _ in first] == [2, 2, 1]
    assert same(batches(task, (PIXELS,), epoch=2), third)
    assert not same(first, second)
    gone_on = islice(iter(batches(task, (PIXELS,), epoch=1)), 1, None)
    assert same(gone_on, second[1:])
    assert not same(Batches((PIXELS,), task.pair, 2, seed=8), first)


def test_an_epoch_has_every_sample_once():
    given = np.concatenate([y for _, y in batches(TASKS["A"], (PIXELS,))])
    assert sorted(y.tobytes() for y in given) == sorted(y.tobytes() for y in as_floats(PIXELS))


def test_held_out_samples_are_always_alike():
    kept = batches(TASKS["C"], (PIXELS,), epoch=None)
    assert same(kept, kept)
    np.testing.assert_array_equal(np.concatenate([y for _, y in kept]), as_floats(PIXELS))


def test_patches_are_cut_out_of_all_images_alike(tmp_path):
    write_images(tmp_path / "images")
    write_image(tmp_path / "images" / "3.png", smooth(random(), 1, 33, 50))
    deep = random().integers(0, 65536, (1, 32, 32)).astype(np.uint16)
    write_image(tmp_path / "images" / "4.png", deep)
    patches = samples.draw_patches(tmp_path / "images", 12, 32, seed=0)
    owners = []
    for patch in patches:
        found = []
        for number, file in enumerate(list_images(tmp_path / "images")):
            image = np.floor(read_image(file).astype(np.float64) * 255 + 0.5)
            windows = np.lib.stride_tricks.sliding_window_view(image, (32, 32), axis=(1, 2))
            if (windows == patch[:, None, None]).all(axis=(0, 3, 4)).any():
                found.append(number)
        owners += found
    assert owners == [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4]
    again = samples.draw_patches(tmp_path / "images", 12, 32, seed=0)
    np.testing.assert_array_equal(again, patches)
    assert (samples.draw_patches(tmp_path / "images", 12, 32, seed=1) != patches).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_come_back_from_floats(dtype):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    np.testing.assert_array_equal(as_integers(as_floats(every), dtype), every)


# What is done to them


def test_enlargement_starts_from_half_the_size():
    x, y = TASKS["E"].pair(PIXELS, random())
    np.testing.assert_array_equal(y, (PIXELS / np.float32(255)).astype(np.float32))
    half = np.clip(downsample(PIXELS / 255.0, 2), 0, 1)
    assert x.shape == (5, 3, 32, 32)
    assert np.abs(x - half).max() <= 0.5 / 255 + 1e-6  # a file between rounds to levels


def test_repair_starts_from_noise_and_holes():
    grey = np.full((4, 3, 64, 64), 128, np.uint8)
    x, y = TASKS["C"].pair(grey, random())
    assert (y == np.float32(128 / 255)).all()
    holes = (x == 0).all(axis=1)
    assert 4 * 16 < holes.sum() <= 4 * 4 * 16  # four of 16 pixels each; they may overlap
    sound = np.broadcast_to(~holes[:, None], x.shape)
    assert abs((x - y)[sound].std() - 15 / 255) < 0.001


def test_a_patch_has_one_hole():
    x, _ = TASKS["C"].pair(np.full((6, 3, 32, 32), 200, np.uint8), random())
    assert ((x == 0).all(axis=1).sum(axis=(1, 2)) == 16).all()


def test_reconstruction_starts_from_a_code_of_half_the_size():
    images = random().integers(0, 256, (3, 1, 28, 28)).astype(np.uint8)
    images[0], images[1] = 255, 0
    code, y = TASKS["D2"].pair(images, random())
    assert code.shape == (3, 64, 14, 14)
    assert code[0].min() == 1 and code[1].max() == 0
    for place in np.ndindex(14, 14):
        four = images[2, 0, 2 * place[0] :, 2 * place[1] :][:2, :2]
        level = int(64 * int(four.sum()) / (4 * 255) + 0.5)
        assert code[2][:, *place].tolist() == [1.0] * level + [0.0] * (64 - level)
    np.testing.assert_array_equal(y, as_floats(images))


def test_classes_are_vectors():
    images = np.zeros((3, 1, 28, 28), np.uint8)
    _, y = TASKS["D1"].pair(images, np.array([2, 0, 9], np.uint8), random())
    np.testing.assert_array_equal(y.argmax(axis=1), [2, 0, 9])
    assert (y.sum(axis=1) == 1).all() and y.shape == (3, 10)


def test_samples_of_idx_files(tmp_path):
    write_digits(tmp_path / "digits")
    task = TASKS["D1"]
    images, labels = task.read(tmp_path / "digits", 7, 0)
    assert images.shape == (7, 1, 28, 28) and labels.shape == (7,)
    assert images[np.arange(7), 0, 2 * labels + 3].min() >= 190
    assert len(task.read(tmp_path / "digits", 1000, 0)[0]) == 60
    assert len(task.read_held_out(tmp_path / "digits")[0]) == 20
    assert task.held_out_in(tmp_path / "digits") and not task.held_out_in(tmp_path)


# Networks


@pytest.mark.parametrize("system", ["A", "C", "E"])
@pytest.mark.parametrize("size", [(70, 45), (33, 32), (64, 95)])
def test_tiles_give_what_the_whole_gives(system, size, monkeypatch):
    task = TASKS[system]
    model = task.build(seed=2)
    pixels = as_integers(smooth(random(), 3, *size))
    told = []
    whole = task.apply(model, pixels, told.append)
    assert told == [1.0]
    monkeypatch.setattr(restoration, "TILE", 32)
    tiled = task.apply(model, pixels, told.append)
    assert len(told) == 1 + -(-size[0] // 32) * -(-size[1] // 32)
    assert told[-1] == 1.0
    np.testing.assert_array_equal(tiled, whole)
    assert tiled.shape == (3, size[0] * task.scale, size[1] * task.scale)
    monkeypatch.setattr(type(task), "overlap", 0)
    assert (task.apply(model, pixels, told.append) != whole).any(), "overlap is not needed"


def test_a_network_sees_no_more_than_a_tile(monkeypatch):
    task = TASKS["A"]
    model = task.build(seed=2)
    seen = []
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda x: (seen.append(x.shape), predict(x))[1])
    monkeypatch.setattr(restoration, "TILE", 32)
    task.apply(model, as_integers(smooth(random(), 3, 100, 75)), lambda part: None)
    assert max(max(shape[2:]) for shape in seen) == 32 + 2 * task.overlap


def test_measures_are_those_of_whole_images(tmp_path):
    write_images(tmp_path / "images")
    task = TASKS["E"]
    model = task.build(seed=0)
    found = task.measure({"model": model}, tmp_path / "images")
    ratios = {"bicubic": [], "model": []}
    for file in list_images(tmp_path / "images"):
        clean = read_image(file, integers=True)
        clean = clean[:, : clean.shape[1] // 2 * 2, : clean.shape[2] // 2 * 2]
        small = task.damage(clean, None)
        ratios["bicubic"].append(task.psnr(task.unaided(small), clean))
        ratios["model"].append(task.psnr(task.apply(model, small, lambda part: None), clean))
    assert found == {name: fmean(values) for name, values in ratios.items()}
    assert TASKS["A"].measure({}, tmp_path / "images") == {}


def test_accuracy_is_counted_in_hundredths(tmp_path):
    write_digits(tmp_path / "digits")
    images, labels = TASKS["D1"].read_held_out(tmp_path / "digits")
    model = TASKS["D1"].build(seed=0)
    right = sum(
        model.predict(as_floats(image[None])).argmax() == label
        for image, label in zip(images, labels, strict=True)
    )
    assert TASKS["D1"].measure({"model": model}, tmp_path / "digits") == {"model": 5.0 * right}


def test_the_code_can_be_enlarged(tmp_path):
    """The figure beside the reconstruction's: what an image of half the size is worth."""
    write_digits(tmp_path / "digits")
    found = TASKS["D2"].measure({}, tmp_path / "digits")
    assert found.keys() == {"bicubic"} and 10 < found["bicubic"] < 40
    halved = digits._halved(np.full((1, 1, 28, 28), 255, np.uint8))
    assert halved.shape == (1, 1, 14, 14) and (halved == 64).all()
