"""A file a format that is loaded in the child, named like the format, with `load(path, entrypoint, inputs, params)`."""
