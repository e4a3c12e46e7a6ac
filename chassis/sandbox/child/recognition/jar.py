"""A Java archive, from Java, Scala or any other language of the JVM."""

from .archive import names_in_zip
from .bundle import Bundle


def check(bundle: Bundle) -> str | None:
    jars = [path for path in bundle.sizes if not bundle.is_directory or path.endswith(".jar")]
    if not jars:
        return "holds no .jar file"
    for path in jars:
        names = names_in_zip(bundle, path)
        if names is None or not any(name.endswith(".class") for name in names):
            return f"is no Java archive with classes in it: {path}"
    return None
