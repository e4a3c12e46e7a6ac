"""Why the registry says no: each a stable code, and the request's field that it is about."""

from typing import ClassVar


class RuleBroken(Exception):
    """A request that the aggregate doesn't allow. `str()` of it is for people."""

    code: ClassVar[str]
    field: ClassVar[str] = ""


class ModelUnknown(RuleBroken):
    code = "model-unknown"
    field = "model_id"


class ModelIsArchived(RuleBroken):
    code = "model-archived"
    field = "model_id"


class VersionUnknown(RuleBroken):
    code = "version-unknown"
    field = "version"


class VersionIsArchived(RuleBroken):
    code = "version-archived"
    field = "version"


class VersionIsUnfit(RuleBroken):
    """It was registered by earlier rules; by those of now it would be refused."""

    code = "version-unfit"
    field = "version"


class VersionConflict(RuleBroken):
    code = "version-conflict"
    field = "expected_version"


class TooManyAliases(RuleBroken):
    code = "alias-limit"
    field = "alias"


class MarketNotAllowed(RuleBroken):
    code = "market-not-allowed"
    field = "scope.market"


class BrandNotAllowed(RuleBroken):
    code = "brand-not-allowed"
    field = "scope.brand"


class DatasetUnknown(RuleBroken):
    code = "dataset-unknown"
    field = "dataset_id"


class DatasetPlaceReserved(RuleBroken):
    """What lies there is the platform's own, and is removed."""

    code = "dataset-reserved"
    field = "uri"


class DatasetIsRetired(RuleBroken):
    code = "dataset-retired"
    field = "dataset_id"
