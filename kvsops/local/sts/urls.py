"""The path of STS, in moto's idiom."""

from moto.sts import urls as moto_urls

from kvsops.local.sts.responses import TokenResponse

url_bases = moto_urls.url_bases
url_paths = dict.fromkeys(moto_urls.url_paths, TokenResponse.dispatch)
