"""What an examination is about, and what its checks find out for one another."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from kclpy_helper import aws
from kclpy_helper.errors import RefusedError

if TYPE_CHECKING:
    from kclpy_helper.aws import Service
    from kclpy_helper.properties import Properties


NOT_IN_AWS = "NotInAws"
"""The code of what was not asked of AWS."""


@dataclass(slots=True)
class Examination:
    """An application or None, and how it is run.

    ``java`` and ``jvm_options`` are what ``--java`` and ``--jvm-option`` say, and ``seconds`` how long the executable may take
    to start, answer and end.
    ``kcl_version`` is the bundled one once that is known. ``skew`` is how many seconds the clock of AWS is ahead of ours,
    once a service has answered.
    """

    app: Properties | None = None
    java: str | None = None
    seconds: float = 30.0
    jvm_options: tuple[str, ...] = ()
    kcl_version: str = "3"
    skew: float | None = None
    _is_in_aws: bool | None = None
    _clients: dict[Service, Any] = field(default_factory=dict)

    @property
    def properties(self) -> Properties:
        """The properties of the application, for checks that are made only where there is one."""
        if self.app is None:
            raise ValueError("there is no application")
        return self.app

    def client(self, service: Service) -> Any:
        """A client of ``service`` for the application.

        Raises :class:`~kclpy_helper.errors.RefusedError`, also where ``service`` would be AWS's own beside a Kinesis or DynamoDB
        that is not.
        """
        from botocore.exceptions import BotoCoreError

        if service not in self._clients:
            try:
                if aws.is_of_aws(aws.endpoint(self.properties, service)) and not self.is_in_aws:
                    raise RefusedError(service, NOT_IN_AWS, "it would be AWS's own, beside an endpoint that is not")
                self._clients[service] = aws.client(self.properties, service)
            except (BotoCoreError, ValueError) as error:  # botocore's own for an endpoint that is no URL
                raise RefusedError(service, type(error).__name__, str(error)) from None
        return self._clients[service]

    @property
    def is_in_aws(self) -> bool:
        """Whether the application is in AWS itself: of one that is not, nothing is asked there."""
        if self._is_in_aws is None:
            self._is_in_aws = aws.is_in_aws(self.properties)
        return self._is_in_aws

    def ask(self, service: Service, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation, by its name in boto3, that reads only. Raises :class:`~kclpy_helper.errors.RefusedError`."""
        client = self.client(service)
        try:
            response: dict[str, Any] = getattr(client, operation)(**parameters)
        except Exception as error:
            self._note_clock(getattr(error, "response", {}))
            if refusal := aws.refused(error, operation):
                raise refusal from None
            raise
        self._note_clock(response)
        return response

    def _note_clock(self, response: dict[str, Any]) -> None:
        date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if date:
            self.skew = parsedate_to_datetime(date).timestamp() - time.time()
