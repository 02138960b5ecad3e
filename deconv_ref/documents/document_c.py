"""Document C, image repair by deconvolutional networks."""

from deconv_ref.documents.entry import Entry

ENTRIES = (
    Entry(
        id="C1",
        title="Convolution",
        printed=r"y(i,j) = \sum_{k=1}^{K} \sum_{l=1}^{L} x(i-k+1, j-l+1) \cdot w(k, l) + b",
        corrected=None,
        function=("deconv_ref.conv",),
        test="tests/test_ledger.py::test_c1_and_d1_are_convolution_with_the_kernel_flipped",
        note="True convolution, counted from 1: `conv(..., flip_kernel=True)`. Frameworks do not "
        "flip; they compute C2.",
    ),
    Entry(
        id="C2",
        title="Deconvolution",
        printed=r"y(i, j) = \sum_{k=1}^{K} \sum_{l=1}^{L} x(i+k-1, j+l-1) \cdot w(k, l) + b",
        corrected=None,
        function=("deconv_ref.conv_transpose", "deconv_ref.conv"),
        test="tests/test_ledger.py::test_c1_and_c2_are_each_others_adjoint",
        note="Cross-correlation, the adjoint of C1; and just what frameworks call convolution.",
    ),
    Entry(
        id="C3",
        title="Sigmoid",
        printed=r"f(x) = \frac{1}{1 + e^{-x}}",
        corrected=None,
        function=("deconv_ref.sigmoid", "deconv_ref.nn.Sigmoid"),
        test="tests/test_documents_slips.py::test_c3_to_c5_are_the_activations",
    ),
    Entry(
        id="C4",
        title="Hyperbolic tangent",
        printed=r"f(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        corrected=None,
        function=("deconv_ref.tanh", "deconv_ref.nn.Tanh"),
        test="tests/test_documents_slips.py::test_c3_to_c5_are_the_activations",
        note="Right on paper. Computed as printed it is NaN from 89 on in float32, and loses all "
        "digits near 0.",
    ),
    Entry(
        id="C5",
        title="ReLU",
        printed=r"f(x) = \max(0, x)",
        corrected=None,
        function=("deconv_ref.relu", "deconv_ref.nn.Relu"),
        test="tests/test_documents_slips.py::test_c3_to_c5_are_the_activations",
        note="Its derivative at 0 is 0.",
    ),
    Entry(
        id="C6",
        title="Mean squared error",
        printed=r"L(x, y) = \frac{1}{N} \sum_{i=1}^{N} (x_i - y_i)^2",
        corrected=None,
        function=("deconv_ref.mse", "deconv_ref.nn.Mse"),
        test="tests/test_losses.py::test_distances_are_exact",
    ),
    Entry(
        id="C7",
        title="Structural similarity",
        printed=r"L(x, y) = \frac{(2\mu_x \mu_y + C1) (2\sigma_{xy} + C2)}"
        r"{(\mu_x^2 + \mu_y^2 + C1) (\sigma_x^2 + \sigma_y^2 + C2)}",
        corrected=None,
        function=("deconv_ref.ssim", "deconv_ref.ssim_loss", "deconv_ref.nn.SsimLoss"),
        test="tests/test_documents_slips.py::test_c7_takes_variances_not_deviations",
        note="Moments of whole images: `window=None`. Wang et al. average over Gaussian windows: "
        '`window="gaussian"`.',
    ),
    Entry(
        id="system-c",
        title="Repairing network",
        printed="64x64x3; conv 3x3, 32; ReLU; max pool 2; transposed conv 4x4, 64, stride 2, "
        "same; ReLU; max pool 2; transposed conv 5x5, 3, stride 2, same; sigmoid; MSE; Adam",
        corrected="First convolution same, with replicated borders; last kernel 4x4.",
        function=("deconv_ref.documents.system_c",),
        test="tests/test_documents_systems.py::test_c_learns_to_repair",
        note="Section 4. 36,803 parameters.",
    ),
    Entry(
        id="C-s1",
        title="The result does not fit its target",
        printed="`deconv_model.fit(input_image, input_image, ...)`",
        corrected="The sizes run 64, 62, 31, 62, 31, 62. With a same convolution they run 64, 64, "
        "32, 64, 32, 64.",
        function=("deconv_ref.documents.system_c",),
        test="tests/test_documents_systems.py::test_c_as_printed_loses_two_pixels",
    ),
    Entry(
        id="C-s2",
        title="The inverse of max pooling",
        printed="The inverse of max pooling (avgpooling).",
        corrected="Max unpooling, at the recorded places of the maxima: a right inverse of max "
        "pooling where values are not negative. No map gets back what pooling dropped.",
        function=("deconv_ref.max_unpool", "deconv_ref.nn.MaxUnpool", "deconv_ref.avg_unpool"),
        test="tests/test_documents_slips.py::test_c_unpooling_needs_the_recorded_places",
        note="Average pooling is undone, as far as it can be, by average unpooling.",
    ),
    Entry(
        id="C-s3",
        title="How many convolutions",
        printed="Two convolution layers, two max pooling layers and two deconvolution layers.",
        corrected="It has one convolution layer.",
        function=("deconv_ref.documents.system_c",),
        test="tests/test_documents_systems.py::test_c_has_one_convolution",
    ),
    Entry(
        id="C-s4",
        title="An image for its own target",
        printed="`deconv_model.fit(input_image, input_image, ...)`",
        corrected="To repair, the input is the damaged image and the target the sound one.",
        function=("deconv_ref.nn.Sequential.fit", "deconv_ref.imaging.salt_and_pepper"),
        test="tests/test_documents_slips.py::test_c_an_image_for_its_own_target_teaches_the_identity",
        note="For its own target the best network is the identity, which keeps all damage.",
    ),
    Entry(
        id="C-s5",
        title="A similarity is no loss",
        printed="Loss functions: ... structural similarity (SSIM).",
        corrected="SSIM is largest, 1, for equal images. The loss is 1 - SSIM.",
        function=("deconv_ref.ssim_loss", "deconv_ref.nn.SsimLoss"),
        test="tests/test_documents_slips.py::test_c_similarity_is_largest_for_equal_images",
    ),
    Entry(
        id="C-s6",
        title="What sigma is",
        printed="Sigma is the variance.",
        corrected="It is the standard deviation; C7 takes its square, the variance.",
        function=("deconv_ref.ssim",),
        test="tests/test_documents_slips.py::test_c7_takes_variances_not_deviations",
    ),
    Entry(
        id="C-s7",
        title="Tensors have no astype",
        printed="`output_image = tf.squeeze(output_image, 0)`; "
        "`(output_image * 255).astype('uint8')`",
        corrected="`predict` gives a NumPy array: `output_image[0]` drops its batch.",
        function=("deconv_ref.nn.Sequential.predict",),
        test="tests/test_documents_frameworks.py::test_c_tensors_have_no_astype",
    ),
    Entry(
        id="C-s8",
        title="Levels are cut off",
        printed="`(output_image * 255).astype('uint8')`",
        corrected="Clip to 0 and 1, multiply by 255 and round.",
        function=("deconv_ref.imaging.write_image",),
        test="tests/test_documents_slips.py::test_c_levels_are_rounded_not_cut_off",
        note="The cast drops the fraction: levels come out half a step too dark on average.",
    ),
    Entry(
        id="C-t1",
        title="Instability: losses that fluctuate",
        printed="Training may be unstable where the loss fluctuates much.",
        corrected="A learning rate below 2 over the loss's largest curvature; `algorithm_b` takes "
        "it from the images.",
        function=("deconv_ref.documents.algorithm_b", "deconv_ref.nn.SGD"),
        test="tests/test_documents_systems.py::test_b_lowers_the_loss_in_each_step",
        note="The loss falls in each step, however bright the images are.",
    ),
)
