"""The paths of the Kinesis Video control plane, in moto's idiom: moto finds them by this name."""

from moto.kinesisvideo import urls as moto_urls

from kvsops.local.kinesisvideo.responses import KinesisVideoResponse

SIGNALING_PATHS = (
    "/createSignalingChannel",
    "/deleteSignalingChannel",
    "/describeMappedResourceConfiguration",
    "/describeMediaStorageConfiguration",
    "/describeSignalingChannel",
    "/getSignalingChannelEndpoint",
    "/listSignalingChannels",
    "/ListTagsForResource",
    "/TagResource",
    "/UntagResource",
    "/updateMediaStorageConfiguration",
    "/updateSignalingChannel",
)
STREAM_PATHS = (
    "/describeStreamStorageConfiguration",
    "/listTagsForStream",
    "/tagStream",
    "/untagStream",
    "/updateDataRetention",
    "/updateStreamStorageConfiguration",
)
"""Those that moto lacks."""

url_bases = moto_urls.url_bases
url_paths = dict.fromkeys(
    (*moto_urls.url_paths, *(f"{{0}}{path}$" for path in (*SIGNALING_PATHS, *STREAM_PATHS))),
    KinesisVideoResponse.dispatch,
)
