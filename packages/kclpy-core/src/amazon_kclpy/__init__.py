"""The names of `amazon_kclpy` 3.2.0, on kclpy: programs written for it run unchanged (docs/migrating.md)."""
