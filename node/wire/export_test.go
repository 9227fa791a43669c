package wire

// Cap is how much memory a Decoder holds.
func (d *Decoder) Cap() int { return cap(d.buf) }

// Kinds is how many types of messages there are.
const Kinds = int(kindIntroduction)
