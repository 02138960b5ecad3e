"""Document A, compression and restoration by deconvolution."""

from deconv_ref.documents.entry import Entry

ENTRIES = (
    Entry(
        id="A1",
        title="One layer: convolution, bias, activation",
        printed=r"y = f(W \ast x + b)",
        corrected=None,
        function=("deconv_ref.conv", "deconv_ref.nn.Conv", "deconv_ref.nn.Relu"),
        test="tests/test_documents_slips.py::test_a1_a_layer_is_convolution_bias_and_activation",
        note="Printed as the model of deconvolution, it is that of every convolution layer; a "
        "deconvolution layer has the transpose of W in its place (B1).",
    ),
    Entry(
        id="system-a",
        title="Autoencoder",
        printed="conv 3x3, 64, same; ReLU; transposed conv 3x3, 3, same; ReLU; MSE; Adam",
        corrected="The same, with the last bias started from 0.5 (A-t1).",
        function=("deconv_ref.documents.system_a",),
        test="tests/test_documents_systems.py::test_a_learns_its_images",
        note="Section 4.1. For 3 stands the number of the image's channels; with three there are "
        "3,523 parameters.",
    ),
    Entry(
        id="A-s1",
        title="Deconvolution is no inverse",
        printed="The deconvolution layer is the inverse operation of the convolution layer.",
        corrected="It is the transpose. That equals the inverse only where the convolution is an "
        "orthogonal map, such as a Haar transform.",
        function=("deconv_ref.conv_transpose",),
        test="tests/test_documents_slips.py::test_a_the_transpose_inverts_orthogonal_maps_alone",
        note="What undoes a convolution is in the frequency domain: `inverse_filter`, `wiener`, "
        "`richardson_lucy`.",
    ),
    Entry(
        id="A-s2",
        title="Parameters that the layers do not have",
        printed="`tf.layers.conv2d_transpose(inputs=input, output_shape=output_shape, ...)`",
        corrected="The layer takes the number of filters; its output size follows from stride and "
        "padding. `tf.layers` is not in TensorFlow 2.",
        function=("deconv_ref.nn.ConvTranspose",),
        test="tests/test_documents_frameworks.py::test_a_layers_of_tensorflow_take_no_output_shape",
    ),
    Entry(
        id="A-s3",
        title="The loss is no output",
        printed="`output = loss_layer(x, target, loss='mse')`; "
        "`model = tf.keras.Model(inputs=input, outputs=output)`",
        corrected="The network's output is the image; the loss compares it with its target. "
        "`target` is never defined.",
        function=("deconv_ref.nn.Sequential.compile", "deconv_ref.mse"),
        test="tests/test_documents_slips.py::test_a_a_loss_for_an_output_misses_the_image",
        note="Were it defined, the squared error would be driven towards the image: the printed "
        "objective is 0 where the result is t + √t, and not where it is t.",
    ),
    Entry(
        id="A-s4",
        title="The autoencoder compresses nothing",
        printed="Deconvolution compresses and decompresses images.",
        corrected="With stride 1 and 64 filters the code has 64 values for the three of a pixel.",
        function=("deconv_ref.documents.system_a",),
        test="tests/test_documents_systems.py::test_a_compresses_nothing",
        note="A code is shorter with strides or pooling, and few channels.",
    ),
    Entry(
        id="A-t1",
        title="Instability: an activation that dies",
        printed="The model's stability may suffer from the choice of activation and loss.",
        corrected="Start the bias before the last ReLU from 0.5, the middle of the image's range.",
        function=("deconv_ref.documents.system_a", "deconv_ref.nn.Constant"),
        test="tests/test_documents_systems.py::test_a_as_printed_can_die",
        note="A channel that is negative on all images has gradient 0 and stays black. With three "
        "channels, 6 of the seeds 0 to 59 begin with such a channel as printed, and none with the "
        "remedy.",
    ),
    Entry(
        id="A-t2",
        title="Instability: signals that die out or explode",
        printed="The model's stability may suffer from the choice of activation and loss.",
        corrected="Initial weights of variance 2 / `fan_in` before rectifiers (He et al.).",
        function=(
            "deconv_ref.nn.HeNormal",
            "deconv_ref.nn.HeUniform",
            "deconv_ref.documents.signal_after",
        ),
        test="tests/test_documents_remedies.py::test_he_weights_keep_signals_level",
        note="After 20 convolutions with ReLU, 0.17 of the signal is left by `he_normal` and "
        "6e-9 by weights of deviation 0.05; weights of deviation 0.2 make it 6,600 times larger.",
    ),
    Entry(
        id="A-t3",
        title="Generalization",
        printed="The ability to generalize may suffer from quality and quantity of the data.",
        corrected="Penalties on weights, L1 and L2, as document B names them; dropout; batch "
        "normalization.",
        function=(
            "deconv_ref.nn.L1",
            "deconv_ref.nn.L2",
            "deconv_ref.nn.Dropout",
            "deconv_ref.nn.BatchNorm",
            "deconv_ref.documents.errors_on_other_images",
        ),
        test="tests/test_documents_remedies.py::test_penalties_lower_errors_on_other_images",
        note="A 7x7 kernel learned from one noisy image errs by 0.02 on it and 0.78 on others; "
        "by 0.04 and 0.36 with `L2(0.05)`; by 0.07 and 0.20 with `L1(0.03)`.",
    ),
)
