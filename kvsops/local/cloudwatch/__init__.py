"""CloudWatch of moto, with an index of the service's own metrics in front of it."""
