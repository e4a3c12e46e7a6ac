import configparser
import json
import sys
from pathlib import Path

from infra.embedded.layout import Layout
from infra.embedded.program import Program, install, uninstall

SECRET = 'it\'s "quoted" %(ENV_X)s; # and more\n'


def _layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, tmp_path / "run", tmp_path)
    layout.make()
    return layout


def _section(layout: Layout, name: str) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read(layout.programs / f"{name}.ini")
    return parser[f"program:{name}"]


def test_secrets_reach_a_program_whatever_characters_they_have_and_are_not_in_the_ini(tmp_path):
    layout = _layout(tmp_path)
    install(Program(name="p", command=("p",), folder=tmp_path, environment={"MLP_X": SECRET}), layout)
    assert json.loads((layout.programs / "p.json").read_text())["environment"] == {"MLP_X": SECRET}
    assert "quoted" not in (layout.programs / "p.ini").read_text()


def test_a_changed_program_changes_its_section(tmp_path):
    layout = _layout(tmp_path)
    install(Program(name="p", command=("p", "1"), folder=tmp_path), layout)
    before = dict(_section(layout, "p"))
    install(Program(name="p", command=("p", "1"), folder=tmp_path), layout)
    assert dict(_section(layout, "p")) == before
    install(Program(name="p", command=("p", "2"), folder=tmp_path), layout)
    assert dict(_section(layout, "p")) != before


def test_a_program_is_restarted_and_stopped_as_it_says(tmp_path):
    layout = _layout(tmp_path)
    install(Program(name="p", command=("p",), folder=tmp_path, stop_signal="INT", stop_wait_s=7), layout)
    section = _section(layout, "p")
    assert (section["autorestart"], section["stopsignal"], section["stopwaitsecs"]) == ("true", "INT", "7")
    assert section["command"].startswith(sys.executable)


def test_an_uninstalled_program_leaves_no_file(tmp_path):
    layout = _layout(tmp_path)
    install(Program(name="p", command=("p",), folder=tmp_path), layout)
    uninstall("p", layout)
    assert list(layout.programs.iterdir()) == []
