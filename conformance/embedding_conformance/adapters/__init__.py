"""The bundled adapters: `boundary.target.BUNDLED` names each and the module that makes it.

What is built on torch belongs in `torch`, on JAX in `jax`, on Keras in `keras`, any other framework in `frameworks`.
"""
