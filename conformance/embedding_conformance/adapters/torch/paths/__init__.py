"""Other ways to the lookup of torch than its module: execution paths, fake devices, and what is built on it."""
