"""What changed between runs: of two, and of one clause or cause through the releases."""
