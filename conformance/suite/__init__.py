"""The contract: one module per section, one test per clause."""
