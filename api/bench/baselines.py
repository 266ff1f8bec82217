"""Other engines on the same messages, in the same run: what ``bench mapping`` compares with.

They come with ``make bench-mapping`` and are no dependency of the product, so each is looked up by name; what isn't here is told as missing.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from gateway.jsonbytes import dumps, loads

Convert = Callable[[bytes], object]

# How many messages an engine gets, slow ones fewer: their medians are steady long before that.
FEW, MANY = 60, 400
WARM_JVM, TIMED_JVM = 200, 200
JAVA_SECONDS: Final = 1200
SEPARATOR: Final = b"\x1c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An engine that runs in this process. ``make`` returns its function from message bytes, or raises ImportError."""

    name: str
    make: Callable[[], Convert]
    messages: int


def _hl7apy() -> Convert:
    parser = importlib.import_module("hl7apy.parser")
    tolerant = importlib.import_module("hl7apy.consts").VALIDATION_LEVEL.TOLERANT
    return lambda data: parser.parse_message(data.decode(), validation_level=tolerant)


def _python_hl7() -> Convert:
    parse = importlib.import_module("hl7").parse
    return lambda data: parse(data.decode())


def _bridge(*, validated: bool) -> Convert:
    """Return hl7v2-fhir-bridge from bytes to JSON bytes (by our faster encoder), with the validation that it ships with or without."""
    parse = importlib.import_module("v2fhir.hl7.parser").parse_bytes
    convert = importlib.import_module("v2fhir.convert").convert
    validate = importlib.import_module("v2fhir.validate").validate_bundle
    config = importlib.import_module("v2fhir.config").Config(default_timezone="Europe/Amsterdam")

    def run(data: bytes) -> object:
        bundle = convert(parse(data), config).bundle
        if validated:
            validate(bundle)
        return dumps(bundle)

    return run


IN_PROCESS: Final = (
    Baseline(name="hl7apy-parse", make=_hl7apy, messages=FEW),
    Baseline(name="python-hl7-parse", make=_python_hl7, messages=MANY),
    Baseline(name="hl7v2-fhir-bridge", make=partial(_bridge, validated=True), messages=MANY),
    Baseline(name="hl7v2-fhir-bridge-unvalidated", make=partial(_bridge, validated=False), messages=MANY),
)
LINUXFORHEALTH: Final = "linuxforhealth-hl7v2-fhir-converter"


def linuxforhealth(inputs: Mapping[str, Sequence[bytes]], folder: Path) -> dict[str, Any]:
    """Return what LinuxForHealth's converter needs per kind in a warm JVM (the thread's CPU time), or why there is nothing.

    ``folder`` is where it is built, by Maven, the first time.
    """
    absent = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    if absent:
        return {"missing": f"not installed: {', '.join(absent)}"}
    try:
        classpath = _built(folder)
        paths = list(_written(inputs, folder))
        command = ["java", "-Xmx1g", "-cp", classpath, "Timed", str(WARM_JVM), *map(str, paths)]
        done = _run(command, folder)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return {"missing": str(error)}
    return dict(zip(inputs, map(loads, done.splitlines()), strict=True))


def _built(folder: Path) -> str:
    """Return the Java class path, after compiling what isn't compiled yet."""
    with as_file(files("api.bench") / "linuxforhealth") as sources:
        shutil.copytree(sources, folder, dirs_exist_ok=True)
    listing = folder / "target" / "classpath"
    newest = max(path.stat().st_mtime for path in (folder / "pom.xml", *(folder / "src").iterdir()))
    if not (listing.exists() and listing.stat().st_mtime >= newest and (folder / "target" / "classes").is_dir()):
        _run(["mvn", "-q", "-B", "compile"], folder)
        listing.touch()
    return f"{folder / 'target' / 'classes'}:{listing.read_text(encoding='utf-8').strip()}"


def _written(inputs: Mapping[str, Sequence[bytes]], folder: Path) -> Iterator[Path]:
    for kind, messages in inputs.items():
        path = folder / f"{kind}.txt"
        path.write_bytes(SEPARATOR.join(messages[: WARM_JVM + TIMED_JVM]))
        yield path


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - commands of ours
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=JAVA_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}")
    return done.stdout
