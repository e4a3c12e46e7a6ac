"""Where untrusted bytes are parsed and models run: a child without credentials, network or a way out."""
