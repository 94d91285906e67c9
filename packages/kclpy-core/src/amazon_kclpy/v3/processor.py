"""`amazon_kclpy.v3.processor`."""

import kclpy.processors
import kclpy.v3

from amazon_kclpy.contracts import not_enforced
from amazon_kclpy.messages import ShutdownInput

__all__ = ["RecordProcessorBase", "V2toV3Processor"]


@not_enforced
class RecordProcessorBase(kclpy.v3.RecordProcessorBase):
    """The v3 contract (`kclpy.v3.RecordProcessorBase`), whose methods need not all be there."""


class V2toV3Processor(kclpy.processors.V2toV3Processor):
    """Drives a v2 processor, which is given a `ShutdownInput` of `amazon_kclpy.messages`."""

    shutdown_input = ShutdownInput
