"""Offers as Chromium, AWS's C code and AWS's Python samples write them, and their answers."""

from collections.abc import Sequence
from itertools import permutations
from typing import Final

KINDS: Final = ("audio", "video", "application")
ORDERS: Final = [order for size in (1, 2, 3) for order in permutations(KINDS, size)]
"""All orders of all subsets."""
FINGERPRINT: Final = ":".join(["5E"] * 32)
HOST: Final = "candidate:1 1 udp 2130706431 192.0.2.7 50007 typ host"

_CHROMIUM: Final = {
    "audio": """m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
{transport}
a=mid:{mid}
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=sendrecv
a=msid:- 4f1c5b9e-7a55-4f10-9d22-3f1f6c1ad8c1
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
a=ssrc:3570614608 msid:- 4f1c5b9e-7a55-4f10-9d22-3f1f6c1ad8c1""",
    "video": """m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114 115 116 45 46 98 99 118
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
{transport}
a=mid:{mid}
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=sendrecv
a=msid:- 0f7f4f0e-9f0d-4c7b-8a2d-8f2a7c3b1c55
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=rtcp-fb:103 nack pli
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:107 H264/90000
a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
a=rtpmap:108 rtx/90000
a=fmtp:108 apt=107
a=rtpmap:109 H264/90000
a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:114 rtx/90000
a=fmtp:114 apt=109
a=rtpmap:115 H264/90000
a=fmtp:115 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
a=rtpmap:116 red/90000
a=rtpmap:45 AV1/90000
a=fmtp:45 level-idx=5;profile=0;tier=0
a=rtpmap:46 rtx/90000
a=fmtp:46 apt=45
a=rtpmap:98 VP9/90000
a=fmtp:98 profile-id=0
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
a=rtpmap:118 ulpfec/90000
a=ssrc-group:FID 2231627014 632943048
a=ssrc:2231627014 cname:4TOk42mSjXCkVIa6
a=ssrc:632943048 cname:4TOk42mSjXCkVIa6""",
    "application": """m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
{transport}
a=mid:{mid}
a=sctp-port:5000
a=max-message-size:262144""",
}
_C: Final = {
    "audio": """m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 127.0.0.1
a=msid:myKvsVideoStream myAudioTrack
a=ssrc:1743019002 cname:rfs1ZTcmjSqEZo4S
a=ssrc:1743019002 msid:myKvsVideoStream myAudioTrack
a=rtcp:9 IN IP4 0.0.0.0
{transport}
a=mid:{mid}
a=sendrecv
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtcp-fb:111 transport-cc""",
    "video": """m=video 9 UDP/TLS/RTP/SAVPF 125
c=IN IP4 127.0.0.1
a=msid:myKvsVideoStream myVideoTrack
a=ssrc:1743019003 cname:rfs1ZTcmjSqEZo4S
a=ssrc:1743019003 msid:myKvsVideoStream myVideoTrack
a=rtcp:9 IN IP4 0.0.0.0
{transport}
a=mid:{mid}
a=sendrecv
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:125 H264/90000
a=fmtp:125 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtcp-fb:125 nack
a=rtcp-fb:125 goog-remb
a=rtcp-fb:125 transport-cc""",
    "application": """m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 127.0.0.1
{transport}
a=mid:{mid}
a=sctp-port:5000""",
}
_PYTHON: Final = {
    "audio": """m=audio 50007 UDP/TLS/RTP/SAVPF 96 0 8
c=IN IP4 192.0.2.7
a=recvonly
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=mid:{mid}
a=msid:1b9d2b1a 2d6f
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc:1219049120 cname:b1ad
a=rtpmap:96 opus/48000/2
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
{transport}""",
    "video": """m=video 50007 UDP/TLS/RTP/SAVPF 97 98 99 100
c=IN IP4 192.0.2.7
a=recvonly
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=mid:{mid}
a=msid:1b9d2b1a 7a3c
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc:3051128402 cname:b1ad
a=rtpmap:97 VP8/90000
a=rtcp-fb:97 nack
a=rtcp-fb:97 nack pli
a=rtpmap:98 rtx/90000
a=fmtp:98 apt=97
a=rtpmap:99 H264/90000
a=fmtp:99 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:100 rtx/90000
a=fmtp:100 apt=99
{transport}""",
    "application": """m=application 50007 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.7
a=mid:{mid}
a=sctp-port:5000
a=max-message-size:65536
{transport}""",
}
STYLES: Final = {"chromium": _CHROMIUM, "c": _C, "python": _PYTHON}
_SHA_384: Final = ":".join(["38"] * 48)


def _transport(style: str, setup: str) -> list[str]:
    lines = ["a=ice-ufrag:uuuu", f"a=ice-pwd:{'p' * 24}"]
    lines += [f"a=fingerprint:sha-256 {FINGERPRINT}"]
    if style == "python":
        lines += [f"a=fingerprint:sha-384 {_SHA_384}", f"a={HOST}", "a=end-of-candidates"]
    else:
        lines += ["a=ice-options:trickle"]
    return [*lines, f"a=setup:{setup}"]


def description(
    style: str, kinds: Sequence[str], *, setup: str = "actpass", mids: Sequence[str] = "012345"
) -> str:
    """Write an offer of these kinds, in this order; with another `setup`, an answer."""
    transport = "\n".join(_transport(style, setup))
    names = list(mids)[: len(kinds)]
    session = [
        *("v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0"),
        f"a=group:BUNDLE {' '.join(names)}",
        *(["a=extmap-allow-mixed"] if style == "chromium" else []),
        "a=msid-semantic: WMS *",
    ]
    sections = (
        STYLES[style][kind].format(mid=mid, transport=transport)
        for kind, mid in zip(kinds, names, strict=True)
    )
    return "\r\n".join("\n".join([*session, *sections]).split("\n")) + "\r\n"
