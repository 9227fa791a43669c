package wire

// Cap is the size of the Decoder's buffer, in bytes.
func (d *Decoder) Cap() int { return cap(d.buf) }

// MessageTypes is the number of types of messages.
const MessageTypes = int(typeIntroduction)
