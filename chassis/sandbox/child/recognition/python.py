"""Python: a module, a directory with modules, or an archive (zip, wheel) of them."""

from .archive import names_in_zip
from .bundle import Bundle
from .text import is_text


def check(bundle: Bundle) -> str | None:
    modules = [path for path in bundle.sizes if path.endswith(".py")]
    for path in modules:
        if bundle.sizes[path] > 0 and not is_text(bundle, path):
            return f"has a module that is no text: {path}"
    if any(bundle.sizes[path] for path in modules):
        return None
    path = bundle.only(".zip", ".whl")
    names = names_in_zip(bundle, path) if path else None
    return None if names and any(name.endswith(".py") for name in names) else "has no Python module"
