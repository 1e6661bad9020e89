"""Where the suite comes from, and the work trees that its units run in.

The suite is an unpacked Redis (or Valkey) source tree: given by the user, or Debian's source
package, fetched once into the work directory. It runs natively: it starts `src/redis-server`
itself, so each unit gets a tree of its own with a copy of `tests/` and a `src/` of links to the
programs under test.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

# Redis's suite and Valkey's look for their own names.
BRANDS = ["redis", "valkey"]
# The roles that our one binary takes by the name it is called.
ROLES = ["server", "sentinel", "check-rdb", "check-aof"]
# Programs that are not ours: the real ones, so that the suite judges only the server.
CLIENTS = ["cli", "benchmark"]
SOURCE_PACKAGE = "redis"
UPSTREAM_VERSION = "7.0.15"


class SuiteError(Exception):
    """The suite or a program it needs cannot be had; the text says what to do."""


def find_suite(given, work):
    """The root of an unpacked source tree: `given`, or Debian's package under `work`."""
    root = Path(given).resolve() if given else _debian_source(work)
    if not (root / "tests/test_helper.tcl").is_file():
        raise SuiteError(f"{root} holds no tests/test_helper.tcl: not a Redis source tree")
    return root


def all_units(root):
    """The units that the suite itself lists, in its order."""
    text = (root / "tests/test_helper.tcl").read_text()
    listed = re.search(r"set ::all_tests \{(.*?)\}", text, re.S)
    if listed:
        return listed.group(1).split()
    # Later versions, and Valkey, list folders instead.
    folders = re.search(r"set test_dirs \{(.*?)\}", text, re.S)
    if not folders:
        raise SuiteError(f"{root}/tests/test_helper.tcl does not say which units there are")
    tests = root / "tests"
    return [
        str(path.relative_to(tests).with_suffix(""))
        for folder in folders.group(1).split()
        for path in sorted((tests / folder).glob("*.tcl"))
    ]


@dataclass(frozen=True)
class Tree:
    """What units run in: the suite, the program under test, lines for its configuration."""

    root: Path
    server: Path
    settings: list[str] = field(default_factory=list)


def make_tree(tree, place):
    """A directory in which `tclsh tests/test_helper.tcl` starts the server."""
    root, server = tree.root, tree.server
    place.mkdir(parents=True)
    shutil.copytree(root / "tests", place / "tests", symlinks=True)
    (place / "tests/tmp").mkdir(exist_ok=True)
    with (place / "tests/assets/default.conf").open("a") as configuration:
        configuration.writelines(f"\n{line}\n" for line in tree.settings)
    src = place / "src"
    src.mkdir()
    for brand in BRANDS:
        for role in ROLES:
            (src / f"{brand}-{role}").symlink_to(server)
        for client in CLIENTS:
            (src / f"{brand}-{client}").symlink_to(_program(f"redis-{client}"))
    return place


def _program(name):
    path = shutil.which(name)
    if path is None:
        raise SuiteError(f"{name} is missing; Debian has it in redis-tools")
    return path


def _debian_source(work):
    unpacked = work / f"{SOURCE_PACKAGE}-{UPSTREAM_VERSION}"
    if unpacked.is_dir():
        return unpacked
    print(f"fetching Debian's source package {SOURCE_PACKAGE} {UPSTREAM_VERSION} …", flush=True)
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="corewire-apt-") as scratch:
        options = _apt_configuration(Path(scratch))
        try:
            _run(["apt-get", *options, "-q", "update"])
            _run(["apt-get", *options, "-q", "--download-only", "source", SOURCE_PACKAGE], scratch)
            (dsc,) = Path(scratch).glob(f"{SOURCE_PACKAGE}_{UPSTREAM_VERSION}-*.dsc")
            _run(["dpkg-source", "--no-check", "--no-copy", "-x", str(dsc), str(unpacked)])
        except (OSError, ValueError, subprocess.CalledProcessError) as problem:
            raise SuiteError(
                f"could not get Debian's {SOURCE_PACKAGE} {UPSTREAM_VERSION} ({problem}); "
                "give an unpacked Redis tree with --suite"
            ) from problem
    return unpacked


def _run(command, place=None):
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)


def _apt_configuration(scratch):
    """Options for an apt that knows source packages too, leaving the system's own files alone."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    scratch.chmod(0o755)
    sources = scratch / "sources.list"
    sources.write_text("".join(f"{line}\n" for line in _deb_src_lines(Path("/etc/apt"))))
    return [
        f"-oDir::Etc::SourceList={sources}",
        "-oDir::Etc::SourceParts=/dev/null",
        f"-oDir::State::Lists={scratch}/lists",
        f"-oDir::Cache={scratch}/cache",
        "-oAPT::Sandbox::User=root",
        "-oAcquire::Languages=none",
    ]


def _deb_src_lines(etc):
    """The `deb-src` twin of every `deb` line and stanza that the machine has."""
    lines = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        if path.is_file():
            for line in path.read_text().splitlines():
                if re.match(r"deb(-src)?\s", line):
                    lines.append(re.sub(r"^deb(-src)?", "deb-src", line))
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            lines.extend(_stanza_lines(stanza))
    return list(dict.fromkeys(lines))


def _stanza_lines(stanza):
    fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.M))
    if fields.get("Enabled", "yes").strip() == "no" or "URIs" not in fields:
        return
    key = fields.get("Signed-By", "").strip()
    options = f"[signed-by={key}] " if key.startswith(os.sep) else ""
    components = fields.get("Components", "")
    for uri in fields["URIs"].split():
        for release in fields.get("Suites", "").split():
            yield f"deb-src {options}{uri} {release} {components}".rstrip()
