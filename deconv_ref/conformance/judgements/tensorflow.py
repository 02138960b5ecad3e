"""Judgements of what TensorFlow, and Keras on it gets wrong."""

from deconv_ref.conformance.judgements.judgement import Judgement, Kind

__all__ = ["JUDGEMENTS"]

JUDGEMENTS = (
    Judgement(
        "tensorflow keras",
        r"^conv(_transpose)? \w+: shape \(0,",
        Kind.BUG,
        "`tf.nn.conv2d` documents out_height by out_width and as many channels as there are "
        "filters; of an empty batch, convolutions give the shape that went in, its channels too, "
        "in one, two and three axes. So does the gradient of a transposed convolution, which is "
        "one.",
    ),
    Judgement(
        "tensorflow keras",
        r"(?s)^conv(_transpose)? \w+: .*stride=\(\d+, \d+, \d+\), padding='same'.*float64",
        Kind.BUG,
        "The guide to padding in `tf.nn` says that SAME pads by max(kernel - stride, 0) where the "
        "stride divides the axis. In float64 `tf.nn.conv3d` takes the negative number for "
        "padding, so windows begin too far inside: with a kernel of 1, a stride of 6 over 6 cells "
        "gives cell 2, not cell 0. float32, and `tf.nn.conv2d`, give cell 0.",
    ),
    Judgement(
        "tensorflow keras",
        r"^max_pool forward: .*expected nan",
        Kind.BUG,
        "`tf.nn.max_pool` documents 'the maximum value within that window'. NaN is passed over, "
        "and the lowest number of the dtype, which is in no window, comes from one that is all "
        "NaN.",
        ("tensorflow/tensorflow#2501", "tensorflow/tensorflow#125965", "keras-team/keras#16158"),
    ),
    Judgement(
        "tensorflow",
        r"^max_pool indices: .*NaN counted only",
        Kind.HOLE,
        "`tf.raw_ops.MaxPoolWithArgmax` says nothing of NaN: here it is the maximum where it "
        "comes first in its window, and passed over elsewhere.",
    ),
    Judgement(
        "tensorflow keras",
        r"^softmax forward: .*expected nan",
        Kind.BUG,
        "`tf.nn.softmax` documents exp(logits) over its sum, which is NaN if one logit is. In "
        "float32 the NaN stays in its cell, and the others are 0; in float64 all are NaN.",
    ),
    Judgement(
        "keras",
        r"^huber prediction: .*got nan",
        Kind.BUG,
        "`keras.losses.Huber` documents delta |x| - delta² / 2 beyond delta, whose slope is "
        "delta. The gradient goes through the square too, which was not chosen, and 0 times "
        "infinity is NaN.",
    ),
    Judgement(
        "keras",
        r"^(softmax|categorical)_cross_entropy forward: shape \(0,\)",
        Kind.BUG,
        "`keras.losses.CategoricalCrossentropy` documents that 'sum' adds up the losses and "
        "'sum_over_batch_size' divides that by the sample size, which gives one number; an empty "
        "batch comes back as it is.",
    ),
    Judgement(
        "tensorflow keras",
        r"(?s)^conv_transpose \w+: (process killed|no answer).*float32",
        Kind.BUG,
        "A transposed convolution's gradient is that of `tf.nn.conv2d`. The gradient of a filter "
        "of one cell, at a stride that leaves cells over at the end, writes where it must not: "
        "glibc ends the process, or it ends by a segmentation fault, or never. Where nothing is "
        "left over, all is well.",
    ),
    Judgement(
        "tensorflow",
        r"(?s)^conv \w+: process killed.*bfloat16",
        Kind.BUG,
        "Of a dilated convolution with a stride and explicit paddings, in bfloat16 and of one "
        "column, the gradient ends the process by a segmentation fault. In float32 it is an error "
        "that says that the CPU has no dilation there.",
    ),
)
