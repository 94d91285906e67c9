"""Extracts the property keys that a KCL's MultiLangDaemon knows from the classes in its jars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keytools.classfile import ClassFile, ClassPath

_MULTILANG = "software.amazon.kinesis.multilang"
_CONFIGURATION = f"{_MULTILANG}.config.MultiLangDaemonConfiguration"
_BUILDER = f"{_MULTILANG}.config.BuilderDynaBean"
_SERVICES = "software.amazon.awssdk.services"
_BUILT = {
    "kinesisClient": f"{_SERVICES}.kinesis.KinesisAsyncClient",
    "dynamoDbClient": f"{_SERVICES}.dynamodb.DynamoDbAsyncClient",
    "cloudWatchClient": f"{_SERVICES}.cloudwatch.CloudWatchAsyncClient",
    # The key "class" names the class to build, so that what else there is depends on the file.
    "kinesisCredentialsProvider": None,
    "dynamoDBCredentialsProvider": None,
    "cloudWatchCredentialsProvider": None,
}
"""What each BuilderDynaBean of MultiLangDaemonConfiguration builds; only its constructor's code says so."""
_NO_VALUE = ("java.util.function.Consumer", "java.util.function.Supplier")

_READERS = (f"{_MULTILANG}.MultiLangDaemonConfig",)
"""The classes that read keys by constants of their own."""

_KCL_1 = "com.amazonaws.services.kinesis"
_KCL_1_CONFIGURATION = f"{_KCL_1}.clientlibrary.lib.worker.KinesisClientLibConfiguration"
_KCL_1_READERS = (
    f"{_KCL_1}.multilang.MultiLangDaemonConfig",
    f"{_KCL_1}.clientlibrary.config.KinesisClientLibConfigurator",
)
_KCL_1_DECODED = (
    "int",
    "long",
    "boolean",
    "java.util.Date",
    "java.lang.String",
    "java.util.Set",
    f"{_KCL_1}.clientlibrary.lib.worker.InitialPositionInStream",
)
"""The parameter types for which KinesisClientLibConfigurator has a decoder that decodes."""

_PROVIDERS = {
    "software.amazon.awssdk.auth.credentials.AwsCredentialsProvider": (
        f"{_MULTILANG}.auth",
        "software.amazon.awssdk.auth.credentials",
    ),
    "com.amazonaws.auth.AWSCredentialsProvider": ("com.amazonaws.auth",),
}
"""The packages in which AwsCredentialsProviderPropertyValueDecoder looks for a name, by what it looks for."""
_TEXTS = ("java.lang.String", "java.lang.String[]")


@dataclass(frozen=True)
class Extract:
    """What the classes of one KCL say.

    ``keys`` has the Java type of each key, by its simple name; ``read_by_name`` the keys that are read from the properties
    by just this name, whatever beans and methods there are; ``enums`` the constants of the types that are enums;
    ``providers`` the credentials providers that can be made from texts.
    """

    kcl_version: str
    keys: dict[str, str]
    read_by_name: list[str]
    enums: dict[str, list[str]]
    providers: list[str]


def extract(kcl_version: str, classes: ClassPath) -> Extract:
    """The keys of the daemon of ``classes``. Raises KeyError where a class or a builder is not as in the KCL known."""
    line_1 = _CONFIGURATION not in classes
    by_name = dict(_keys_read_by_name(classes, _KCL_1_READERS if line_1 else _READERS))
    found = dict(_keys_of_kcl_1(classes) if line_1 else _keys(classes))
    enums = {_simple(name): classes[name].enum_constants for name in set(found.values()) if name in classes}
    return Extract(
        kcl_version,
        keys={key: _simple(name) for key, name in sorted({**by_name, **found}.items())},
        read_by_name=sorted(by_name),
        enums={name: values for name, values in sorted(enums.items()) if values},
        providers=sorted(set(_providers(classes))),
    )


def _simple(name: str) -> str:
    return name.rpartition(".")[2].rpartition("$")[2]


def _keys(classes: ClassPath) -> Iterator[tuple[str, str]]:
    """KCL 2 and 3: what KinesisClientLibConfigurator sets as properties of a bean and of the beans in it."""
    configuration = classes[_CONFIGURATION]
    yield from _setters(configuration)
    for method in configuration.methods:
        if not method.is_public or not method.name.startswith("get") or len(method.types) != 1:
            continue
        key, kind = _decapitalize(method.name[3:]), method.types[0]
        if kind == _BUILDER:
            built = _BUILT[key]
            yield key, "builder" if built is None else "client"
            if built is not None:
                yield from ((f"{key}.{name}", of) for name, of in _built_of(classes, built))
        elif kind.startswith(_MULTILANG) and not classes[kind].enum_constants:
            yield from ((f"{key}.{name}", of) for name, of in _setters(classes[kind]))


def _setters(bean: ClassFile) -> Iterator[tuple[str, str]]:
    for method in bean.methods:
        if method.is_public and method.name.startswith("set") and method.types[1:] == ("void",):
            # KinesisClientLibConfigurator.processKey takes this prefix in any case; people write it like this.
            name = _decapitalize(method.name[3:]).replace("awsCredentialsProvider", "AwsCredentialsProvider")
            yield name, method.types[0]


def _decapitalize(name: str) -> str:
    """As java.beans.Introspector does it."""
    return name if name[:2].isupper() else name[0].lower() + name[1:]


def _built_of(classes: ClassPath, name: str) -> Iterator[tuple[str, str]]:
    """DynaBeanBuilderSupport: the builder's methods of one parameter that return the builder."""
    (builder,) = {method.types[-1] for method in classes[name].methods if method.name == "builder"}
    ancestry = list(classes.ancestry(builder))
    names = {ancestor.name for ancestor in ancestry}
    for ancestor in ancestry:
        for method in ancestor.methods:
            if len(method.types) == 2 and method.types[1] in names and method.types[0] not in _NO_VALUE:
                yield method.name, method.types[0]


def _keys_of_kcl_1(classes: ClassPath) -> Iterator[tuple[str, str]]:
    """KCL 1: KinesisClientLibConfigurator calls each ``with`` method whose parameter's type it can decode."""
    for method in classes[_KCL_1_CONFIGURATION].methods:
        if method.name.startswith("with") and len(method.types) == 2 and method.types[0] in _KCL_1_DECODED:
            yield _decapitalize(method.name[4:]), method.types[0]


def _keys_read_by_name(classes: ClassPath, readers: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for reader in readers:
        for field in classes[reader].fields:
            if field.constant is not None and "PROP" in field.name.split("_"):
                yield field.constant, "int" if field.name == "PROP_MAX_ACTIVE_THREADS" else "java.lang.String"


def _providers(classes: ClassPath) -> Iterator[str]:
    """Those with a public constructor, or a static create method, that takes texts alone, if anything."""
    for wanted, packages in _PROVIDERS.items():
        for package in packages:
            for provider in classes.package(package):
                makers = (
                    method
                    for method in provider.methods
                    if method.is_public
                    and (method.name == "<init>" or (method.name == "create" and method.is_static))
                    and all(parameter in _TEXTS for parameter in method.types[:-1])
                )
                ancestors = {ancestor.name for ancestor in classes.ancestry(provider.name)}
                if provider.is_public_and_whole and wanted in ancestors and any(makers):
                    yield _simple(provider.name)
