"""AWS Organizations: moto's, with an organization that is the same at each start."""
