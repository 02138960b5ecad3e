"""Keras on TensorFlow: a compiled train step on tensors with their channels last.

That is how TensorFlow likes them on a CPU. Without XLA, which Keras does not choose by itself here,
and which makes these networks slower. Affinity and `tf.config.threading` bound its threads.
"""

import os

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import tensorflow as tf

from benchmarks.networks import Task
from benchmarks.workers import Call
from deconv_ref.conformance.frameworks import _keras_network as network
from deconv_ref.conformance.frameworks._keras_network import keras


def start(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def training(task: Task) -> dict[str, Call]:
    makers = network.LAYERS | {"Prelu": lambda layer: [keras.layers.PReLU(shared_axes=[1, 2])]}
    x, y = (tf.constant(network._last(array)) for array in (task.x, task.y))
    layers = [part for layer in task.layers for part in makers[layer["class"]](layer)]
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    arrays = map(network._swapped, task.weights.values())
    shapes = [weight.shape for weight in model.weights]
    model.set_weights([array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)])
    model.compile(keras.optimizers.Adam(), network.LOSSES[task.loss], jit_compile=False)
    return {"step": lambda: float(model.train_on_batch(x, y))}
