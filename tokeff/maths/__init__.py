"""Mathematics of the field on arrays: entropy, intervals, code lengths, distortion. numpy and torch; no I/O."""
