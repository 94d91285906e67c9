"""`amazon_kclpy.v3.processor`."""

import kclpy.v3
from kclpy.processors import V2toV3Processor

from amazon_kclpy.contracts import not_enforced

__all__ = ["RecordProcessorBase", "V2toV3Processor"]


@not_enforced
class RecordProcessorBase(kclpy.v3.RecordProcessorBase):
    """The v3 contract (`kclpy.v3.RecordProcessorBase`), whose methods need not all be there."""
