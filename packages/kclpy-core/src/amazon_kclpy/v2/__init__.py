"""The v2 contract of `amazon_kclpy`."""
