"""Bundled adapters: `--embedding some-name` is the module `some_name` (its `ADAPTER`), or a path of `torch_paths`."""
