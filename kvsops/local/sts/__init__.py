"""Security Token Service: moto's, which asks more of who assumes an organization's roles."""
