"""The only importer of boto3: calls to AWS, paced, retried and counted."""
