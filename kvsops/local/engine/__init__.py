"""AWS's own engine, as far as a deployed sweep needs more of moto than it has.

It is installed for `mock_aws` alone, and never served: whoever could call it could run code.
"""
