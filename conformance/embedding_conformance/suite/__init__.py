"""The contract: one module per section (two for max_norm), one test per clause."""

MODULES = (
    "test_construction",
    "test_from_pretrained",
    "test_lookup",
    "test_gradient",
    "test_padding_idx",
    "test_max_norm",
    "test_max_norm_beyond",
    "test_norm_type",
    "test_scale_grad_by_freq",
    "test_sparse",
    "test_module",
    "test_sequences",
)
"""The modules, in the order in which the contract has their sections."""
