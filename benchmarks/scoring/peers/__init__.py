"""What runs in the peers' environment, `.venv-bench`: nothing here may import more than is installed there."""
