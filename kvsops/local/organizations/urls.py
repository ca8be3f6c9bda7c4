"""The path of Organizations, in moto's idiom."""

from moto.organizations import urls as moto_urls

from kvsops.local.organizations.responses import OrganizationsResponse

url_bases = moto_urls.url_bases
url_paths = dict.fromkeys(moto_urls.url_paths, OrganizationsResponse.dispatch)
