"""The object store as the scoring engine sees it: ranged reads of a frozen object, single puts, listings."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from chassis.object_errors import PROBED_PREFIX, Answer, Meaning
from chassis.settings import S3Settings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.store_answers import answer_of, in_words

DATASETS, MODELS, RESULTS = "datasets", "models", "results"
_PIECE_BYTES = 1 << 20


def parse_uri(uri: str, *, bucket: str) -> str:
    """The key of an `s3://<bucket>/…` address; any other bucket or a `..` is refused."""
    parts = urlsplit(uri)
    key = parts.path.lstrip("/")
    if parts.scheme != "s3" or parts.netloc != bucket or ".." in key.split("/"):
        raise ScoringError("address-refused", f"{uri} is not an address in the bucket {bucket}")
    return key


class Bucket:
    """One bucket. Errors of the driver leave it as `ScoringError`. `bytes_read` counts what came by ranges."""

    def __init__(self, settings: S3Settings, name: str) -> None:
        self.name = name
        self.bytes_read = 0
        self._store = _connect(
            name,
            settings.endpoint,
            settings.access_key.get_secret_value(),
            settings.secret_key.get_secret_value(),
            settings.region,
        )

    def get(self, key: str) -> memoryview:
        with self._translated(key):
            return memoryview(obstore.get(self._store, key).bytes())

    def get_range(self, source: InputObject, start: int, end: int) -> memoryview:
        """Bytes `start` to `end` (exclusive) of exactly the object that was listed."""
        with self._translated(source.key, of_input=True):
            data = memoryview(obstore.get(self._store, source.key, options=_range(source, start, end)).bytes())
        self.bytes_read += data.nbytes
        return data

    def beginning(self, source: InputObject, size: int) -> tuple[memoryview, str | None]:
        """The first bytes of exactly the object that was listed, and its content type."""
        with self._translated(source.key, of_input=True):
            found = obstore.get(self._store, source.key, options=_range(source, 0, size))
            data = memoryview(found.bytes())
        self.bytes_read += data.nbytes
        return data, found.attributes.get("Content-Type")

    def read_into(self, source: InputObject, start: int, target: memoryview) -> None:
        """As many bytes from `start` on as `target` has, as they come: there is no copy of the whole in between."""
        filled = 0
        with self._translated(source.key, of_input=True):
            found = obstore.get(self._store, source.key, options=_range(source, start, start + target.nbytes))
            for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                data = memoryview(piece)
                if filled + data.nbytes > target.nbytes:
                    break
                target[filled : filled + data.nbytes] = data
                filled += data.nbytes
        if filled != target.nbytes:
            raise ScoringError("store-unavailable", f"s3://{self.name}/{source.key}: {filled} of {target.nbytes} bytes")
        self.bytes_read += filled

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object in pieces of about 8 MiB."""
        with self._translated(key):
            for piece in obstore.get(self._store, key).stream(min_chunk_size=8 << 20):
                yield bytes(piece)

    def put(self, key: str, data: bytes | memoryview) -> str:
        """Stores the object and returns its address."""
        with self._translated(key):
            obstore.put(self._store, key, memoryview(data).cast("B"), use_multipart=False)
        return f"s3://{self.name}/{key}"

    def put_new(self, key: str, data: bytes) -> bool:
        """Stores the object unless there is one. False doesn't mean that it is another's: a try may be repeated."""
        with self._translated(key):
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def discard(self, keys: Iterable[str]) -> None:
        """Delete objects that nothing names, as far as the store lets it; what stays harms nobody."""
        with suppress(BaseError, OSError, ScoringError):
            if gone := list(keys):
                obstore.delete(self._store, gone)

    def list(self, prefix: str) -> Iterator[InputObject]:
        """Objects at or under the prefix, whose last segment is a whole name."""
        with self._translated(prefix):
            for page in obstore.list(self._store, prefix=prefix or None):
                for meta in page:
                    yield InputObject(key=meta["path"], etag=meta["e_tag"] or "", size_bytes=meta["size"])

    def head(self, key: str) -> InputObject | None:
        try:
            with self._translated(key):
                meta = obstore.head(self._store, key)
        except ScoringError as error:
            if error.code != "object-missing":
                raise
            return None
        return InputObject(key=meta["path"], etag=meta["e_tag"] or "", size_bytes=meta["size"])

    @contextmanager
    def _translated(self, key: str, *, of_input: bool = False) -> Generator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise self._told(key, error, of_input=of_input) from error

    def _told(self, key: str, error: Exception, *, of_input: bool) -> ScoringError:
        """What the store's answer says of the object; where its kind alone doesn't say, whether the store is well."""
        where, answer = f"s3://{self.name}/{key}", answer_of(error, key)
        away = error if answer.meaning is Meaning.AWAY else None
        if answer.meaning in {Meaning.FORBIDDEN, Meaning.UNFIT}:
            away = self._away()
        if away is not None:
            said = answer_of(away, key).name
            return ScoringError("store-unavailable", f"{where}: {said}", detail=in_words(away))
        return _of_input(where, answer) if of_input else _of_object(where, answer)

    def _away(self) -> Exception | None:
        """Why the bucket can't be looked into; None where it can."""
        try:
            next(iter(obstore.list(self._store, prefix=PROBED_PREFIX)), None)
        except (BaseError, OSError) as error:
            return error
        return None


def _of_input(where: str, answer: Answer) -> ScoringError:
    match answer.meaning:
        case Meaning.MISSING:
            return ScoringError("input-missing", f"{where} is gone")
        case Meaning.CHANGED:
            return ScoringError("input-changed", f"{where} has changed since it was listed")
        case Meaning.FORBIDDEN:
            return ScoringError("input-forbidden", f"the store doesn't let the executor read {where} ({answer})")
        case _:
            return ScoringError("input-unfit", f"the store doesn't give {where} ({answer})")


def _of_object(where: str, answer: Answer) -> ScoringError:
    match answer.meaning:
        case Meaning.MISSING:
            return ScoringError("object-missing", f"{where} is not there")
        case Meaning.CHANGED:
            return ScoringError("object-changed", f"{where} has changed")
        case Meaning.FORBIDDEN:
            return ScoringError(
                "object-forbidden", f"the store doesn't let the executor do this with {where} ({answer})"
            )
        case _:
            return ScoringError("object-unfit", f"the store doesn't do this with {where} ({answer})")


def _range(source: InputObject, start: int, end: int) -> "obstore.GetOptions":
    return {"range": (start, end), "if_match": source.etag}


@lru_cache(maxsize=16)
def _connect(bucket: str, endpoint: str, access_key: str, secret_key: str, region: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=endpoint,
        access_key_id=access_key,
        secret_access_key=secret_key,
        region=region,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": True,
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(minutes=5),
            "read_timeout": timedelta(seconds=30),
        },
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
    )
