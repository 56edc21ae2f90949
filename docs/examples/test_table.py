"""The suite among a project's own tests."""

from table import TableEmbedding

from embedding_conformance import conformance_tests

test_table = conformance_tests(TableEmbedding, profile="smoke", known="deviations.toml", dtypes="float32")
