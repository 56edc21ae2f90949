"""Ledgers: files of known deviations and of what is declared unsupported; the bundled ones are in `deviations/`."""
