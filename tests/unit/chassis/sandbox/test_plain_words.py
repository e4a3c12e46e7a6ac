"""What others' code says, less the paths, addresses and traces of a machine: over generated texts."""

import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.sandbox.child.plain_words import plain

WORDS = [
    "no such file:",
    "input-corrupt",
    "row 12",
    "of 18:03:16",
    "1.26.4",
    "and/or",
    "a::b",
    "torn",
    "(column price)",
]
OURS = ["s3://datasets/sales (old)/month=01/part.parquet", "s3://results/demand-fr/attempt-1/", "sales/2026/x.csv"]
AROUND = [("", ""), ("'", "'"), ('"', '"'), ("(", ")"), ("[", "]"), ("at=", ","), ("in ", ": torn"), ("<", ">")]
SECRET = "hidden"
JAVA = """org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.abortStage$1(DAGScheduler.scala:2856)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.io.IOException: hidden
\tat py4j.Gateway.invoke(Unknown Source)
\t... 1 more"""
SPARK = "Job aborted: Lost task 0.3 in stage 1.0\n\nDriver stacktrace:\nhidden"
NATIVE = "Check failed: x\nStack trace:\n  [bt] (0) libxgboost.so(+0x1) hidden"

steps = st.from_regex(r"[A-Za-z0-9_.@+~=%-]{0,6}hidden[A-Za-z0-9_.-]{0,6}", fullmatch=True)
names = st.from_regex(r"[a-z]{1,8}\.(parquet|csv|py)", fullmatch=True)
folders = st.lists(steps, min_size=1, max_size=4)
posix = st.builds(lambda folder, name: "/" + "/".join([*folder, name]), folders, names)
windows = st.builds(
    lambda drive, folder, name: drive + "\\".join([*folder, name]),
    st.sampled_from(["C:\\", "d:\\", "\\\\"]),
    folders,
    names,
)
spaced = st.builds(lambda path, sign: path.replace(SECRET, f"{SECRET} files"), posix | windows, st.none())
hosts = st.from_regex(r"hidden[a-z0-9-]{0,6}[a-z0-9](\.[a-z]{2,8}){1,2}", fullmatch=True)
v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).map(str).filter(lambda each: any(map(str.isdigit, each)))
ports = st.integers(min_value=1024, max_value=65535)
urls = st.builds(
    lambda scheme, who, host, port, path: f"{scheme}://{who}{host}:{port}{path}",
    st.sampled_from(["http", "https", "mongodb", "jdbc:postgresql", "file", "s3a"]),
    st.sampled_from(["", "hidden:hidden@"]),
    hosts | v4 | v6.map("[{}]".format),
    ports,
    posix | st.just(""),
)
servers = st.builds("{}:{}".format, hosts | v4 | st.just("localhost"), ports)
sockets = st.builds("{}/{}:{}".format, hosts | st.just(""), v4, ports)
addresses = v4 | v6 | servers | sockets | v6.map("[{}]:9092".format)


def said(thing: str, around: tuple[str, str], before: list[str], after: list[str]) -> str:
    return " ".join([*before, around[0] + thing + around[1], *after])


texts = st.lists(st.sampled_from(WORDS + OURS), max_size=3)
arounds = st.sampled_from(AROUND)


@given(path=posix | windows, around=arounds, before=texts, after=texts)
def test_of_a_path_its_last_step_is_left(path, around, before, after):
    text = plain(said(path, around, before, after))

    assert SECRET not in text
    assert path.replace("\\", "/").rpartition("/")[2] in text
    assert plain(text) == text


@given(path=spaced, quote=st.sampled_from("'\""))
def test_a_path_with_spaces_ends_with_its_quote(path, quote):
    assert SECRET not in plain(str(FileNotFoundError(2, f"No such file or directory: {quote}{path}{quote}")))


@given(thing=urls | addresses, around=arounds, before=texts, after=texts)
def test_of_an_address_nothing_is_left(thing, around, before, after):
    text = plain(said(thing, around, before, after))

    assert SECRET not in text
    assert thing.removesuffix("9092") not in text
    assert "[address]" in text
    assert plain(text) == text


@given(trace=st.sampled_from([JAVA, JAVA.replace("\n\t", " "), SPARK, NATIVE]), before=texts)
def test_of_a_trace_nothing_is_left(trace, before):
    text = plain(" ".join([*before, trace]))

    assert SECRET not in text
    assert not any(sign in text for sign in (".scala", ".java:", "Stack", "stacktrace", "[bt]"))
    assert trace.partition("\n")[0].split(" at ")[0].split(" Stack")[0] in text


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("error", [ValueError(SECRET), ExceptionGroup(SECRET, [ValueError(SECRET)])])
def test_of_a_trace_of_pythons_the_words_before_it_are_left(flat, error):
    with pytest.raises(type(error)) as raised:
        raise error
    trace = "".join(traceback.format_exception(raised.value))
    text = f"An exception was thrown from the Python worker.\n{trace}"

    assert plain(text.replace("\n", " ") if flat else text) == "An exception was thrown from the Python worker."
    assert plain('it broke: File "x.py", line 3, in hidden') == "it broke:"


@given(st.lists(st.sampled_from(WORDS + OURS), min_size=1))
def test_what_names_no_machine_stays_as_it_is(words):
    assert plain(" ".join(words)) == " ".join(words)


@pytest.mark.parametrize(
    "again", ["/", "'/", "a/", ":", "at a.b", "\\\\", "C:/", "1.2.3.4", "a.b:", '"/a', 'File "', "s"]
)
def test_a_long_text_takes_no_long_time(again):
    began = time.process_time()
    plain(again * 20_000)
    assert time.process_time() - began < 1
