"""Adapters of keras.layers.Embedding on JAX and TensorFlow, which share `layer` with `adapters.torch.paths.keras`."""
