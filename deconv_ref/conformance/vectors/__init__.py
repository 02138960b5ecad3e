"""Test vectors: cases as files for programs in any language, and verdicts on what those give.

`export` draws cases and writes an index, which `schema.json` describes, and arrays as ``.npy``;
`flags` names what each case is there to catch. `index` reads them back, and `results` judges the
arrays that a program made of them. `npy` reads and writes single arrays.
"""
