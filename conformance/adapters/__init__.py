"""Bundled adapters, one module each; `--embedding some-name` is the module `some_name` here, which defines `ADAPTER`."""
