"""Slips in the documents' programs that only the frameworks can show."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


def test_a_layers_of_tensorflow_take_no_output_shape(tf):
    with pytest.raises((TypeError, ValueError), match="output_shape"):
        tf.keras.layers.Conv2DTranspose(3, kernel_size=3, output_shape=(8, 8, 3))
    with pytest.raises(AttributeError, match="layers"):
        tf.layers.conv2d_transpose  # noqa: B018 - it is the access that fails


def test_b_tensorflow_refuses_plain_matrices(tf):
    x, w = np.ones((5, 5)), np.ones((3, 3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="4-dimensional"):
        tf.nn.conv2d_transpose(x, w, output_shape=(5, 5), strides=1, padding="SAME")
    with pytest.raises(AttributeError, match="GradientDescentOptimizer"):
        tf.train.GradientDescentOptimizer  # noqa: B018


def test_c_tensors_have_no_astype(tf):
    image = tf.squeeze(np.ones((1, 2, 2, 3), np.float32), 0)
    with pytest.raises(AttributeError, match="astype"):
        (image * 255).astype("uint8")


def test_b_pytorch_refuses_the_call():
    torch = pytest.importorskip("torch")
    call = torch.nn.functional.conv_transpose2d
    x, w = torch.rand(5, 5), torch.rand(3, 3)
    with pytest.raises(TypeError, match="output_size"):
        call(x, w, output_size=(5, 5), stride=1, padding=0)
    with pytest.raises(RuntimeError, match=r"3D .*or 4D"):
        call(x, w, stride=1, padding=0)
    y = call(x[None, None], w[None, None], stride=1, padding=0)
    assert y.shape == (1, 1, 7, 7)
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(y.sum(), w)
