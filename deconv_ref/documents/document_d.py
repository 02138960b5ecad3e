"""Document D, CNNs in compression and reconstruction."""

from deconv_ref.documents.entry import Entry

ENTRIES = (
    Entry(
        id="D1",
        title="Convolution",
        printed=r"y(u,v) = \sum_{x=0}^{m-1} \sum_{y=0}^{n-1} x(x,y) \cdot h(u-x,v-y)",
        corrected=r"y(u,v) = \sum_{i=0}^{m-1} \sum_{j=0}^{n-1} x(i,j) \cdot h(u-i,v-j)",
        function=("deconv_ref.conv",),
        test="tests/test_ledger.py::test_c1_and_d1_are_convolution_with_the_kernel_flipped",
        note="True convolution, as C1. x and y are images and indices at once as printed.",
    ),
    Entry(
        id="D2",
        title="Max pooling",
        printed=r"y(u,v) = \max_{x=0}^{m-1} \max_{y=0}^{n-1} x(x,y)",
        corrected=r"y(u,v) = \max_{i=0}^{m-1} \max_{j=0}^{n-1} x(u S_1 + i, v S_2 + j)",
        function=("deconv_ref.max_pool", "deconv_ref.nn.MaxPool"),
        test="tests/test_pooling.py::test_d2_and_d3_hold_at_every_position_of_a_stride",
        note="S is the stride, m x n the window.",
    ),
    Entry(
        id="D3",
        title="Average pooling",
        printed=r"y(u,v) = \frac{1}{m \times n} \sum_{x=0}^{m-1} \sum_{y=0}^{n-1} x(x,y)",
        corrected=r"y(u,v) = \frac{1}{m \times n} \sum_{i=0}^{m-1} \sum_{j=0}^{n-1} "
        r"x(u S_1 + i, v S_2 + j)",
        function=("deconv_ref.avg_pool", "deconv_ref.nn.AvgPool"),
        test="tests/test_pooling.py::test_d2_and_d3_hold_at_every_position_of_a_stride",
    ),
    Entry(
        id="system-d1",
        title="Classifier",
        printed="28x28x1; conv 3x3, 32; ReLU; max pool 2; conv 3x3, 64; ReLU; max pool 2; flatten; "
        "dense 64; ReLU; dense 10; softmax; categorical cross entropy; Adam; accuracy",
        corrected="The same, with softmax and cross entropy in one (D-s6).",
        function=("deconv_ref.documents.system_d1",),
        test="tests/test_documents_systems.py::test_d1_learns_to_classify",
        note="Section 4.1. 121,930 parameters.",
    ),
    Entry(
        id="system-d2",
        title="Reconstructing network",
        printed="14x14x64; conv 3x3, 32; ReLU; upsample 2; conv 3x3, 64; ReLU; upsample 2; "
        "flatten; dense 64; ReLU; dense 784; sigmoid; reshape to 28x28x1; binary cross entropy; "
        "Adam; accuracy",
        corrected="The same, with sigmoid and cross entropy in one (D-s6), and without accuracy.",
        function=("deconv_ref.documents.system_d2",),
        test="tests/test_documents_systems.py::test_d2_learns_its_images",
        note="Section 4.2. 8,017,840 parameters.",
    ),
    Entry(
        id="D-s1",
        title="Pooling without position",
        printed="D2 and D3, where no index of x depends on u or v",
        corrected="The window moves by the stride. As printed all results are the first one.",
        function=("deconv_ref.max_pool", "deconv_ref.avg_pool"),
        test="tests/test_pooling.py::test_d2_and_d3_hold_at_every_position_of_a_stride",
    ),
    Entry(
        id="D-s2",
        title="Classification is no compression",
        printed="Compression ends with a softmax, which classifies the image.",
        corrected="Ten class probabilities do not tell the image. A code to reconstruct from is "
        "what comes before the dense layers.",
        function=("deconv_ref.documents.system_d1",),
        test="tests/test_documents_systems.py::test_d1_never_sees_the_last_rows_and_columns",
        note="What pooling of odd sizes drops does not reach the code at all: of 28 rows and "
        "columns, the last two.",
    ),
    Entry(
        id="D-s3",
        title="Pooling that enlarges",
        printed="The pooling layer raises the resolution by upsampling.",
        corrected="Upsampling is another layer. To nearest neighbours it is the adjoint of average "
        "pooling times the size of the window.",
        function=("deconv_ref.upsample", "deconv_ref.nn.Upsample"),
        test="tests/test_documents_slips.py::test_d_upsampling_is_the_adjoint_of_pooling",
    ),
    Entry(
        id="D-s4",
        title="Two networks that do not meet",
        printed="The network of section 4.2 reconstructs the image that that of 4.1 compressed.",
        corrected="It takes 64 maps of 14x14; the other makes maps of 26, 13, 11 and 5 pixels.",
        function=("deconv_ref.documents.system_d1", "deconv_ref.documents.system_d2"),
        test="tests/test_documents_systems.py::test_d2_takes_maps_that_d1_never_makes",
    ),
    Entry(
        id="D-s5",
        title="Accuracy of grey pixels",
        printed="`model.compile(..., loss='binary_crossentropy', metrics=['accuracy'])`",
        corrected="A reconstruction is measured by PSNR or SSIM.",
        function=("deconv_ref.nn.Psnr", "deconv_ref.nn.Ssim"),
        test="tests/test_documents_slips.py::test_d_accuracy_of_grey_pixels_says_nothing",
        note="Accuracy asks on which side of a threshold pixels are.",
    ),
    Entry(
        id="D-s6",
        title="Probabilities that round to 0",
        printed="softmax, then categorical cross entropy; sigmoid, then binary cross entropy",
        corrected="One function of the logits, computed together.",
        function=(
            "deconv_ref.softmax_cross_entropy",
            "deconv_ref.binary_cross_entropy_with_logits",
        ),
        test="tests/test_documents_slips.py::test_d_probabilities_that_round_to_0_stop_training",
        note="Right on paper. In float32 logits some 100 apart give a loss of infinity and a "
        "gradient of NaN, which spoils all weights.",
    ),
    Entry(
        id="D-t1",
        title="Cost and number of parameters",
        printed="Cost and number of parameters are large; they need to be reduced.",
        corrected="A transposed convolution for the dense end of system D2.",
        function=("deconv_ref.nn.ConvTranspose", "deconv_ref.documents.system_d2"),
        test="tests/test_documents_systems.py::test_d2_is_nearly_all_one_dense_layer",
        note="One dense layer has 7,929,920 of the 8,017,840 parameters. A transposed convolution "
        "4x4 of stride 2 takes the same 64 maps of 14x14 to 28x28 pixels with 1,025. Documents A "
        "to C name the cost as well; how fast the operators are is told in `docs/performance.md`.",
    ),
)
