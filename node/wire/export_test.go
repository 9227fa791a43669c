package wire

// Cap is how much memory a Decoder holds.
func (d *Decoder) Cap() int { return cap(d.buf) }

// MessageTypes is how many types of messages there are.
const MessageTypes = int(typeIntroduction)
