"""What the service refuses, with the status, text and XML body it documents for each code."""

from xml.sax.saxutils import escape

from localdev.files_emulator.times import iso, now_ticks

BOM = b"\xef\xbb\xbf"

_OUT_OF_RANGE = "One of the request inputs is out of range."
_QUERY_VALUE = "Value for one of the query parameters specified in the request URI is invalid."

#: code -> (HTTP status, message); the message is also the reason phrase, as on the wire.
CODES: dict[str, tuple[int, str]] = {
    "AuthenticationFailed": (
        403,
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly"
        " including the signature.",
    ),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationProtocolMismatch": (
        403,
        "This request is not authorized to perform this operation using this protocol.",
    ),
    "AuthorizationResourceTypeMismatch": (
        403,
        "This request is not authorized to perform this operation using this resource type.",
    ),
    "AuthorizationServiceMismatch": (
        403,
        "This request is not authorized to perform this operation using this service.",
    ),
    "AuthorizationSourceIPMismatch": (
        403,
        "This request is not authorized to perform this operation using this source IP.",
    ),
    "CannotConvertToSddlDueToCustomAce": (
        400,
        "The security descriptor has custom ACEs and cannot be converted to SDDL. Ask for it in binary format.",
    ),
    "CannotVerifyCopySource": (404, "The specified resource does not exist."),
    "ContainerQuotaDowngradeNotAllowed": (
        409,
        "Can't downgrade quota at this moment. Please check share properties for the next allowed quota downgrade time.",
    ),
    "DeleteShareWhenSnapshotLeased": (
        409,
        "Unable to delete share because one or more share snapshots have active leases.",
    ),
    "CopyIdMismatch": (409, "The specified copy ID did not match the copy ID for the pending copy operation."),
    "Crc64Mismatch": (
        400,
        "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.",
    ),
    "DirectoryNotEmpty": (409, "The specified directory is not empty."),
    "EmptyMetadataKey": (400, "The key for one of the metadata key-value pairs is empty."),
    "FileGenerationMismatch": (409, "The file has been recreated since the previous snapshot was taken."),
    "FileInvalidPermission": (400, "The specified file permission is invalid."),
    "FileInvalidPermissionKey": (400, "The specified file permission key is invalid."),
    "FileOAuthManagementApiRestrictedToSrp": (
        409,
        "This API does not support bearer tokens. For OAuth, use the Storage Resource Provider APIs instead."
        " Learn more: https://aka.ms/azurefiles/restapi.",
    ),
    "FileShareProvisionedBandwidthDowngradeNotAllowed": (
        409,
        "The provisioned bandwidth of the share cannot be lowered at this time: it was raised less than 24 hours ago.",
    ),
    "FileShareProvisionedBandwidthInvalid": (400, "The provisioned bandwidth is outside the permissible range."),
    "FileShareProvisionedIopsDowngradeNotAllowed": (
        409,
        "The provisioned IOPS of the share cannot be lowered at this time: they were raised less than 24 hours ago.",
    ),
    "FileShareProvisionedIopsInvalid": (400, "The provisioned IOPS are outside the permissible range."),
    "FileShareProvisionedStorageInvalid": (400, "The provisioned storage is outside the permissible range."),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "InvalidAuthenticationInfo": (400, "Authentication information is not given in the correct format."),
    "InvalidFileOrDirectoryPathName": (400, "The specified file or directory path name is invalid."),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidMd5": (
        400,
        "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64-encoded.",
    ),
    "InvalidMetadata": (400, "The metadata specified is invalid. It has characters that are not permitted."),
    "InvalidQueryParameterValue": (400, _QUERY_VALUE),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidResourceName": (400, "The specifed resource name contains invalid characters."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidXmlNodeValue": (
        400,
        "The value provided for one of the XML nodes in the request body was not in the correct format.",
    ),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithFileOperation": (412, "The lease ID specified did not match the lease ID for the file."),
    "LeaseIdMismatchWithLeaseOperation": (409, "The lease ID specified did not match the lease ID for the resource."),
    "LeaseIdMismatchWithShareOperation": (412, "The lease ID specified did not match the lease ID for the share."),
    "LeaseIdMissing": (412, "There is currently a lease on the resource and no lease ID was specified in the request."),
    "LeaseIsBreakingAndCannotBeAcquired": (
        409,
        "The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken.",
    ),
    "LeaseIsBreakingAndCannotBeChanged": (
        409,
        "The lease ID matched, but the lease is currently in breaking state and cannot be changed.",
    ),
    "LeaseIsBrokenAndCannotBeRenewed": (
        409,
        "The lease ID matched, but the lease has been broken explicitly and cannot be renewed.",
    ),
    "LeaseLost": (412, "A lease ID was specified, but the lease for the resource has expired."),
    "LeaseNotPresentWithFileOperation": (412, "There is currently no lease on the file."),
    "LeaseNotPresentWithLeaseOperation": (409, "There is currently no lease on the resource."),
    "LeaseNotPresentWithShareOperation": (412, "There is currently no lease on the share."),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
    ),
    "MetadataTooLarge": (400, "The metadata specified exceeds the maximum permissible limit."),
    "MissingContentLengthHeader": (411, "Content-Length HTTP header is missing."),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "MissingRequiredXmlNode": (400, "A required XML node was not specified in the request body."),
    "MissingRequiredQueryParameter": (400, "A query parameter that's mandatory for this request is not specified."),
    "NoPendingCopyOperation": (409, "There is currently no pending copy operation."),
    "OutOfRangeInput": (400, _OUT_OF_RANGE),
    "OutOfRangeQueryParameterValue": (
        400,
        "One of the query parameters specified in the request URI is outside the permissible range.",
    ),
    "ParentNotFound": (404, "The specified parent path does not exist."),
    "PendingCopyOperation": (409, "There is currently a pending copy operation."),
    "PreviousSnapshotNotFound": (404, "The previous snapshot is not found."),
    "ReadOnlyAttribute": (409, "The specified resource is read-only and cannot be modified at this time."),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "RequestUrlFailedToParse": (400, "The url in the request could not be parsed."),
    "ResourceAlreadyExists": (409, "The specified resource already exists."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "ResourceTypeMismatch": (409, "The specified resource type does not match the type of the existing resource."),
    "ServerBusy": (503, "The server is busy."),
    "SharingViolation": (409, "The specified resource may be in use by an SMB client."),
    "ShareAlreadyExists": (409, "The specified share already exists."),
    "ShareHasSnapshots": (409, "The share has snapshots and the operation requires no snapshots."),
    "ShareNotFound": (404, "The specified share does not exist."),
    "ShareSnapshotCountExceeded": (409, "The number of snapshots on the share has reached the maximum of 200."),
    "ShareSnapshotNotFound": (404, "The specified share snapshot does not exist."),
    "ShareSnapshotOperationNotSupported": (400, "The specified operation is not supported on a share snapshot."),
    "SourceConditionNotMet": (412, "The source condition specified using HTTP conditional header(s) is not met."),
    "UnsupportedHeader": (400, "One of the HTTP headers specified in the request is not supported."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support the specified HTTP verb."),
    "UnsupportedXmlNode": (400, "One of the XML nodes specified in the request body is not supported."),
    "UnsupportedQueryParameter": (
        400,
        "One of the query parameters specified in the request URI is not supported.",
    ),
}


class ServiceError(Exception):
    """One documented refusal; nothing was changed when it is raised.

    ``details`` become extra elements of the body (``HeaderName``, ``MaxLimit``...), ``headers`` extra headers.
    """

    def __init__(
        self,
        code: str,
        *,
        message: str = "",
        status: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
        **details: str,
    ) -> None:
        super().__init__(code)
        known_status, known_message = CODES.get(code, (status or 400, code))
        self.code = code
        self.status = status or known_status
        self.message = message or known_message
        self.headers = headers
        self.details = details


def bad_header(name: str, value: str) -> ServiceError:
    """Return the refusal of one header's value."""
    return ServiceError("InvalidHeaderValue", HeaderName=name, HeaderValue=printable(value))


def unauthentic(detail: str) -> ServiceError:
    """Return the refusal of a request that cannot prove who sends it; ``detail`` may be several lines long."""
    safe = "\n".join(printable(line, most=8192) for line in detail.split("\n"))
    return ServiceError("AuthenticationFailed", AuthenticationErrorDetail=safe)


def missing_header(name: str) -> ServiceError:
    """Return the refusal of a request that lacks a header."""
    return ServiceError("MissingRequiredHeader", HeaderName=name)


def bad_query(name: str, value: str) -> ServiceError:
    """Return the refusal of one query parameter's value."""
    return ServiceError("InvalidQueryParameterValue", QueryParameterName=name, QueryParameterValue=printable(value))


def printable(text: str, most: int = 512) -> str:
    """Replace what XML cannot carry, and cut what is too long to repeat."""
    return "".join(
        c if c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff" else "?" for c in text[:most]
    )


def body(error: ServiceError, request_id: str) -> bytes:
    """Return the XML body of ``error``, byte-order mark included."""
    details = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in error.details.items())
    return (
        BOM
        + (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}\nRequestId:{request_id}\n"
            f"Time:{iso(now_ticks())}</Message>{details}</Error>"
        ).encode()
    )
