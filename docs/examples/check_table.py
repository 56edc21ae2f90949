"""The suite as a function."""

from table import TableEmbedding

from embedding_conformance import check

checked = check(TableEmbedding, profile="smoke", known="deviations.toml", dtypes="float32")
checked.write("results.json")
checked.html("report.html")
print(checked)  # noqa: T201 - the answer
raise SystemExit(0 if checked.ok else 1)
