"""Samples for the Amazon Kinesis Client Library for Python.

:mod:`~kclpy_samples.wordputter` puts words into a stream, :mod:`~kclpy_samples.wordcount` counts them under the
MultiLangDaemon, and :mod:`~kclpy_samples.demo` shows both at work on the Kinesis of :mod:`~kclpy_samples.local`.
"""
