"""Checks of the AWS that the properties name. They only read."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from kclpy_helper import aws, iam
from kclpy_helper.doctor.examination import NOT_IN_AWS
from kclpy_helper.errors import NotInstalledError, RefusedError
from kclpy_helper.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kclpy_helper.aws import Service
    from kclpy_helper.doctor.examination import Examination

_ACCESS_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_CREDENTIALS_REFUSED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
_WITHOUT_ANY = "aws configure, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the host a role"
_WITHOUT_CREDENTIALS = {
    "EnvironmentVariableCredentialsProvider": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "ProfileCredentialsProvider": "aws configure for the profile that it names",
    "WebIdentityTokenFileCredentialsProvider": "set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    "WebIdentityTokenCredentialsProvider": "set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    "ContainerCredentialsProvider": "give the container a role",
    "EC2ContainerCredentialsProviderWrapper": "give the container or the host a role",
    "InstanceProfileCredentialsProvider": "give the host a role",
}
"""What each provider needs, which looks at one place only."""
_MISSING = "ResourceNotFoundException"
_CONSUMERS = 20
"""Fan-out consumers that a stream may have; 50 in the on-demand advantage mode (RegisterStreamConsumer)."""
_SKEW_WARNING = 60.0
_SKEW_FAULT = 300.0
"""Seconds beyond which AWS refuses a signature (Signature Version 4)."""


def boto3_installed(examination: Examination) -> Iterator[Finding]:
    """That there is what the checks of AWS are made with."""
    if find_spec("boto3"):
        import boto3

        yield Finding(Severity.OK, "boto3", boto3.__version__)
    else:
        effect = "not installed; the daemon does without it, but nothing in AWS is checked"
        yield Finding(Severity.SKIPPED, "boto3", effect, 'pip install "kclpy-helper[aws]"')


def region(examination: Examination) -> Iterator[Finding]:
    """Which region the daemon takes."""
    app = examination.properties
    if found := aws.region(app):
        yield Finding(Severity.OK, "region", f"{found.name}, from {found.source}")
        return
    remedy = f"write into {app.path}: regionName = us-east-1 (or where your stream is)"
    if aws.kcl_line(examination.kcl_version) == 1:
        yield Finding(Severity.SKIPPED, "region", "none: KCL 1 takes us-east-1, but nothing in AWS is checked", remedy)
    else:
        effect = "none: the daemon would not start. It does not look at AWS_DEFAULT_REGION"
        yield Finding(Severity.FAULT, "region", effect, remedy)


def credentials(examination: Examination) -> Iterator[Finding]:
    """Where the credentials come from; for DynamoDB and CloudWatch where they have others."""
    from botocore.exceptions import BotoCoreError, ClientError

    app = examination.properties
    services: dict[tuple[aws.CredentialsProvider, ...], Service] = {}
    for service in ("kinesis", "dynamodb", "cloudwatch"):
        services.setdefault(aws.credentials_providers(app, service), service)
    for providers, service in services.items():
        names = ", ".join(provider.name for provider in providers) or "the default chain"
        subject = f"{service} credentials" if len(services) > 1 else "credentials"
        if not all(provider.mapped for provider in providers):
            effect = f"{names}: boto3 has no equivalent, and what follows is checked with the default chain's instead"
            yield Finding(Severity.WARNING, subject, effect)
            names = "the default chain"
        try:
            found = aws.session(app, service).get_credentials()
            if found is not None:
                found.get_frozen_credentials()
        except (BotoCoreError, ClientError, ValueError) as error:  # botocore's own for an endpoint that is not a URL
            effect = f"{names}: {str(error).splitlines()[0]}"
            yield Finding(Severity.FAULT, subject, effect, "correct the AWS profile, role or variables that it names")
            continue
        if found is None:
            remedies = dict.fromkeys(_WITHOUT_CREDENTIALS.get(provider.name, _WITHOUT_ANY) for provider in providers)
            yield Finding(Severity.FAULT, subject, f"{names} finds none", ", or ".join(remedies) or _WITHOUT_ANY)
        elif found.method == aws.MADE_UP:
            effect = f"{names}: not fetched, because AWS makes them, and Kinesis or DynamoDB is not its own here"
            yield Finding(Severity.WARNING, subject, effect, "what follows is checked with made-up ones")
        else:
            yield Finding(Severity.OK, subject, f"{names}: found as {found.method}")


def stream(examination: Examination) -> Iterator[Finding]:
    """That the stream is there and can be read."""
    app = examination.properties
    name = aws.stream_name(app)
    try:
        answer = examination.ask("kinesis", "describe_stream_summary", StreamName=name)
    except RefusedError as error:
        yield _refusal(examination, "stream", name, error)
        return
    summary = answer["StreamDescriptionSummary"]
    status, consumers = summary["StreamStatus"], summary.get("ConsumerCount", 0)
    effect = f"{name}: {status}, {summary['OpenShardCount']} open shards, {consumers} fan-out consumers"
    if status in {"ACTIVE", "UPDATING"}:
        yield Finding(Severity.OK, "stream", effect)
    else:
        create = "create it again when it is gone" if status == "DELETING" else "wait until it is ACTIVE"
        yield Finding(Severity.FAULT, "stream", effect, f"{create}, or name another stream")
        return
    if aws.reads_with_fan_out(app, examination.kcl_version):
        yield _consumer(examination, summary["StreamARN"], consumers)


def _consumer(examination: Examination, stream_arn: str, consumers: int) -> Finding:
    arn = examination.properties.values.get("fanoutConfig.consumerArn")
    name = arn or aws.consumer_name(examination.properties)
    which = {"ConsumerARN": arn} if arn else {"StreamARN": stream_arn, "ConsumerName": name}
    try:
        answer = examination.ask("kinesis", "describe_stream_consumer", **which)
    except RefusedError as error:
        if error.code == _MISSING and arn:
            remedy = "correct fanoutConfig.consumerArn, or have a consumer registered: fanoutConfig.consumerName"
            return Finding(Severity.FAULT, "fan-out", f"{name}: {error.reason}", remedy)
        if error.code != _MISSING:
            return _refusal(examination, "fan-out", name, error)
        if consumers < _CONSUMERS:
            return Finding(Severity.OK, "fan-out", f"consumer {name} will be registered; AWS charges for fan-out")
        effect = f"consumer {name} is to be registered, and the stream has {consumers} of the usual {_CONSUMERS}"
        return Finding(Severity.WARNING, "fan-out", effect, "retrievalMode = POLLING, or deregister a consumer")
    return Finding(Severity.OK, "fan-out", f"consumer {name}: {answer['ConsumerDescription']['ConsumerStatus']}")


def tables(examination: Examination) -> Iterator[Finding]:
    """That the application's tables are there, or can be made."""
    for what, name in _tables(examination):
        try:
            answer = examination.ask("dynamodb", "describe_table", TableName=name)
        except RefusedError as error:
            if error.code == _MISSING:
                yield Finding(Severity.OK, what, f"{name} will be created at the first start")
            else:
                yield _refusal(examination, what, name, error)
            continue
        status = answer["Table"]["TableStatus"]
        if status in {"ACTIVE", "UPDATING", "CREATING"}:
            yield Finding(Severity.OK, what, f"{name}: {status}")
        else:
            deleted = status == "DELETING"
            remedy = "wait until it is gone, and start the daemon then" if deleted else "make it ACTIVE in DynamoDB"
            yield Finding(Severity.FAULT, what, f"{name}: {status}", remedy)


def _tables(examination: Examination) -> list[tuple[str, str]]:
    app = examination.properties
    found = [("lease table", aws.lease_table(app))]
    if aws.kcl_line(examination.kcl_version) >= 3:
        found.append(("coordinator state table", aws.coordinator_state_table(app)))
        found.append(("worker metrics table", aws.worker_metrics_table(app)))
    return found


def permissions(examination: Examination) -> Iterator[Finding]:
    """What of the least policy is allowed: as IAM simulates it, or else what reading shows."""
    statements = least_policy(examination)
    try:
        principal = _identity(examination).principal
        denied = [action for statement in statements for action in _simulate(examination, principal, statement)]
    except RefusedError as error:
        yield from _read(examination, error)
        return
    if denied:
        effect = f"IAM's simulation denies {', '.join(denied)}"
        yield Finding(Severity.FAULT, "permissions", effect, _policy_remedy(examination))
    else:
        count = sum(len(statement.actions) for statement in statements)
        yield Finding(Severity.OK, "permissions", f"IAM's simulation allows all {count} actions of the least policy")


def least_policy(examination: Examination) -> tuple[iam.Statement, ...]:
    """The statements for the application in its region and account, with ``*`` for what cannot be found out."""
    app = examination.properties
    region, account = "*", "*"
    with suppress(NotInstalledError, RefusedError):
        if found := aws.region(app):
            region = found.name
        account = _identity(examination).account
    return iam.statements(app, examination.kcl_version, region=region, account=account)


class _Identity(NamedTuple):
    account: str
    principal: str


def _identity(examination: Examination) -> _Identity:
    """Whose the credentials are. Raises :class:`RefusedError`, also where each service has others."""
    app = examination.properties
    if len({aws.credentials_providers(app, service) for service in ("kinesis", "dynamodb", "cloudwatch")}) > 1:
        raise RefusedError("GetCallerIdentity", "SeveralCredentials", "the services have credentials of their own")
    answer = examination.ask("sts", "get_caller_identity")
    # Of an assumed role that of the role, which is right where the role has no path.
    role = re.fullmatch(r"(arn:[^:]+:)sts(::\d+:)assumed-role/([^/]+)/.+", answer["Arn"])
    return _Identity(answer["Account"], f"{role[1]}iam{role[2]}role/{role[3]}" if role else answer["Arn"])


def _simulate(examination: Examination, principal: str, statement: iam.Statement) -> list[str]:
    """What is denied of ``statement``. Raises :class:`RefusedError` where ``principal`` may not simulate."""
    context = [
        {
            "ContextKeyName": "cloudwatch:namespace",
            "ContextKeyValues": [statement.namespace],
            "ContextKeyType": "string",
        }
    ]
    answer = examination.ask(
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=principal,
        ActionNames=list(statement.actions),
        ResourceArns=[statement.resource.replace(":*", ":1")],  # the time of a consumer's registration
        ContextEntries=context if statement.namespace is not None else [],
    )
    return [
        f"{result['EvalActionName']} of {statement.sid}"
        for result in answer["EvaluationResults"]
        if result["EvalDecision"] != "allowed"
    ]


def _read(examination: Examination, obstacle: RefusedError) -> Iterator[Finding]:
    name = aws.stream_name(examination.properties)
    tried: list[tuple[Service, str, str, dict[str, object]]] = [
        ("kinesis", "list_shards", "ListShards", {"StreamName": name, "MaxResults": 1})
    ]
    tried += [("dynamodb", "scan", "Scan", {"TableName": table, "Limit": 1}) for _, table in _tables(examination)]
    allowed, denied = ["kinesis:DescribeStreamSummary", "dynamodb:DescribeTable"], []
    for service, operation, action, parameters in tried:
        try:
            examination.ask(service, operation, **parameters)
        except RefusedError as error:
            if error.code in _ACCESS_DENIED:
                denied.append(f"{service}:{action}")
            elif error.code == NOT_IN_AWS:
                allowed = [other for other in allowed if not other.startswith(service)]
        else:
            allowed.append(f"{service}:{action}")
    for action in dict.fromkeys(denied):
        yield Finding(Severity.FAULT, "permissions", f"{action}: denied", _policy_remedy(examination))
    yield Finding(
        Severity.WARNING,
        "permissions",
        f"tried and allowed: {', '.join(dict.fromkeys(allowed))}; not tested: what writes or reads records, because IAM "
        f"did not simulate it ({obstacle.reason})",
        f"{_policy_remedy(examination)}, and iam:SimulatePrincipalPolicy to have it tested",
    )


def clock(examination: Examination) -> Iterator[Finding]:
    """That the clock agrees with AWS's, from the Date of its last answer."""
    skew = examination.skew
    if skew is None:
        yield Finding(Severity.SKIPPED, "clock", "skipped because no service answered")
        return
    effect = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} AWS"
    remedy = "set the clock, with NTP"
    if abs(skew) > _SKEW_FAULT:
        effect += f": beyond {_SKEW_FAULT:.0f} s it refuses every signature"
        yield Finding(Severity.FAULT, "clock", effect, remedy)
    elif abs(skew) > _SKEW_WARNING:
        yield Finding(Severity.WARNING, "clock", f"{effect}; beyond {_SKEW_FAULT:.0f} s it refuses signatures", remedy)
    else:
        yield Finding(Severity.OK, "clock", f"within {_SKEW_WARNING:.0f} s of AWS's")


def _policy_remedy(examination: Examination) -> str:
    return f"allow what 'kclpy-helper doctor {examination.properties.path} --iam-policy' prints"


def _refusal(examination: Examination, subject: str, name: str, error: RefusedError) -> Finding:
    if error.code in _ACCESS_DENIED:
        remedy = _policy_remedy(examination)
    elif error.code == _MISSING:
        remedy = "create it, or correct streamName and regionName"
    elif error.code in _CREDENTIALS_REFUSED:
        remedy = "renew the credentials"
    elif error.code == "SSLError":
        remedy = "name the CA of its certificate for these checks: AWS_CA_BUNDLE=CA.pem; for the daemon see the check 'certificate'"
    elif error.code == "ProxyConnectionError":
        remedy = "correct HTTPS_PROXY, which boto3 takes; the daemon takes HTTP_PROXY (docs/production.md)"
    elif error.code == NOT_IN_AWS:
        remedy = "set AWS_ENDPOINT_URL, or both kinesisEndpoint and dynamoDBEndpoint: the daemon would go to AWS for this one"
        return Finding(Severity.WARNING, subject, f"{name}: nothing was asked: {error.message}", remedy)
    else:
        remedy = "see whether the endpoint can be reached from here, and whether the clock is right"
    return Finding(Severity.FAULT, subject, f"{name}: {error.reason}", remedy)
