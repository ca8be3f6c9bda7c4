"""The Price List API, as far as Kinesis Video Streams is in it. moto has none."""
