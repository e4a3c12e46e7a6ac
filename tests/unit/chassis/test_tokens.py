"""A token is cut out of whatever it stands in, and nothing else is changed."""

import base64
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.tokens import CUT, fields_with_tokens, is_secret, text_without_tokens, without_tokens


def part(content) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


JWT = f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part({'sub': 'ana', 'aud': 'mlplatform-bus'})}.c2lnbmF0dXJl-_x"
OPAQUE = "s3cr3t-Opaque.Token~1/2+3="


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(each):04x}" for each in text)


def nested(content) -> str:
    return json.dumps({"a": json.dumps({"b": json.dumps(content)})})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (JWT, CUT),
        (f"Bearer {OPAQUE}", f"Bearer {CUT}"),
        (f"Bearer {JWT}", f"Bearer {CUT}"),
        (f"bearer  {JWT}", f"bearer  {CUT}"),
        (f'{{"authorization": "Bearer {JWT}", "id": "1"}}', f'{{"authorization": "{CUT}", "id": "1"}}'),
        (f'{{"Authorization":"{OPAQUE}"}}', f'{{"Authorization":"{CUT}"}}'),
        (f'{{"AUTHORIZATION" : {{"of": ["{OPAQUE}", "}}"]}}, "a": 1}}', '{"AUTHORIZATION" : {}, "a": 1}'),
        ('{"authorization": 12345, "a": 1}', '{"authorization": null, "a": 1}'),
        ('{"authorization": null, "a": 1}', '{"authorization": null, "a": 1}'),
        (f'{{"a": [{{"ce_authorization": "Basic {OPAQUE}"}}]}}', f'{{"a": [{{"ce_authorization": "{CUT}"}}]}}'),
        (f'{{"data": {{"note": "use {JWT}, please"}}}}', f'{{"data": {{"note": "use {CUT}, please"}}}}'),
        (f'{{"{JWT}": 1}}', f'{{"{CUT}": 1}}'),
        (f'{{"access_token": "{OPAQUE}"', f'{{"access_token": "{CUT}"'),
        (f'{{"a": "{escaped("Bearer " + JWT)}"}}', f'{{"a": "{escaped("Bearer ")}{CUT}"}}'),
        (f'{{"{escaped("authorization")}": "{OPAQUE}"}}', f'{{"{escaped("authorization")}": "{CUT}"}}'),
        (nested({"authorization": OPAQUE}), nested({"authorization": CUT})),
        (f"POST /x\r\nAuthorization: Basic {OPAQUE}\r\nHost: y", "POST /x\r\nAuthorization: null\r\nHost: y"),
        (f'{{"authorization": "{OPAQUE}', f'{{"authorization": "{CUT}'),
        (f"{JWT[:40]}{JWT}", JWT[:40] + CUT),
        ('"Bearer abc\\/def\\/ghi"', f'"Bearer {CUT}"'),
        (f'"Bearer\\n{JWT}"', f'"Bearer\\n{CUT}"'),
        (f"prefix{JWT} and {JWT}", f"prefix{CUT} and {CUT}"),
    ],
)
def test_a_token_is_cut_out_wherever_it_stands(sent, kept):
    assert without_tokens(sent.encode()).decode() == kept
    assert OPAQUE not in kept
    assert JWT not in kept


@pytest.mark.parametrize(
    "text",
    [
        "the bearer of good news",
        "Authorization is asked for; see primaryKeyJson.value and surveyJob.run.x",
        "example.company.org 10.20.30.40 1.2.3 model-v2.joblib.gz",
        "TopicAuthorizationFailedError: ml.model.events",
        '{"kind": "authorizations", "keys": ["eyJ", "e30", "ey.ey.ey"]}',
        "s3://models/incoming/demand.forecast.v1/model.onnx",
        "bearer certificates",
    ],
)
def test_what_is_no_token_stays_as_it_is(text):
    assert without_tokens(text.encode()) == text.encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_json_in_wide_letters_is_still_what_it_was_but_for_its_tokens(encoding):
    sent = {"authorization": f"Bearer {OPAQUE}", "data": {"note": f"é {JWT} ü"}}

    kept = json.loads(without_tokens(json.dumps(sent, ensure_ascii=False).encode(encoding)))

    assert kept["data"]["note"].replace("\0", "") == "é  ü"
    assert OPAQUE not in str(kept)


@given(st.binary(), st.sampled_from([JWT, f"Bearer {OPAQUE}"]), st.binary())
def test_whatever_stands_around_a_token_it_goes(before, token, after):
    kept = without_tokens(before + b" " + token.encode() + b" " + after)

    assert OPAQUE.encode() not in kept
    assert JWT.encode() not in kept


@given(st.binary())
def test_bytes_without_a_token_are_kept_and_what_is_cut_stays_cut(data):
    kept = without_tokens(data)

    assert without_tokens(kept) == kept
    if (
        not {b"earer", b"EARER", b"uthor", b"_tok", b"\\"} & {data[i : i + 5] for i in range(len(data))}
        and b"e" not in data
    ):
        assert kept == data


@settings(max_examples=60)
@given(
    st.recursive(
        st.text() | st.sampled_from([JWT, f"Bearer {OPAQUE}"]),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["a", "authorization", "Authorization"]), inner)
        ),
    ),
    st.booleans(),
)
def test_json_that_held_tokens_is_json_without_them(body, ascii_only):
    kept = without_tokens(json.dumps(body, ensure_ascii=ascii_only).encode(errors="surrogatepass"))

    assert JWT not in str(json.loads(kept))
    assert OPAQUE not in str(json.loads(kept))


HARD = ["a", "a.", "ey", "eyJ.", "bearer ", "Bearer ", "Bearer:", "authorization", "authorization:[", 'authorization:"']
HARDER = ["'authorization='", '{"authorization":', "access_token=", "[", '\\"', '"\\', "\\u0061", "\0e\0y"]
HARDEST = ["\\", "\0\\", "\0\\u0061", "\\u005c", "eyJhbGciOiJx.", "Bearer \\", "Bearer \\/", "-."]


@pytest.mark.parametrize("unit", HARD + HARDER + HARDEST)
def test_it_takes_time_by_length_alone_whatever_is_written(unit):
    def took(size):
        data = (unit * (size // len(unit) + 1)).encode()
        begun = time.process_time()
        without_tokens(data)
        return time.process_time() - begun

    assert took(500_000) < 3.0


def test_text_is_cut_likewise():
    assert text_without_tokens(f"no \ud800 {JWT}") == f"no \ud800 {CUT}"


def test_fields_that_surely_hold_a_token_are_named():
    body = {"a": [{"b": f"x {JWT}"}], "c": f"Bearer {OPAQUE}", "d": "Bearer bonds", JWT: 1, "e": 5, "f": "a.b.c"}

    assert list(fields_with_tokens(body)) == ["a.0.b", "c", ""]


@pytest.mark.parametrize(
    "name", ["authorization", "Authorization", "ce_authorization", "Proxy-Authorization", "dpop", "DPoP"]
)
def test_names_of_secrets_are_known(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["ce_id", "traceparent", "authorizations", "x-dpop-like", "tokens"])
def test_names_of_others_are_not(name):
    assert not is_secret(name)
