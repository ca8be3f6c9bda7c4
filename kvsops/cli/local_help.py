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
  kvsops local --accounts 5 --fleet 200 --region us-east-1 --region eu-west-1
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

With --accounts, the caller's account 123456789012 manages an organization of N: the others are
200000000002, 200000000003 and so on, in the units Production, Development and Sandboxes; one
more, 299999999999, is suspended. Organizations lists them. In each, AssumeRole gives credentials of
the roles kvsops-sweep, and kvsops-external with the external id kvsops-external-id. The fleet is
spread over accounts and regions.

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

\b
A fault of the API may end with a place: OPERATION:ERROR:SHARE:PLACE, PLACE an
account, a region, or ACCOUNT/REGION. AssumeRole is where the role is.
  AssumeRole:AccessDenied:1:200000000003   an account without the role
  *:not-enabled:1:ap-east-1                a region that is not enabled
  *:scp-deny:1:200000000002/eu-west-1      a service control policy denies all
"""
