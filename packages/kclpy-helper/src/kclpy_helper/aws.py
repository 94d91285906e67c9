"""boto3 clients for the AWS that an application's properties name: its region, endpoints, credentials and tables."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from kclpy_helper import aws_names
from kclpy_helper.errors import NotInstalledError, RefusedError
from kclpy_helper.findings import without_secrets
from kclpy_helper.properties import POLLING_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    import boto3
    import botocore.credentials
    import botocore.session

    from kclpy_helper.properties import Properties

    Service = Literal["kinesis", "dynamodb", "cloudwatch", "sts", "iam"]

_ENDPOINTS = {
    "kinesis": ("kinesisEndpoint", "kinesisClient.endpointOverride"),
    "dynamodb": ("dynamoDBEndpoint", "dynamoDbClient.endpointOverride"),
    "cloudwatch": ("cloudWatchClient.endpointOverride",),
}
_ASKED_OF_AWS = frozenset({"assume-role", "assume-role-with-web-identity", "sso", "login"})
"""botocore's providers whose credentials AWS makes, as its STS does."""
MADE_UP = "explicit"
"""botocore's name of how the credentials were found that take the place of those which AWS would make."""
OF_THE_APPLICATION: tuple[Service, ...] = ("kinesis", "dynamodb")
"""What tells where an application is."""
_CREDENTIALS = {
    "dynamodb": "awscredentialsproviderdynamodb",
    "cloudwatch": "awscredentialsprovidercloudwatch",
}
_PROFILE_PROVIDERS = (
    "assume-role",
    "assume-role-with-web-identity",
    "sso",
    "login",
    "shared-credentials-file",
    "custom-process",
    "config-file",
)
_PROVIDERS = {
    "EnvironmentVariableCredentialsProvider": ("env",),
    "ProfileCredentialsProvider": _PROFILE_PROVIDERS,
    "WebIdentityTokenFileCredentialsProvider": ("assume-role-with-web-identity",),
    "WebIdentityTokenCredentialsProvider": ("assume-role-with-web-identity",),
    "ContainerCredentialsProvider": ("container-role",),
    "EC2ContainerCredentialsProviderWrapper": ("container-role", "iam-role"),
    "InstanceProfileCredentialsProvider": ("iam-role",),
}
"""The AWS SDK for Java's providers, of its versions 1 and 2, and botocore's that look at the same places."""
_DEFAULT = ("DefaultCredentialsProvider", "DefaultAWSCredentialsProviderChain")
_ASSUMED = (
    "StsAssumeRoleCredentialsProvider",
    "KclStsAssumeRoleCredentialsProvider",
    "STSAssumeRoleSessionCredentialsProvider",
)


class Region(NamedTuple):
    """The region that the daemon takes, and where from."""

    name: str
    source: str


class CredentialsProvider(NamedTuple):
    """One provider of an ``AwsCredentialsProvider`` value: its simple class name, its arguments, its nested keys."""

    name: str
    arguments: tuple[str, ...]
    nested: tuple[tuple[str, str], ...]

    @property
    def mapped(self) -> bool:
        """Whether boto3 has an equivalent; without one the default chain takes its place."""
        return self.name in _PROVIDERS or self.name in _DEFAULT or self.name in _ASSUMED


def client(app: Properties, service: Service) -> Any:
    """A client of ``service``, in the region, at the endpoint and with the credentials of ``app``.

    Raises :class:`~kclpy_helper.errors.NotInstalledError` without boto3, :class:`~kclpy_helper.errors.RefusedError` where the
    endpoint is not a URL, and botocore's errors where no region is known or a profile does not exist.
    """
    session_of_service = session(app, service)
    import botocore.config

    config = botocore.config.Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
    try:
        return session_of_service.client(service, endpoint_url=_configured_endpoint(app, service), config=config)
    except ValueError as error:  # botocore's own for an endpoint that is not a URL
        raise RefusedError(service, "InvalidEndpoint", without_secrets(str(error))) from None


def endpoint(app: Properties, service: Service) -> str:
    """The URL at which ``service`` is asked for ``app``. Raises as :func:`client` does."""
    _require_boto3()
    import botocore.session

    found = region(app)
    made = botocore.session.Session().create_client(
        service,
        region_name=found.name if found else None,
        endpoint_url=_configured_endpoint(app, service),
        aws_access_key_id=MADE_UP,
        aws_secret_access_key=MADE_UP,
    )
    url: str = made.meta.endpoint_url
    return url


def is_of_aws(url: str) -> bool:
    """Whether an endpoint is AWS's own."""
    return aws_names.is_aws(urlsplit(url).hostname or "")


def is_in_aws(app: Properties) -> bool:
    """Whether ``app`` has Kinesis and DynamoDB of AWS itself; a local one may not be mistaken for that, nor mixed with it."""
    return all(is_of_aws(endpoint(app, service)) for service in OF_THE_APPLICATION)


def _configured_endpoint(app: Properties, service: Service) -> str | None:
    url = next((app.values[key] for key in _ENDPOINTS.get(service, ()) if app.values.get(key)), None)
    return f"https://{url}" if url and "://" not in url else url  # KCL 1 takes a host


def refused(error: Exception, operation: str = "AWS") -> RefusedError | None:
    """What one of botocore's errors says, without what may hold a secret; None for any other error.

    ``operation`` is what was tried, where ``error`` does not say it.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        # The first line only: those that follow of a refused signature repeat what was signed, session tokens too.
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        return RefusedError(error.operation_name, code, without_secrets(message.partition("\n")[0]))
    if isinstance(error, BotoCoreError):
        return RefusedError(operation, type(error).__name__, without_secrets(" ".join(str(error).split())))
    return None


def session(app: Properties, service: Service = "kinesis") -> boto3.Session:
    """A session with the region of ``app``, and with its credentials for ``service``.

    They are made up where AWS would have to be asked for them although ``app`` is not in AWS. Raises as :func:`client` does.
    """
    _require_boto3()
    import boto3
    import botocore.credentials
    import botocore.session

    specified = credentials_providers(app, service)
    core = botocore.session.Session()
    if specified and all(provider.mapped for provider in specified):
        providers = [found for provider in specified for found in _botocore_providers(provider, app)]
        core.register_component("credential_provider", botocore.credentials.CredentialResolver(providers))
    found = region(app)
    region_name = found.name if found else None
    if _asks_aws(core, app, specified) and not is_in_aws(app):
        return boto3.Session(aws_access_key_id=MADE_UP, aws_secret_access_key=MADE_UP, region_name=region_name)
    return boto3.Session(botocore_session=core, region_name=region_name)


def _asks_aws(core: botocore.session.Session, app: Properties, specified: tuple[CredentialsProvider, ...]) -> bool:
    """Whether AWS itself, and no other STS that is named somewhere, would be asked to make the credentials."""
    found = core.get_credentials()
    named = next((_sts_of(provider)[0] for provider in specified if provider.name in _ASSUMED), "")
    return found is not None and found.method in _ASKED_OF_AWS and is_of_aws(named or endpoint(app, "sts"))


def _require_boto3() -> None:
    if find_spec("boto3") is None:
        raise NotInstalledError("kclpy-helper[aws]", "boto3, which talks to AWS")


def credentials_providers(app: Properties, service: Service = "kinesis") -> tuple[CredentialsProvider, ...]:
    """What ``AwsCredentialsProvider`` says for ``service``, in its order; empty where it is not set.

    Its form is ``Name|argument...|key=value...``, and a list of them, with commas, is tried one after the other
    (AwsCredentialsProviderPropertyValueDecoder). The key's case does not matter.
    """
    values = {key.lower(): value for key, value in app.values.items()}
    value = values.get(_CREDENTIALS.get(service, "")) or values.get("awscredentialsprovider", "")
    return tuple(_parse(spec.strip()) for spec in value.split(",") if spec.strip())


def _parse(spec: str) -> CredentialsProvider:
    name, *arguments = spec.split("|")
    return CredentialsProvider(
        name.rpartition(".")[2],
        tuple(argument for argument in arguments if "=" not in argument),
        tuple((key, value) for key, equals, value in (argument.partition("=") for argument in arguments) if equals),
    )


def _botocore_providers(
    provider: CredentialsProvider, app: Properties
) -> Iterator[botocore.credentials.CredentialProvider]:
    import botocore.session

    if provider.name in _ASSUMED:
        yield _assumed_role(provider, app)
        return
    profile = provider.arguments[0] if provider.arguments else None
    resolver = botocore.session.Session(profile=profile).get_component("credential_provider")
    for candidate in resolver.providers:
        if provider.name in _DEFAULT or candidate.METHOD in _PROVIDERS[provider.name]:
            yield candidate


def _sts_of(provider: CredentialsProvider) -> tuple[str, str]:
    """The URL and the region of the STS that a provider names; each may be ``""``."""
    url, _, region_name = dict(provider.nested).get("endpoint", "").partition("^")
    return url, region_name


def _assumed_role(provider: CredentialsProvider, app: Properties) -> botocore.credentials.CredentialProvider:
    """The role of ``StsAssumeRoleCredentialsProvider|arn|session``, assumed with the default chain's credentials."""
    import botocore.credentials
    import botocore.session

    arn, role_session = (*provider.arguments, "", "")[:2]
    nested = dict(provider.nested)
    url, endpoint_region = _sts_of(provider)
    found = region(app)
    signed_for = nested.get("endpointRegion") or endpoint_region or (found.name if found else None)
    core = botocore.session.Session()

    def create_client(service: str, **options: Any) -> Any:
        return core.create_client(service, region_name=signed_for, endpoint_url=url or None, **options)

    class AssumedRole(botocore.credentials.CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> botocore.credentials.Credentials | None:
            source = core.get_credentials()
            if source is None:
                return None
            fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
                create_client,
                source,
                arn,
                extra_args={
                    "RoleSessionName": role_session or "kclpy-helper",
                    **({"ExternalId": nested["externalId"]} if "externalId" in nested else {}),
                },
            )
            return botocore.credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    return AssumedRole()


def region(app: Properties) -> Region | None:
    """The region as the daemon finds it, or None: ``regionName``, AWS_REGION, the AWS profile, EC2's metadata.

    That is the order of the AWS SDK for Java (DefaultAwsRegionProviderChain). It does not look at AWS_DEFAULT_REGION,
    which is boto3's. Raises :class:`~kclpy_helper.errors.NotInstalledError` where it takes boto3 to look further.
    """
    if name := app.values.get("regionName"):
        return Region(name, "regionName")
    if name := os.environ.get("AWS_REGION"):
        return Region(name, "AWS_REGION")
    _require_boto3()
    import botocore.session
    from botocore.exceptions import BotoCoreError, ProfileNotFound
    from botocore.utils import InstanceMetadataRegionFetcher

    core = botocore.session.Session()
    try:
        if name := core.get_scoped_config().get("region"):
            return Region(name, f"AWS profile {core.profile or 'default'}")
    except ProfileNotFound:
        pass  # for the credentials to say
    except BotoCoreError as error:
        raise refused(error, "AWS profile") or error from None
    if name := InstanceMetadataRegionFetcher(timeout=1, num_attempts=1).retrieve_region():
        return Region(name, "EC2's metadata")
    return None


def kcl_line(kcl_version: str) -> int:
    """1, 2 or 3: what a daemon calls and says depends on no more than that."""
    return int(kcl_version.partition(".")[0])


def reads_with_fan_out(app: Properties, kcl_version: str) -> bool:
    """Whether the daemon reads with enhanced fan-out (RetrievalMode, PollingConfigBean).

    It does where ``retrievalMode`` is FANOUT, and where that is DEFAULT, or not set, and no polling key is.
    """
    mode = app.values.get("retrievalMode", "DEFAULT").strip().upper()
    if kcl_line(kcl_version) == 1 or mode == "POLLING":
        return False
    values = {key.removeprefix("pollingConfig."): value.strip() for key, value in app.values.items()}
    return mode == "FANOUT" or all(values.get(key) in {None, "", "0"} for key in POLLING_KEYS)


def stream_name(app: Properties) -> str:
    """The stream that the daemon reads: the name in ``streamArn``, which takes precedence, or ``streamName``."""
    return app.values.get("streamArn", "").rpartition("/")[2] or app.values.get("streamName", "")


def consumer_name(app: Properties) -> str:
    """The name under which the daemon registers for enhanced fan-out."""
    return app.values.get("fanoutConfig.consumerName") or app.values.get("applicationName", "")


def lease_table(app: Properties) -> str:
    """The name of the lease table."""
    return app.values.get("tableName") or app.values.get("applicationName", "")


def coordinator_state_table(app: Properties) -> str:
    """The name of KCL 3's table of the application's leader and its migration."""
    return app.values.get("coordinatorStateTableName") or f"{app.values.get('applicationName', '')}-CoordinatorState"


def worker_metrics_table(app: Properties) -> str:
    """The name of KCL 3's table of the workers' utilisation."""
    return app.values.get("workerMetricsTableName") or f"{app.values.get('applicationName', '')}-WorkerMetricStats"
