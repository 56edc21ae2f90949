"""Bundled adapters, a module each; `--embedding some-name` is the module `some_name`, which defines `ADAPTER`."""
