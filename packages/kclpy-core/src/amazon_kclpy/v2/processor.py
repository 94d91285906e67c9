"""`amazon_kclpy.v2.processor`."""

import kclpy.v2
from kclpy.processors import V1toV2Processor

from amazon_kclpy.contracts import not_enforced

__all__ = ["RecordProcessorBase", "V1toV2Processor"]


@not_enforced
class RecordProcessorBase(kclpy.v2.RecordProcessorBase):
    """The v2 contract (`kclpy.v2.RecordProcessorBase`), whose methods need not all be there."""
