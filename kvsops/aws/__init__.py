"""The only importer of botocore's client side: calls to AWS, paced, retried and counted."""
