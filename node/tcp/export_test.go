package tcp

// DecodeVerdict lets tests read verdicts.
var DecodeVerdict = decodeVerdict
