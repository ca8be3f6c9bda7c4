"""Security Token Service: moto's, which asks more of who assumes an organisation's roles."""
