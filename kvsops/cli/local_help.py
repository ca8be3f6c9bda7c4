"""The help of `kvsops local`."""

from typing import Final

HELP: Final = """\
Emulate the service on this machine, without an AWS account.

\b
Examples:
  kvsops local --fleet 200 -- kvsops sweep --older-than 2h
  kvsops local --fleet 200 -- aws kinesisvideo list-signaling-channels
  kvsops local --fleet 200 -- bash        # a shell to try everything in
  kvsops local --latency 50ms --fault '*:InternalFailure:5%' -- make test
  kvsops local --base-port 4579 --ca-dir ~/.kvsops-ca
  kvsops local --aws-names --host 127.0.0.2

With a COMMAND, run it against the emulator and exit with its exit code. Without one, run until
Ctrl-C, and name a file that lets other shells use the emulator; off a terminal, also print the
variables that lead AWS's clients to it.

The COMMAND's clients, in any language, find the emulator through AWS_ENDPOINT_URL. They get
throwaway credentials and cannot see your own AWS configuration. Kinesis Video signaling channels,
tags (Resource Groups Tagging API), CloudWatch and STS are emulated. Channels have endpoints that
masters and viewers can connect to, and STUN and TURN; SSL_CERT_FILE and the like make clients
trust them. Nothing is kept when the emulator stops.

\b
Faults: OPERATION may be * for all; SHARE is 0 to 1, or 0% to 100%; ERROR is
an AWS error code, such as AccessDeniedException, or
  drop        close the connection, and do nothing
  drop-after  do it, but never send the answer
  late        do it, but answer after the client gave up

\b
ConnectAsMaster, ConnectAsViewer, SendSdpOffer, SendSdpAnswer, SendCandidate
and GetIceServerConfig have ERRORs of their own:
  delay       take a second longer
  duplicate   deliver a message twice
  reorder     let the sender's next message overtake this one
  go-away     send GO_AWAY at once, and close the connection a minute later
  reconnect-ice-server  tell a connection to ask for ICE servers again

Allocate:turn-refused:SHARE makes TURN forbid allocations. A dropped message is lost; one that
meets an AWS error code is refused, and its sender is told if it gave a correlation ID. Each
refusal, and each peer displaced by another, is a line on standard error.

GetMetricData:partial:SHARE answers that share of each call's queries with InternalError.
"""
