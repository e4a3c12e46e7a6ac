"""This service's own figures."""

from prometheus_client import Gauge

UNFIT = Gauge("mlp_deployer_deployments_unfit", "Deployments in use that mean a version which isn't run any more.")
