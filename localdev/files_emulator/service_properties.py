"""What the account's file service is set to, as it was set: metrics, CORS, retention of deleted shares, protocols.

Only the retention has an effect here. The service takes it through its resource manager and not through this
interface; here there is no other way in.
"""

from dataclasses import dataclass, field, replace

from localdev.files_emulator.request_xml import Node, checked, is_flag, is_list, is_number, parse

MAX_CORS_RULES = 5
MAX_RETENTION_DAYS = 365

_METHODS = ("DELETE", "GET", "HEAD", "MERGE", "PATCH", "POST", "OPTIONS", "PUT")
_FLAG = Node(is_flag, required=True)
_DAYS = Node(is_number(1, MAX_RETENTION_DAYS))
_RETENTION = Node(children={"Enabled": _FLAG, "Days": _DAYS}, needs=("Days",))
_METRICS = Node(
    children={
        "Version": Node(lambda text: text == "1.0", required=True),
        "Enabled": _FLAG,
        "IncludeAPIs": Node(is_flag),
        "RetentionPolicy": _RETENTION,
    },
    needs=("IncludeAPIs", "RetentionPolicy"),
)
_HEADERS = Node(is_list(66, may_be_empty=True), required=True)
_CORS_RULE = Node(
    children={
        "AllowedOrigins": Node(is_list(64), required=True),
        "AllowedMethods": Node(is_list(len(_METHODS), _METHODS), required=True),
        "AllowedHeaders": _HEADERS,
        "ExposedHeaders": _HEADERS,
        "MaxAgeInSeconds": Node(is_number(0, 2**31 - 1), required=True),
    },
    most=MAX_CORS_RULES,
)


def _words(*words: str) -> Node:
    return Node(is_list(len(words), words, separator=";"))


_SMB = Node(
    children={
        "Multichannel": Node(children={"Enabled": _FLAG}),
        "Versions": _words("SMB2.1", "SMB3.0", "SMB3.1.1"),
        "AuthenticationMethods": _words("NTLMv2", "Kerberos"),
        "KerberosTicketEncryption": _words("RC4-HMAC", "AES-256"),
        "ChannelEncryption": _words("AES-128-CCM", "AES-128-GCM", "AES-256-GCM"),
        "EncryptionInTransit": Node(children={"Required": _FLAG}),
    }
)
_NFS = Node(children={"EncryptionInTransit": Node(children={"Required": _FLAG})})
_SERVICE = {
    "HourMetrics": _METRICS,
    "MinuteMetrics": _METRICS,
    "Cors": Node(children={"CorsRule": _CORS_RULE}),
    "ShareDeleteRetentionPolicy": _RETENTION,
    "ProtocolSettings": Node(children={"SMB": _SMB, "NFS": _NFS}),
}
_DEFAULTS = {
    **dict.fromkeys(
        ("HourMetrics", "MinuteMetrics"),
        "<Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>",
    ),
    "Cors": "",
}


@dataclass(frozen=True, slots=True)
class ServiceProperties:
    """The service's settings; ``elements`` by name as XML, ``retention_days`` for deleted shares, 0 to keep none."""

    elements: dict[str, str] = field(default_factory=dict)
    retention_days: int = 0


def read(body: bytes, before: ServiceProperties) -> ServiceProperties:
    """Return what ``before`` becomes; elements that are not mentioned stay.

    :raises ServiceError: naming the node at fault.
    """
    root = parse(body, "StorageServiceProperties")
    checked(root, Node(children=_SERVICE))
    after = replace(
        before, elements=before.elements | {child.tag: checked(child, _SERVICE[child.tag]) for child in root}
    )
    retention = root.find("ShareDeleteRetentionPolicy")
    if retention is None:
        return after
    is_enabled = (retention.findtext("Enabled") or "").strip().lower() == "true"
    return replace(after, retention_days=int(retention.findtext("Days") or 0) if is_enabled else 0)


def written(properties: ServiceProperties) -> str:
    """Return the settings as XML, with defaults for what was never set."""
    found = {tag: f"<{tag}>{inner}</{tag}>" if inner else f"<{tag} />" for tag, inner in _DEFAULTS.items()}
    found |= properties.elements
    return "".join(found[tag] for tag in _SERVICE if tag in found)
