"""The path of CloudWatch, in moto's idiom."""

from moto.cloudwatch import urls as moto_urls

from kvsops.local.cloudwatch.responses import CloudWatchResponse

url_bases = moto_urls.url_bases
url_paths = dict.fromkeys(moto_urls.url_paths, CloudWatchResponse.dispatch)
