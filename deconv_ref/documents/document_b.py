"""Document B, image enhancement by deconvolution."""

from deconv_ref.documents.entry import Entry

ENTRIES = (
    Entry(
        id="B1",
        title="Deconvolution as a transpose",
        printed=r"y = x * w^T",
        corrected=r"\operatorname{vec} y = A_w^{\mathsf T} \operatorname{vec} x, \quad "
        r"\text{where } \operatorname{vec}(\operatorname{conv}(z, w)) = A_w \operatorname{vec} z",
        function=("deconv_ref.conv_transpose",),
        test="tests/test_ledger.py::"
        "test_b1_transposes_the_matrix_of_the_convolution_not_the_array_of_its_kernel",
        note="The matrix is transposed, not the array of the kernel (B-s1). Equation Q2 of the "
        "legend gives it element by element.",
    ),
    Entry(
        id="B2",
        title="Gradient descent",
        printed=r"w = w - \alpha \frac{\partial L(y, y_{true})}{\partial w}",
        corrected=None,
        function=("deconv_ref.nn.SGD", "deconv_ref.conv_transpose_backward"),
        test="tests/test_documents_systems.py::test_b_updates_by_b2",
        note="An assignment. SGD, Adam and RMSprop, which the document names as well, are in "
        "`deconv_ref.nn`.",
    ),
    Entry(
        id="algorithm-b",
        title="Learning a kernel for deconvolution",
        printed="1. initialise the kernel; 2. deconvolve the input; 3. loss against the target; "
        "4. update by gradient descent; 5. repeat 2 to 4 until convergence",
        corrected=None,
        function=("deconv_ref.documents.algorithm_b",),
        test="tests/test_documents_systems.py::test_b_finds_the_kernel",
        note="Section 3.1. By default with a learning rate that lowers the loss in each step, "
        "whatever the images (C-t1).",
    ),
    Entry(
        id="B-s1",
        title="Which transpose",
        printed="`w^T` is the transpose of the kernel.",
        corrected="It is the transpose of the convolution's matrix: a full convolution with the "
        "kernel rotated by 180 degrees, and its channels and filters swapped.",
        function=("deconv_ref.conv_transpose",),
        test="tests/test_documents_slips.py::test_b_the_kernel_is_rotated_and_its_channels_swapped",
    ),
    Entry(
        id="B-s2",
        title="The TensorFlow program",
        printed="`tf.nn.conv2d_transpose(x, w, output_shape=(5, 5), strides=1, padding='SAME')`",
        corrected="x is `(N, H, W, C)`, w `(*kernel, C_out, C_in)`, and all four sizes are given.",
        function=("deconv_ref.conv_transpose",),
        test="tests/test_documents_frameworks.py::test_b_tensorflow_refuses_plain_matrices",
        note="TensorFlow says: `input_sizes must be 4-dimensional`. It has no optimizers in "
        "`tf.train` since version 2.",
    ),
    Entry(
        id="B-s3",
        title="The PyTorch program",
        printed="`nn.functional.conv_transpose2d(x, w, output_size=(5, 5), stride=1, padding=0)`",
        corrected="The function has no `output_size`. x is `(N, C, H, W)`, w is "
        "`(C_in, C_out, *kernel)`. w needs `requires_grad=True`, and it is the loss that has a "
        "`backward()`.",
        function=("deconv_ref.conv_transpose", "deconv_ref.conv_transpose_backward"),
        test="tests/test_documents_frameworks.py::test_b_pytorch_refuses_the_call",
    ),
    Entry(
        id="B-s4",
        title="Sizes without padding",
        printed="x is 5x5, w is 3x3, padding is 0, and the result is 5x5.",
        corrected="The result is 7x7; a padding of 1 cuts a pixel off around it, which leaves 5x5.",
        function=("deconv_ref.conv_transpose",),
        test="tests/test_ledger.py::test_b_widens_its_image_unless_it_is_padded",
    ),
    Entry(
        id="B-s5",
        title="What is propagated back",
        printed="Deconvolution makes a new image by back-propagating the kernel's weights.",
        corrected="Deconvolution is the map by which back-propagation takes the gradient of a "
        "convolution's result to its input. The weights stay as they are.",
        function=("deconv_ref.conv_transpose", "deconv_ref.conv_backward"),
        test="tests/test_documents_slips.py::test_b_deconvolution_is_how_gradients_reach_the_input",
    ),
    Entry(
        id="B-t1",
        title="Checkerboards",
        printed="On images of high resolution deconvolution may cause jitter.",
        corrected="A kernel that is a multiple of the stride, started as bilinear interpolation; a "
        "pixel shuffle started by ICNR; or upsampling before a convolution.",
        function=(
            "deconv_ref.nn.Bilinear",
            "deconv_ref.nn.Icnr",
            "deconv_ref.nn.Upsample",
            "deconv_ref.documents.overlaps",
            "deconv_ref.documents.checkerboard",
        ),
        test="tests/test_documents_remedies.py::test_checkerboards_and_what_removes_them",
        note="So the jitter is read here. With stride 2, kernels of 3 lay 4, 2, 2 and 1 taps on "
        "four neighbouring pixels, kernels of 5 lay 9, 6, 6 and 4, and kernels of 4 lay 4 on each. "
        "On an image that is 1 everywhere the pattern of a random 4x4 kernel is 0.72 of the "
        "largest value, and 0 with each remedy.",
    ),
)
