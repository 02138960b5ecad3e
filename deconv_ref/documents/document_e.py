"""Document E, super-resolution by deconvolution."""

from deconv_ref.documents.entry import Entry

ENTRIES = (
    Entry(
        id="E1",
        title="Deconvolution in the frequency domain",
        printed=r"H(u, v) = \mathcal{F}^{-1}\{F(u, v) * \mathcal{F}\{G(u', v')\}\}",
        corrected=r"H = \mathcal{F}^{-1}\{\mathcal{F}\{F\} \cdot \mathcal{F}\{G\}\}, \quad "
        r"F = \mathcal{F}^{-1}\{\mathcal{F}\{H\} / \mathcal{F}\{G\}\}",
        function=("deconv_ref.fft_convolve", "deconv_ref.inverse_filter"),
        test="tests/test_fourier.py::test_the_documents_equation_needs_two_spectra",
        note="The first is convolution, the second undoes it where no value of the spectrum is 0.",
    ),
    Entry(
        id="system-e",
        title="Enlarging network",
        printed="transposed conv 4x4, 3, stride 2, padding 1",
        corrected="Replicate a pixel around; transposed conv 4x4, stride 2, started as bilinear "
        "interpolation, cut back to twice the size; conv 3x3, 32; ReLU; conv 3x3 to the channels.",
        function=("deconv_ref.documents.system_e",),
        test="tests/test_documents_systems.py::test_e_learns_to_enlarge",
        note="Section 4.1: (1, 3, 480, 640) to (1, 3, 960, 1280). The second step of section 1, "
        "the refinement, is added.",
    ),
    Entry(
        id="E-s1",
        title="An image convolved with a spectrum",
        printed="E1: the convolution of the image F with the spectrum of G",
        corrected="The convolution theorem multiplies two spectra.",
        function=("deconv_ref.fft_convolve",),
        test="tests/test_fourier.py::test_the_documents_equation_needs_two_spectra",
    ),
    Entry(
        id="E-s2",
        title="A product of spectra undoes nothing",
        printed="Deconvolution is the inverse of convolution in the frequency domain.",
        corrected="The product is the convolution itself. Its inverse divides by the spectrum.",
        function=("deconv_ref.inverse_filter", "deconv_ref.wiener", "deconv_ref.richardson_lucy"),
        test="tests/test_documents_slips.py::test_e_undoing_divides_by_the_spectrum",
        note="And the transposed convolution of the code is neither: see A-s1.",
    ),
    Entry(
        id="E-s3",
        title="The equation enlarges nothing",
        printed="H is the high-resolution image, F the low-resolution one.",
        corrected="A product of spectra keeps the size. What enlarges is the stride of the "
        "transposed convolution: a convolution of the image with zeros put between its pixels.",
        function=("deconv_ref.conv_transpose",),
        test="tests/test_documents_slips.py::test_e_the_stride_enlarges",
    ),
    Entry(
        id="E-s4",
        title="The second step is missing",
        printed="Map the image to the high resolution, then refine it.",
        corrected="The code has the first step alone, with random weights, and no training.",
        function=("deconv_ref.documents.system_e",),
        test="tests/test_documents_systems.py::test_e_as_printed_is_one_layer",
    ),
    Entry(
        id="E-t1",
        title="Blurred borders",
        printed="Deconvolution may blur the borders of the image.",
        corrected="Replicate or reflect the outermost pixels in place of zeros.",
        function=(
            "deconv_ref.pad",
            "deconv_ref.nn.Pad",
            "deconv_ref.nn.Conv",
            "deconv_ref.documents.border_level",
        ),
        test="tests/test_documents_remedies.py::test_borders_keep_their_level",
        note="The corner of an image that is 1 everywhere falls to 0.44 under a 3x3 blur, and to "
        "0.56 when it is enlarged as in system E; it stays at 1 with replicated pixels.",
    ),
    Entry(
        id="E-t2",
        title="Poor noise resistance",
        printed="Deconvolution may resist noise poorly.",
        corrected="A regularized inverse: Wiener's filter, or some steps of Richardson and Lucy.",
        function=(
            "deconv_ref.wiener",
            "deconv_ref.richardson_lucy",
            "deconv_ref.documents.restoration_errors",
        ),
        test="tests/test_documents_remedies.py::test_noise_is_amplified_by_the_inverse_alone",
        note="With noise of 0.01 on a blurred image that is off by 0.23, the inverse filter's "
        "image is off by 11,751, Wiener's and Richardson and Lucy's by 0.16.",
    ),
)
