"""Adapters of torch.nn.Embedding and of what is built on it. No other folder imports torch."""
