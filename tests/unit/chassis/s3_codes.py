"""Every error code that S3 publishes with an HTTP status, and some of other stores.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

_PUBLISHED = {
    301: "PermanentRedirect PermanentRedirectControlError",
    304: "NotModified",
    307: "Redirect TemporaryRedirect",
    400: """
        AccessControlListNotSupported AmbiguousGrantByEmailAddress AuthorizationHeaderMalformed
        AuthorizationQueryParametersError BadDigest BucketHasAccessPointsAttached ConnectionClosedByRequester
        CredentialsNotSupported DeviceNotActiveError EndpointNotFound EntityTooLarge EntityTooSmall ExpiredToken
        IllegalLocationConstraintException IllegalVersioningConfigurationException IncompleteBody IncorrectEndpoint
        IncorrectNumberOfFilesInPostRequest InlineDataTooLarge InvalidAccessPoint InvalidAccessPointAliasError
        InvalidArgument InvalidBucketAclWithObjectOwnership InvalidBucketName InvalidBucketOwnerAWSAccountID
        InvalidDigest InvalidEncryptionAlgorithmError InvalidHostHeader InvalidHttpMethod InvalidLocationConstraint
        InvalidPart InvalidPartOrder InvalidPolicyDocument InvalidRequest InvalidSOAPRequest InvalidSessionException
        InvalidSignature InvalidStorageClass InvalidTag InvalidTargetBucketForLogging InvalidToken InvalidURI
        KMS.DisabledException KMS.InvalidKeyUsageException KMS.KMSInvalidStateException KMS.NotFoundException
        KeyTooLongError MalformedACLError MalformedPOSTRequest MalformedPolicy MalformedXML MaxMessageLengthExceeded
        MaxPostPreDataLengthExceededError MetadataTooLarge MissingAttachment MissingRequestBodyError
        MissingSecurityElement MissingSecurityHeader NoLoggingStatusForKey NotDeviceOwnerError
        RequestHeaderSectionTooLarge RequestTimeout RequestTorrentOfBucketError ResponseInterrupted
        ServerSideEncryptionConfigurationNotFoundError TagPolicyException TokenCodeInvalidError TokenRefreshRequired
        TooManyAccessPoints TooManyBuckets TooManyMultiRegionAccessPointregionsError TooManyMultiRegionAccessPoints
        UnexpectedContent UnresolvableGrantByEmailAddress UnsupportedArgument UnsupportedSignature
        UserKeyMustBeSpecified
        """,
    403: """
        AccessDenied AccountProblem AllAccessDisabled CrossLocationLoggingProhibited InvalidAccessKeyId
        InvalidObjectState InvalidPayer InvalidRegion InvalidSecurity MissingAuthenticationToken NotSignedUp
        RequestTimeTooSkewed SignatureDoesNotMatch UnauthorizedAccessError UnexpectedIPError
        """,
    404: """
        NoSuchAccessPoint NoSuchAsyncRequest NoSuchBucket NoSuchBucketPolicy NoSuchCORSConfiguration NoSuchKey
        NoSuchLifecycleConfiguration NoSuchMultiRegionAccessPoint NoSuchObjectLockConfiguration NoSuchTagSet
        NoSuchUpload NoSuchVersion NoSuchWebsiteConfiguration NoTransformationDefined
        ObjectLockConfigurationNotFoundError OwnershipControlsNotFoundError
        """,
    405: "MethodNotAllowed",
    409: """
        AccessPointAlreadyOwnedByYou BucketAlreadyExists BucketAlreadyOwnedByYou BucketNotEmpty ClientTokenConflict
        ConditionalRequestConflict InvalidBucketState OperationAborted RestoreAlreadyInProgress
        """,
    411: "MissingContentLength",
    412: "PreconditionFailed RequestIsNotMultiPartContent",
    416: "InvalidRange",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable SlowDown",
}
_OTHERS = {
    # MinIO, Ceph, SeaweedFS, Garage, and what stands in front of them.
    400: "XMinioInvalidObjectName XMinioInvalidResourceName KeyTooLong InvalidObjectName",
    401: "Unauthorized",
    402: "PaymentRequired",
    403: "QuotaExceeded UserSuspended XMinioAdminNoSuchUser",
    408: "RequestTimeout",
    409: "XMinioObjectExistsAsDirectory XMinioParentIsObject",
    410: "Gone",
    413: "EntityTooLarge",
    414: "URITooLong",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    451: "UnavailableForLegalReasons",
    500: "UnknownError",
    502: "BadGateway",
    503: "Busy XMinioServerNotInitialized",
    504: "GatewayTimeout",
    507: "XMinioStorageFull",
}

S3_CODES = [
    (status, code) for table in (_PUBLISHED, _OTHERS) for status, codes in table.items() for code in codes.split()
]

PASSING = {
    "BadGateway", "Busy", "ConditionalRequestConflict", "ConnectionClosedByRequester", "GatewayTimeout",
    "IncompleteBody", "InternalError", "OperationAborted", "Redirect", "RequestTimeout", "ResponseInterrupted",
    "ServiceUnavailable", "SlowDown", "TemporaryRedirect", "TooManyRequests", "UnknownError",
    "XMinioServerNotInitialized", "XMinioStorageFull",
}  # fmt: skip
"""What passes by itself, sooner or later: an outage, whoever asked for what."""
