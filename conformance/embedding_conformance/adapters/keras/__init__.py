"""Adapters of keras.layers.Embedding on JAX and TensorFlow; `layer` is what they share with `adapters.torch.keras`."""
