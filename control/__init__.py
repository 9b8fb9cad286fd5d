"""The gRPC control plane: a translator, not a brain."""
