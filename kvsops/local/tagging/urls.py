"""The path of the Resource Groups Tagging API, in moto's idiom."""

from moto.resourcegroupstaggingapi import urls as moto_urls

from kvsops.local.tagging.responses import ResourceGroupsTaggingAPIResponse

url_bases = moto_urls.url_bases
url_paths = dict.fromkeys(moto_urls.url_paths, ResourceGroupsTaggingAPIResponse.dispatch)
