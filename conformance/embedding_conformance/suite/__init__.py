"""The contract: one module per section, and those of `in_use`, one test per clause."""

MODULES = (
    "test_construction",
    "in_use.test_reset",
    "test_from_pretrained",
    "test_lookup",
    "in_use.test_calls",
    "test_gradient",
    "in_use.test_between",
    "test_padding_idx",
    "test_max_norm",
    "test_max_norm_beyond",
    "test_norm_type",
    "test_scale_grad_by_freq",
    "test_sparse",
    "test_module",
    "in_use.test_module_in_use",
    "test_sequences",
)
"""The modules, in the order in which the contract has their sections."""
