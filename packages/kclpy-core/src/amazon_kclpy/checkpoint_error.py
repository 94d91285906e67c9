"""`amazon_kclpy.checkpoint_error`."""

from kclpy.errors import CheckpointError

__all__ = ["CheckpointError"]
