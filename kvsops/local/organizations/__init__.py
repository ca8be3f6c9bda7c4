"""AWS Organizations: moto's, with an organisation that is the same at each start."""
