"""The v3 contract of `amazon_kclpy`."""
