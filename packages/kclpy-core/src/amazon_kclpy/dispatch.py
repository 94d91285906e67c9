"""`amazon_kclpy.dispatch`: inputs from the JSON of messages."""

from __future__ import annotations

from amazon_kclpy import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["MalformedAction", "message_decode"]


class MalformedAction(Exception):  # noqa: N818 - the name that programs know
    """A JSON object that is no message."""


_serializers: dict[str, Any] = {
    "initialize": messages.InitializeInput,
    "processRecords": messages.ProcessRecordsInput,
    "shutdown": messages.ShutdownInput,
    "checkpoint": messages.CheckpointInput,
    "record": messages.Record,
    "shutdownRequested": messages.ShutdownRequestedInput,
    "leaseLost": messages.LeaseLostInput,
    "shardEnded": messages.ShardEndedInput,
}


def message_decode(json_dict: dict[str, Any]) -> Any:
    """The input, reply or record that `json_dict` is; fit to be an `object_hook` of `json.loads`.

    Raises MalformedAction if its `action` is missing or unknown.
    """
    if "action" not in json_dict:
        raise MalformedAction(f"Action {json_dict} was expected to have key 'action'")
    action = json_dict["action"]
    if action not in _serializers:
        allowed = ", ".join(f'"{name}"' for name in _serializers)
        raise MalformedAction(
            f"Received an action which couldn't be understood. Action was '{action}' -- Allowed {allowed}"
        )
    return _serializers[action](json_dict)
