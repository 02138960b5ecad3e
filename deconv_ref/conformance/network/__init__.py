"""Training in lockstep: whether frameworks train the documents' networks as the equations say.

A *trainer* is a function of a target, an adapter's or one in a Python file of yours::

    train(layers, weights, batches, loss, optimizer) -> iterable of dict

``layers``, ``loss`` and ``optimizer`` are what `deconv_ref.nn` objects give for their ``config()``:
dictionaries of plain values with the class and its arguments, such as ``{"class": "MaxPool",
"name": "max_pool", "kernel_size": 2, ...}``. ``weights`` are float32 arrays by
``"layer.parameter"``, ``batches`` pairs (x, target) of float32 arrays. It makes one update for each
batch and tells of it, with arrays in our layouts (from a generator, they may be those that the
next step changes),

``loss``
    a number, before the update;
``gradients``
    arrays by ``"layer.parameter"``;
``parameters``
    arrays likewise, after the update;
``outputs``, ``output_gradients``
    if it likes, arrays by layer: its result, and the gradient with respect to that. With them the
    layer at fault is named even if it has no parameters.

An error refuses the system. CONVENTION, "keras" if it is not there, says where the target's Adam
has its epsilon, see `deconv_ref.nn.Adam`.

`systems` has the networks and their batches, `course` trains them in float64, with and without the
noise of float32, `lockstep` compares, `runner` goes through systems and targets.
"""
