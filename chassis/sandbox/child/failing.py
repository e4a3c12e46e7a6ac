"""What a model raised, as its owner should read it."""

import resource


def in_words(error: BaseException) -> str:
    """The error, and where it is the sandbox that it met, what can be done."""
    if isinstance(error, MemoryError):
        return _with(_out_of_memory(), str(error))
    if isinstance(error, ModuleNotFoundError) and error.name:
        kind = "module" if "." in error.name else "package"
        return (
            f"the model needs the {kind} {error.name}, which the model environment does not have"
            " (a version's requirements are not installed yet)"
        )
    return _with(type(error).__name__, str(error))


def _out_of_memory() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return "out of memory"
    return f"the sandbox's memory limit of {limit >> 20} MB was reached (MLP_SANDBOX_MEMORY_BYTES)"


def _with(what: str, detail: str) -> str:
    return f"{what}: {detail}" if detail else what
