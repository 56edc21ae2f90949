"""Adapters of torch.nn.Embedding and of implementations that are built on it. No other folder imports torch."""
